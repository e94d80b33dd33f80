#include "polyformer/train/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"
#include "polyformer/train/report/report_page.h"
#include "polyformer/train/report/study_document.h"
#include "polyformer/train/report/summary.h"

namespace polyformer::train {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view placeholder = "STUDY_JSON</script>";
constexpr std::string_view opening = "<script type=\"application/json\" id=\"study\">";  // right before it

ordered_json summarised(const ordered_json& study) {
    ordered_json copy = study;
    summarise(copy);
    return copy;
}

// ---- tables for the terminal

bool is_accuracy(const ordered_json& study) {
    return text_of(study, "measure") == accuracy_measure;
}

struct Result {
    std::optional<double> mean;
    std::optional<double> deviation;
    std::size_t count = 0;
    std::size_t diverged = 0;
    std::string split;
};

Result result_at(const ordered_json& variant, const std::string& stage, bool accuracy) {
    const ordered_json& summary = variant["summary"];
    const auto found = summary.find(stage);
    if (found == summary.end()) return {};
    const ordered_json& reached = (*found)[accuracy ? accuracy_measure : perplexity_measure];
    return {finite_number(reached, "mean"), finite_number(reached, "deviation"), reached["count"].get<std::size_t>(),
            reached["diverged"].get<std::size_t>(), text_of(*found, "split")};
}

const ordered_json* find_variant(const ordered_json& study, const std::string& name) {
    for (const ordered_json& variant : entries(study, "variants")) {
        if (variant["name"] == name) return &variant;
    }
    return nullptr;
}

// The baseline's result in column `last`, or in the last one before it that has any.
Result baseline_at(const ordered_json& baseline, const std::vector<std::string>& columns, std::size_t last,
                   bool accuracy) {
    for (std::size_t c = last + 1; c-- > 0;) {
        const Result result = result_at(baseline, columns[c], accuracy);
        if (result.mean) return result;
    }
    return {};
}

// Of accuracies in points, for a share of a share says little; of perplexities in percent.
std::string difference(double value, double against, bool accuracy) {
    const std::string text = fmt::format("{:+.1f}", accuracy ? value - against : (value / against - 1) * 100);
    return (text == "-0.0" ? "+0.0" : text) + (accuracy ? " points" : " %");
}

// What to say where there is no result: "-" when the variant simply has no such stage.
std::string status_cell(const ordered_json& variant) {
    const ordered_json& runs = entries(variant, "runs");
    const auto with = [&](const char* status) {
        return std::count_if(runs.begin(), runs.end(),
                             [&](const ordered_json& run) { return run["status"] == status; });
    };
    if (const auto failed = with("failed"); failed != 0) return fmt::format("{} failed", failed);
    return with("pending") == static_cast<std::ptrdiff_t>(runs.size()) ? "not run yet" : "-";
}

std::string result_cell(const ordered_json& variant, const std::string& stage, const Result& against, bool accuracy) {
    const Result result = result_at(variant, stage, accuracy);
    if (!result.mean && result.diverged == 0) return status_cell(variant);
    std::string cell;
    if (result.mean) {
        cell = fmt::format("{:.2f}", *result.mean);
        if (result.deviation) cell += fmt::format(" ± {:.2f}", *result.deviation);
        if (against.mean && against.split == result.split) {
            cell += fmt::format(" ({})", difference(*result.mean, *against.mean, accuracy));
        }
        if (result.split == "validation") cell += " validation";
        cell += fmt::format(" n={}", result.count);
    }
    if (result.diverged != 0) cell += fmt::format("{}{} diverged", cell.empty() ? "" : ", ", result.diverged);
    return cell;
}

// Columns aligned, the first row a heading.
std::string aligned(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows.front().size(), 0);
    for (const auto& row : rows) {
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
    }
    std::string text;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::string line;
        std::string rule;
        for (std::size_t c = 0; c < widths.size(); ++c) {
            const std::string gap = c == 0 ? "" : "  ";
            line += gap + padded(rows[r][c], widths[c]);
            rule += gap + std::string(widths[c], '-');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
        if (r == 0) text += rule + "\n";
    }
    return text;
}

std::string describe_table(const ordered_json& study, const ordered_json& table) {
    const auto columns = entries(table, "columns").get<std::vector<std::string>>();
    const bool accuracy = is_accuracy(study);
    const std::string baseline_name = text_of(table, "baseline");
    const ordered_json* baseline = find_variant(study, baseline_name);
    std::vector<std::vector<std::string>> rows = {{"variant"}};
    for (const std::string& column : columns) rows[0].push_back(printable(column));
    for (const ordered_json& entry : entries(table, "variants")) {
        const std::string name = entry.get<std::string>();
        const ordered_json* variant = find_variant(study, name);
        std::vector<std::string> row = {printable(name)};
        for (std::size_t c = 0; c < columns.size(); ++c) {
            const bool compared = baseline != nullptr && name != baseline_name;
            const Result against = compared ? baseline_at(*baseline, columns, c, accuracy) : Result{};
            row.push_back(variant == nullptr ? "not in this study"
                                             : result_cell(*variant, columns[c], against, accuracy));
        }
        rows.push_back(std::move(row));
    }
    const std::string title = text_of(table, "title");
    return fmt::format("{}\n{}{}\n{}", printable(title.empty() ? text_of(table, "name") : title),
                       accuracy ? "accuracy in percent" : "perplexity per word",
                       baseline == nullptr ? "" : fmt::format(" (against {})", printable(baseline_name)),
                       aligned(rows));
}

}  // namespace

std::string render_report(const ordered_json& study) {
    ordered_json shown = summarised(study);
    round_numbers(shown, 6);  // halves the size of a report
    std::string json = shown.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    // "<" occurs in texts only. Escaped, nothing in there can end the script element or open a comment.
    std::string safe;
    safe.reserve(json.size());
    for (const char c : json) {
        if (c == '<') {
            safe += "\\u003c";
        } else {
            safe += c;
        }
    }
    const std::size_t place = report_page.find(placeholder);
    require(place != std::string_view::npos && report_page.find(placeholder, place + 1) == std::string_view::npos,
            "report.html must hold {} once", placeholder);
    std::string page(report_page.substr(0, place));
    page += safe;
    page += report_page.substr(place + placeholder.find('<'));
    return page;
}

ordered_json study_in_report(std::string_view page, const std::string& label) {
    const std::size_t start = page.find(opening);
    const std::size_t end = start == std::string_view::npos ? start : page.find("</script>", start);
    require<FormatError>(end != std::string_view::npos,
                         "{}: this page holds no study; give a report.html that `polyformer study` has written", label);
    return parse_ordered_json(page.substr(start + opening.size(), end - start - opening.size()), label);
}

std::string describe_tables(const ordered_json& study) {
    const ordered_json shown = summarised(study);
    std::string text;
    for (const ordered_json& table : entries(shown, "tables")) {
        text += (text.empty() ? "" : "\n") + describe_table(shown, table);
    }
    return text;
}

}  // namespace polyformer::train
