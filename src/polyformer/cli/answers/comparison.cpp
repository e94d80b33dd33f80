#include "polyformer/cli/answers/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/cli/common/options.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/interpreter/reference.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/text.h"

namespace polyformer::cli {

void add_top_option(CLI::App& command, std::size_t& top) {
    constexpr std::size_t kMost = 1000;
    command.add_option("--top", top, "How many likely words or classes to show")
        ->check(whole_number(1, kMost))
        ->capture_default_str();
}

std::string format_error(double error) {
    return std::isfinite(error) ? fmt::format("{:.2g}", error) : "not a number";
}

std::vector<Candidate> most_likely(std::span<const double> logits, const ClientPart& client, std::size_t most) {
    if (!all_finite(logits)) {
        return std::vector<Candidate>(std::min(most, logits.size()), {0, {}, std::nan("")});
    }
    std::vector<Candidate> candidates;
    for (const service::Probable& probable : service::most_probable(logits, most)) {
        candidates.push_back({probable.entry, client.name_of(probable.entry), probable.probability});
    }
    return candidates;
}

std::vector<Candidate> coarse(const service::PrivateLogits& logits, std::size_t image, const ClientPart& client,
                              std::size_t most) {
    std::vector<Candidate> candidates;
    for (const service::Likely& likely : logits.most_likely(image, most)) {
        candidates.push_back({likely.entry, client.name_of(likely.entry), likely.percent / 100.0, true});
    }
    return candidates;
}

nlohmann::json to_json(const std::vector<Candidate>& candidates, const ClientPart& client) {
    auto list = nlohmann::json::array();
    for (const Candidate& candidate : candidates) {
        const bool known = std::isfinite(candidate.probability);
        list.push_back({{client.kind_of_name(), known ? nlohmann::json(candidate.name) : nlohmann::json(nullptr)},
                        {"id", known ? nlohmann::json(candidate.id) : nlohmann::json(nullptr)},
                        {"probability", finite_or_null(candidate.probability)}});
    }
    return list;
}

std::string to_cell(const Candidate& candidate) {
    if (!std::isfinite(candidate.probability)) return "not a number";
    const bool blank = candidate.name.find_first_not_of(' ') == std::string::npos;
    const std::string shown = candidate.name == "\n" ? "(end of line)" : blank ? "(space)" : candidate.name;
    const std::string name = padded(printable(shown), 14);
    if (!candidate.coarse) return fmt::format("{} {:4.1f} %", name, 100 * candidate.probability);
    const long percent = std::lround(100 * candidate.probability);
    return fmt::format("{} {:>4} %", name, percent == 0 ? "<1" : std::to_string(percent));
}

std::vector<ClearAnswer> answer_in_the_clear(const model::Graph& graph, const std::vector<model::Tensor>& inputs) {
    std::vector<ClearAnswer> answers(inputs.size());
    parallel_for(inputs.size(), [&](std::size_t i) {
        answers[i] = {model::evaluate(graph, inputs[i]), model::evaluate_exact(graph, inputs[i])};
    });
    return answers;
}

std::vector<std::size_t> rows_found(std::size_t logits, std::span<const ClearAnswer> clear) {
    const std::size_t vocabulary = clear.front().polynomial.logits.columns;
    std::vector<std::size_t> rows(clear.size(), 1);
    if (logits == clear.size() * vocabulary) return rows;
    std::size_t all = 0;
    for (std::size_t i = 0; i < clear.size(); ++i) all += rows[i] = clear[i].polynomial.logits.rows;
    require(logits == all * vocabulary,
            "{} logits are not those of {} input(s) with one row of {} logits or {} in all: take reply, input and "
            "model that belong together",
            logits, clear.size(), vocabulary, all);
    return rows;
}

Agreement compare(std::span<const double> logits, const std::vector<ClearAnswer>& clear,
                  std::span<const std::size_t> labels) {
    const std::size_t vocabulary = clear.front().polynomial.logits.columns;
    const std::vector<std::size_t> rows = rows_found(logits.size(), clear);
    Agreement agreement{.rows = std::reduce(rows.begin(), rows.end())};
    std::size_t equal = 0;
    for (std::size_t i = 0; i < clear.size(); ++i) {
        std::span<const double> expected = std::span(clear[i].polynomial.logits.values).last(rows[i] * vocabulary);
        for (; !expected.empty(); expected = expected.subspan(vocabulary), logits = logits.subspan(vocabulary)) {
            double error = 0;
            double least = expected.front();
            double greatest = expected.front();
            for (std::size_t v = 0; v < vocabulary; ++v) {
                error = larger(error, std::abs(logits[v] - expected[v]));
                least = smaller(least, expected[v]);
                greatest = larger(greatest, expected[v]);
                agreement.max_logit = larger(agreement.max_logit, larger(std::abs(logits[v]), std::abs(expected[v])));
            }
            agreement.max_error = larger(agreement.max_error, error);
            // Not written as error > 0, which NaN is not.
            if (error != 0) {
                agreement.max_relative_error = larger(agreement.max_relative_error, error / (greatest - least));
            }
            const std::optional<std::size_t> found = argmax(logits.first(vocabulary));
            const std::optional<std::size_t> wanted = argmax(expected.first(vocabulary));
            if (found && found == wanted) ++equal;
            if (labels.empty()) continue;
            if (found == labels[i]) ++agreement.right;
            if (wanted == labels[i]) ++agreement.right_in_clear;
        }
    }
    agreement.argmax_share = static_cast<double>(equal) / static_cast<double>(agreement.rows);
    return agreement;
}

std::vector<Answers> answers_of(std::span<const double> logits, const std::vector<ClearAnswer>& clear,
                                const ClientPart& client, std::size_t most) {
    std::vector<Answers> all;
    const std::vector<std::size_t> rows = rows_found(logits.size(), clear);
    std::size_t end = 0;
    for (std::size_t i = 0; i < clear.size(); ++i) {
        const std::size_t vocabulary = clear[i].before_substitution.columns;
        const auto of_last_row = [&](std::span<const double> values) {
            return most_likely(values.last(vocabulary), client, most);
        };
        end += rows[i];
        all.push_back({of_last_row(logits.first(end * vocabulary)), of_last_row(clear[i].polynomial.logits.values),
                       of_last_row(clear[i].before_substitution.values)});
    }
    return all;
}

std::string format_table(const std::vector<Answers>& answers, const std::vector<std::string>& names,
                         const std::string& source) {
    if (answers.size() == 1) {
        const Answers& only = answers.front();
        std::vector<std::vector<std::string>> rows{{source, "polynomial model", "before substitution"}};
        for (std::size_t i = 0; i < only.found.size(); ++i) {
            rows.push_back({to_cell(only.found[i]), to_cell(only.polynomial[i]), to_cell(only.before_substitution[i])});
        }
        return format_table(rows);
    }
    std::vector<std::vector<std::string>> rows{{"", source, "polynomial model", "before substitution"}};
    for (std::size_t i = 0; i < answers.size(); ++i) {
        rows.push_back({names[i], to_cell(answers[i].found.front()), to_cell(answers[i].polynomial.front()),
                        to_cell(answers[i].before_substitution.front())});
    }
    return format_table(rows);
}

nlohmann::json to_json(const std::vector<Answers>& answers, const std::vector<std::string>& names,
                       const ClientPart& client) {
    auto list = nlohmann::json::array();
    for (std::size_t i = 0; i < answers.size(); ++i) {
        list.push_back({{"input", names[i]},
                        {"found", to_json(answers[i].found, client)},
                        {"polynomial", to_json(answers[i].polynomial, client)},
                        {"before_substitution", to_json(answers[i].before_substitution, client)}});
    }
    return list;
}

Validity validity_of(const Agreement& agreement, const std::vector<ClearAnswer>& clear, bool same, double bound) {
    std::vector<model::IntervalReport> all;
    for (const ClearAnswer& answer : clear) model::merge(all, answer.polynomial.intervals);
    Validity validity;
    validity.outside_share = model::outside_share(all);
    validity.farthest = model::farthest_outside(all);
    validity.valid = std::isfinite(agreement.max_error) && agreement.max_logit <= service::kBoundSlack * bound;
    validity.doubtful = validity.outside_share > 0 && !same;
    return validity;
}

bool same_as_before(const std::vector<Answers>& answers) {
    return std::ranges::all_of(answers, [](const Answers& answer) {
        return answer.polynomial.front().name == answer.before_substitution.front().name;
    });
}

void warn(const Validity& validity) {
    if (validity.valid && !validity.doubtful) return;
    const std::string outside = model::describe_outside(validity.outside_share, validity.farthest);
    if (!validity.valid) {
        to_stderr(
            "warning: {}: this answer means nothing. The model's polynomials stand for its functions inside "
            "their intervals only; take a text or an image like those that it was made for\n",
            validity.outside_share > 0 ? outside : "logits are not finite or beyond the model's bound");
    } else {
        to_stderr("warning: {}, and the answers differ: they may mean little\n", outside);
    }
}

void require_valid(const Validity& validity) {
    if (!validity.valid) throw CLI::RuntimeError(static_cast<int>(ExitCode::invalid_answer));
}

void add_to(nlohmann::json& document, const Validity& validity) {
    document["valid"] = validity.valid;
    document["out_of_interval_fraction"] = validity.outside_share;
    document["out_of_interval_farthest"] = finite_or_null(validity.farthest);
}

}  // namespace polyformer::cli
