#include "polyformer/cli/answers/embeddings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "polyformer/cli/common/output.h"
#include "polyformer/service/shown_values.h"
#include "polyformer/support/extremes.h"

namespace polyformer::cli {

namespace {

using Vector = std::vector<double>;

constexpr std::size_t kShownNumbers = 4;
constexpr double kSameCosine = 0.99;

double length_of(std::span<const double> vector) {
    return std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
}

double cosine(std::span<const double> a, std::span<const double> b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0) / (length_of(a) * length_of(b));
}

Vector normalised(Vector vector) {
    const double length = length_of(vector);
    for (double& value : vector) value /= length;
    return vector;
}

/// A text's vector as each of the three has it.
struct Embedding {
    Vector found;
    Vector polynomial;  ///< empty where nothing in the clear is known, as the next
    Vector before_substitution;
    double length = 0;  ///< of what was found, before it was normalised
};

std::vector<Embedding> embeddings_of(const AnswerSource& source) {
    const bool normalise = source.client.text().normalise;
    const auto finished = [&](std::span<const double> values) {
        Vector vector(values.begin(), values.end());
        return normalise ? normalised(std::move(vector)) : vector;
    };
    std::vector<Embedding> all;
    for (std::size_t i = 0; i < source.names.size(); ++i) {
        const std::span<const double> output = source.output(i);
        Embedding& one = all.emplace_back();
        service::ShownVector shown = service::shown_vector(output, normalise, source.grid);
        one.found = std::move(shown.values);
        one.length = shown.length;
        if (source.clear.empty()) continue;
        one.polynomial = finished(source.clear[i].polynomial.logits.values);
        one.before_substitution = finished(source.clear[i].before_substitution.values);
    }
    return all;
}

std::string beginning_of(const Vector& vector) {
    std::string text;
    for (const double value : std::span(vector).first(std::min(kShownNumbers, vector.size()))) {
        text += fmt::format("{}{:.3f}", text.empty() ? "" : " ", value);
    }
    return vector.size() > kShownNumbers ? text + " …" : text;
}

nlohmann::json numbers(const Vector& vector) {
    auto list = nlohmann::json::array();
    for (const double value : vector) list.push_back(finite_or_null(value));
    return list;
}

}  // namespace

ShownAnswer show_embeddings(const AnswerSource& source) {
    const std::vector<Embedding> all = embeddings_of(source);
    const bool compared = !source.clear.empty();
    ShownAnswer shown;
    std::vector<std::vector<std::string>> table{{"", source.name}};
    if (compared) table.front().insert(table.front().end(), {"polynomial model", "before substitution"});
    const auto add = [&](const std::string& name, const auto& cell) {
        std::vector<std::string> row{name, cell(&Embedding::found)};
        if (compared) row.insert(row.end(), {cell(&Embedding::polynomial), cell(&Embedding::before_substitution)});
        table.push_back(row);
    };
    double least_to_polynomial = 1;
    double least_to_original = 1;
    for (std::size_t i = 0; i < all.size(); ++i) {
        add(source.names[i], [&](Vector Embedding::*which) { return beginning_of(all[i].*which); });
        nlohmann::json entry{
            {"input", source.names[i]}, {"length", finite_or_null(all[i].length)}, {"values", numbers(all[i].found)}};
        if (compared) {
            const double to_polynomial = cosine(all[i].found, all[i].polynomial);
            const double to_original = cosine(all[i].found, all[i].before_substitution);
            entry["cosine_to_polynomial"] = finite_or_null(to_polynomial);
            entry["cosine_to_before_substitution"] = finite_or_null(to_original);
            least_to_polynomial = smaller(least_to_polynomial, to_polynomial);
            least_to_original = smaller(least_to_original, to_original);
        }
        shown.document["embeddings"].push_back(std::move(entry));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t j = i + 1; j < all.size(); ++j) {
            const auto between = [&](Vector Embedding::*which) { return cosine(all[i].*which, all[j].*which); };
            add(fmt::format("cosine of {} and {}", i + 1, j + 1),
                [&](Vector Embedding::*which) { return fmt::format("{:.4f}", between(which)); });
            nlohmann::json entry{
                {"first", i + 1}, {"second", j + 1}, {"cosine", finite_or_null(between(&Embedding::found))}};
            if (compared) {
                entry["polynomial"] = finite_or_null(between(&Embedding::polynomial));
                entry["before_substitution"] = finite_or_null(between(&Embedding::before_substitution));
            }
            shown.document["cosines"].push_back(std::move(entry));
        }
    }
    shown.document["normalised"] = source.client.text().normalise;
    if (source.grid != 0) shown.document["grid"] = source.grid;
    shown.text = fmt::format("embedding of {} numbers{}{}:\n{}", source.columns,
                             source.client.text().normalise ? ", of length 1" : "",
                             source.grid == 0 ? "" : ", rounded (exact ones: --logits FILE)", format_table(table));
    if (compared) {
        shown.measured = {{"cosine to the polynomial model", fmt::format("{:.6f}", least_to_polynomial)},
                          {"cosine to the model before substitution", fmt::format("{:.6f}", least_to_original)}};
        shown.same = least_to_polynomial >= kSameCosine && least_to_original >= kSameCosine;
    }
    return shown;
}

}  // namespace polyformer::cli
