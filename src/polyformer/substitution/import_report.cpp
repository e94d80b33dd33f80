#include "polyformer/substitution/import_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/substitution/import_page.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/json.h"

namespace polyformer::substitution {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kReportedBins = 48;
constexpr int kCurvePoints = 97;
constexpr std::string_view kPlaceholder = "IMPORT_JSON</script>";

Json histogram_to_json(const SiteStatistics& site) {
    const approx::Histogram histogram = site.histogram.histogram(kReportedBins);
    Json edges = Json::array();
    for (const double edge : histogram.edges) edges.push_back(from_coordinate(site.coordinate, edge));
    return {{"edges", edges}, {"counts", histogram.counts}};
}

/// p − f, or p / f − 1, over the interval.
Json error_curve(const SiteFindings& site) {
    const approx::TargetFunction target = approx::target_function(site.seen->function);
    const model::Polynomial& fit = site.fit.polynomial;
    const approx::ChebyshevPolynomial polynomial{fit.lower, fit.upper, fit.coefficients};
    const Coordinate coordinate = site.seen->coordinate;
    const double lower = to_coordinate(coordinate, fit.lower);
    const double upper = to_coordinate(coordinate, fit.upper);
    Json x_values = Json::array();
    Json errors = Json::array();
    for (int i = 0; i < kCurvePoints; ++i) {
        const double share = static_cast<double>(i) / (kCurvePoints - 1);
        const double x = std::clamp(from_coordinate(coordinate, lower + (upper - lower) * share), fit.lower, fit.upper);
        x_values.push_back(x);
        errors.push_back(site.fit.relative ? polynomial(x) / target(x) - 1 : polynomial(x) - target(x));
    }
    return {{"x", x_values}, {"error", errors}};
}

Json site_to_json(const SiteFindings& site) {
    const SiteStatistics& seen = *site.seen;
    const auto on_scale = [&](double x) { return from_coordinate(seen.coordinate, x); };
    double smallest = seen.texts.front().smallest;
    double largest = seen.texts.front().largest;
    for (const TextRange& text : seen.texts) {
        smallest = std::min(smallest, text.smallest);
        largest = std::max(largest, text.largest);
    }
    Json tried = Json::array();
    for (const DegreeOption& option : site.options) {
        tried.push_back({{"degree", option.degree}, {"loss", finite_or_null(option.loss)}, {"seconds", option.price}});
    }
    const std::size_t degree = site.options[site.pick].degree;
    return {{"name", seen.name},
            {"function", seen.function},
            {"degree", degree},
            {"depth", approx::depth_of_degree(degree)},
            {"interval", {site.interval.interval.lower, site.interval.interval.upper}},
            {"seen", {on_scale(smallest), on_scale(largest)}},
            {"quantiles",
             {{"0.001", on_scale(seen.histogram.quantile(0.001))},
              {"0.5", on_scale(seen.histogram.quantile(0.5))},
              {"0.999", on_scale(seen.histogram.quantile(0.999))}}},
            {"escape", site.interval.escape},
            {"held_out_texts_outside", site.outside},
            {"error", site.fit.relative ? "relative" : "absolute"},
            {"mean_error", site.fit.mean_error},
            {"largest_error", site.fit.largest_error},
            {"loss", finite_or_null(site.options[site.pick].loss)},
            {"seconds", site.options[site.pick].price},
            {"tried", tried},
            {"histogram", histogram_to_json(seen)},
            {"curve", error_curve(site)}};
}

std::string number(const Json& value) {
    return value.is_number() ? fmt::format("{:.3g}", value.get<double>()) : "-";
}

std::string range(const Json& ends) {
    return fmt::format("{:>9} .. {:>8}", number(ends[0]), number(ends[1]));
}

/// "texts", or what else was measured.
std::string measured(const Json& report) {
    return report["calibration"].value("of", "texts");
}

/// "1 in 12000 texts".
std::string one_in(double probability, const std::string& things) {
    return probability > 0 ? fmt::format("1 in {:.2g} {}", 1 / probability, things)
                           : fmt::format("none of the {}", things);
}

}  // namespace

