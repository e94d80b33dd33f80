#include "cli/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/output.h"
#include "model/reference.h"
#include "support/error.h"

namespace polyformer::cli {

namespace {

constexpr std::size_t kShownCandidates = 5;

}  // namespace

ClearAnswers answer_in_the_clear(const model::Graph& graph, const model::Embedding& embedding,
                                 std::span<const std::int32_t> ids) {
    const model::Tensor embedded = embedding.embed(ids);
    return {model::evaluate(graph, embedded), model::evaluate_exact(graph, embedded)};
}

Agreement compare(std::span<const double> logits, const model::Tensor& expected) {
    const std::size_t vocabulary = expected.columns;
    Agreement agreement{logits.size() / vocabulary, 0, 0};
    require(agreement.rows >= 1 && agreement.rows <= expected.rows && logits.size() % vocabulary == 0,
            "{} logits are not those of 1 to {} positions with a vocabulary of {}: take reply, text and model that "
            "belong together",
            logits.size(), expected.rows, vocabulary);
    const std::size_t first_row = expected.rows - agreement.rows;
    std::size_t equal = 0;
    for (std::size_t row = 0; row < agreement.rows; ++row) {
        const auto a = logits.subspan(row * vocabulary, vocabulary);
        const auto b = std::span(expected.values).subspan((first_row + row) * vocabulary, vocabulary);
        for (std::size_t v = 0; v < vocabulary; ++v) {
            agreement.max_error = std::max(agreement.max_error, std::abs(a[v] - b[v]));
        }
        if (argmax(a) == argmax(b)) ++equal;
    }
    agreement.argmax_share = static_cast<double>(equal) / static_cast<double>(agreement.rows);
    return agreement;
}

NextWords next_words(std::span<const double> logits, const ClearAnswers& clear,
                     const std::optional<model::Tokenizer>& tokenizer) {
    const std::size_t vocabulary = clear.before_substitution.columns;
    const auto of_last_row = [&](std::span<const double> values) {
        return most_likely(values.last(vocabulary), tokenizer, kShownCandidates);
    };
    return {of_last_row(logits), of_last_row(clear.polynomial.logits.values),
            of_last_row(clear.before_substitution.values)};
}

std::string format_table(const NextWords& words, const std::string& source) {
    std::vector<std::vector<std::string>> rows{{source, "polynomial model", "before substitution"}};
    for (std::size_t i = 0; i < words.found.size(); ++i) {
        rows.push_back({to_cell(words.found[i]), to_cell(words.polynomial[i]), to_cell(words.before_substitution[i])});
    }
    return format_table(rows);
}

}  // namespace polyformer::cli
