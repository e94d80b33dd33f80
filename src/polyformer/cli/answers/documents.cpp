#include "polyformer/cli/answers/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "polyformer/cli/common/output.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/text.h"
#include "polyformer/tasks/metrics.h"

namespace polyformer::cli {

namespace {

constexpr std::size_t kShownDocuments = 10;
constexpr std::size_t kTitleColumns = 60;

std::vector<std::size_t> best_of(std::span<const double> scores) {
    return tasks::best_of(scores, kShownDocuments);
}

std::size_t equal_places(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
    std::size_t equal = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) equal += static_cast<std::size_t>(a[i] == b[i]);
    return equal;
}

}  // namespace

ShownAnswer show_documents(const AnswerSource& source) {
    const bool compared = !source.clear.empty();
    ShownAnswer shown;
    std::size_t places = 0;
    std::size_t as_polynomial = 0;
    std::size_t as_before = 0;
    for (std::size_t i = 0; i < source.names.size(); ++i) {
        const std::span<const double> scores = source.output(i);
        const std::vector<std::size_t> best = best_of(scores);
        const auto score_of = [&](std::size_t document) {
            return source.grid == 0 ? scores[document] : source.grid * std::round(scores[document] / source.grid);
        };
        std::vector<std::vector<std::string>> table{{"document", source.name}};
        if (compared) table.front().insert(table.front().end(), {"polynomial model", "before substitution"});
        auto list = nlohmann::json::array();
        for (const std::size_t document : best) {
            const std::string title = source.client.name_of(document);
            std::vector<std::string> row{std::string(shortened(title, kTitleColumns)),
                                         fmt::format("{:.3f}", score_of(document))};
            nlohmann::json entry{
                {"document", title}, {"index", document}, {"score", finite_or_null(score_of(document))}};
            if (compared) {
                const double polynomial = source.clear[i].polynomial.logits.values[document];
                const double before = source.clear[i].before_substitution.values[document];
                row.insert(row.end(), {fmt::format("{:.3f}", polynomial), fmt::format("{:.3f}", before)});
                entry["polynomial"] = finite_or_null(polynomial);
                entry["before_substitution"] = finite_or_null(before);
            }
            table.push_back(std::move(row));
            list.push_back(std::move(entry));
        }
        if (source.names.size() > 1) shown.text += source.names[i] + ":\n";
        shown.text += format_table(table);
        shown.document["answers"].push_back({{"input", source.names[i]}, {"documents", list}});
        if (!compared) continue;
        places += best.size();
        as_polynomial += equal_places(best, best_of(source.clear[i].polynomial.logits.values));
        as_before += equal_places(best, best_of(source.clear[i].before_substitution.values));
    }
    if (compared) {
        shown.measured = {{"places as in the polynomial model", fmt::format("{} of {}", as_polynomial, places)},
                          {"places as before substitution", fmt::format("{} of {}", as_before, places)}};
        shown.document["equal_places"] = {
            {"places", places}, {"polynomial", as_polynomial}, {"before_substitution", as_before}};
        shown.same = as_polynomial == places;
    }
    if (source.grid != 0) shown.document["grid"] = source.grid;
    return shown;
}

}  // namespace polyformer::cli