Json to_json(const Findings& findings) {
    Json heads = Json::array();
    for (const HeadFindings& head : findings.heads) {
        Json entry = {{"attention", head.attention},
                      {"head", head.head},
                      {"residual", {head.residual.smallest, head.residual.largest}},
                      {"deviation", head.residual.deviation},
                      {"constant", head.constant}};
        if (head.constant) {
            entry["spread"] = head.spread;
            entry["loss"] = head.loss;
        }
        heads.push_back(std::move(entry));
    }
    Json sites = Json::array();
    for (const SiteFindings& site : findings.sites) sites.push_back(site_to_json(site));
    Json starts = Json::array();
    for (const FixedPolynomial& start : findings.starts) {
        starts.push_back({{"name", start.name},
                          {"degree", start.degree},
                          {"depth", approx::depth_of_degree(start.degree)},
                          {"interval", {start.interval.interval.lower, start.interval.interval.upper}},
                          {"escape", start.interval.escape}});
    }
    Json document = {
        {"format", "polyformer-import"},
        {"version", 1},
        {"loss",
         {{"kind", name_of(findings.kind)},
          {"budget", findings.budget},
          {"mean", finite_or_null(findings.output.loss.mean)},
          {"largest", finite_or_null(findings.output.loss.largest)}}},
        {"escape", {{"probability", findings.escape}, {"wanted", findings.wanted_escape}, {"margin", findings.margin}}},
        {"calibration",
         {{"texts", findings.sample_texts},
          {"tokens", findings.tokens},
          {"stress_texts", findings.stress_texts},
          {"held_out_texts", findings.held_out_texts}}},
        {"heads", heads},
        {"starts", starts},
        {"sites", sites}};
    if (findings.kind == OutputLoss::divergence) {
        const auto rows = static_cast<double>(std::max<std::size_t>(1, findings.output.rows));
        document["loss"]["most_likely_alike"] = static_cast<double>(findings.output.alike) / rows;
    }
    if (findings.next_tokens) {
        document["loss"]["perplexity"] = {{"before", finite_or_null(findings.output.before.perplexity())},
                                          {"after", finite_or_null(findings.output.after.perplexity())}};
    }
    return document;
}

std::string describe(const Json& report) {
    std::string text = fmt::format("  {:<42} {:>21} {:>21} {:>6} {:>9} {:>9} {:>8}\n", "function of", "seen",
                                   "interval", "degree", "error", "loss", "escape");
    for (const Json& site : report["sites"]) {
        text += fmt::format("  {:<42} {} {} {:>6} {:>9} {:>9} {:>8}\n", site["name"].get<std::string>(),
                            range(site["seen"]), range(site["interval"]), site["degree"].get<std::size_t>(),
                            number(site["mean_error"]), number(site["loss"]), number(site["escape"]));
    }
    for (const Json& head : report["heads"]) {
        if (!head["constant"].get<bool>()) continue;
        text +=
            fmt::format("head {} of {} gives the same weights whatever it is given: it became a mask (loss {})\n",
                        head["head"].get<std::size_t>(), head["attention"].get<std::string>(), number(head["loss"]));
    }
    for (const Json& start : report["starts"]) {
        text += fmt::format("{} got a first polynomial, of degree {} on {}\n", start["name"].get<std::string>(),
                            start["degree"].get<std::size_t>(),
                            number(start["interval"][0]) + " .. " + number(start["interval"][1]));
    }
    const Json& loss = report["loss"];
    const Json& calibration = report["calibration"];
    text += fmt::format("{}: mean {}, largest {} over {} {} held out (asked for: {})\n",
                        loss["kind"].get<std::string>(), number(loss["mean"]), number(loss["largest"]),
                        calibration["held_out_texts"].get<std::size_t>(), measured(report), number(loss["budget"]));
    if (loss.contains("most_likely_alike")) {
        text +=
            fmt::format("the most likely answer stays in {:.1f} %\n", 100 * loss["most_likely_alike"].get<double>());
    }
    if (loss.contains("perplexity")) {
        text += fmt::format("perplexity {}, before substitution {}\n", number(loss["perplexity"]["after"]),
                            number(loss["perplexity"]["before"]));
    }
    text +=
        fmt::format("an interval is left by {0}, as far as {1} {2} can tell; where one is left there is no answer\n",
                    one_in(report["escape"]["probability"].get<double>(), measured(report)),
                    calibration["texts"].get<std::size_t>(), measured(report));
    return text;
}

std::string render_page(const Json& report) {
    // "</" would end the script element that holds the data.
    std::string data = report.dump();
    for (std::size_t at = 0; (at = data.find("</", at)) != std::string::npos; at += 3) data.replace(at, 2, "<\\/");
    std::string page(import_page);
    const std::size_t place = page.find(kPlaceholder);
    require(place != std::string::npos, "the page of an import has no place for its data");
    page.replace(place, kPlaceholder.size() - std::string_view("</script>").size(), data);
    return page;
}

}  // namespace polyformer::substitution
