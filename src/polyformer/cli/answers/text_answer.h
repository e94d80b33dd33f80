// What a model of texts gives beside likely words and classes, as it is shown: an embedding, the best documents of an
// index, a text rewritten token by token.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "polyformer/cli/answers/comparison.h"
#include "polyformer/cli/common/client_part.h"

namespace polyformer::cli {

/// An answer as people and machines are shown it.
struct ShownAnswer {
    std::string text;
    nlohmann::json document = nlohmann::json::object();  ///< fields to add to what --json writes
    std::vector<std::vector<std::string>> measured;      ///< rows for a table: how it compares with those in the clear
    bool same = true;                                    ///< as in the clear and before substitution, as near as counts
};

/// What is to be shown of one command.
struct AnswerSource {
    std::span<const double> outputs;  ///< (rows, columns) of one input behind the other, decrypted
    std::size_t columns = 0;          ///< outputs of a row
    std::vector<std::size_t> rows;    ///< of each input
    const ClientPart& client;
    std::string name;                              ///< "from ciphertext"
    std::vector<std::string> names;                ///< of the inputs
    std::span<const ClearAnswer> clear{};          ///< of each input, or none
    std::span<const model::EncodedText> tokens{};  ///< of each input, or none
    /// Outputs are rounded to multiples of it, as is all that is made of them; 0: exact, for whoever holds key and
    /// text.
    double grid = 0;

    std::span<const double> output(std::size_t input) const {
        const std::size_t first = std::reduce(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(input));
        return outputs.subspan(first * columns, rows[input] * columns);
    }
};

/// What is shown of the model's output: an embedding, documents or a rewritten text. Throws Error for another, and when
/// outputs and inputs do not fit each other.
ShownAnswer show(const AnswerSource& source);
/// Whether show() knows it; else it is likely words or classes (comparison.h).
bool is_shown_by_kind(model::TextOutput output);

}  // namespace polyformer::cli
