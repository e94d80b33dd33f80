// What client and server both know of a computation: under which parameters, and how values lie in the ciphertexts that
// pass between them. No weights and no steps.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/layout/packing.h"

namespace polyformer::compile {

/// Slots hold value / bound (docs/packing.md). Rows of a request are its tokens, or patches, of each text or image.
struct Frame {
    ckks::Parameters parameters;
    std::string model_fingerprint{};
    Packing packing{};        ///< of the input
    std::size_t context = 0;  ///< tokens that the model takes; packing.tokens ≥ context
    std::size_t width = 0;    ///< features of an embedded token
    std::size_t vocabulary = 0;
    std::size_t least_rows = 1;  ///< of a request: 1, or the context (model::takes_shorter_inputs)

    Layout input_layout{};
    double input_bound = 1;  ///< the client divides embeddings by it
    int input_level = 0;     ///< level of the request's ciphertexts

    /// What every slot of the reply holds, by row: vocabulary entries of each image, or kNothing: exactly 0, but for
    /// noise. Rows beyond a text's tokens are 0; places beyond a request's texts or images hold its last one again.
    Layout output_layout{};
    double output_bound = 1;  ///< the client multiplies by it
    /// One row of logits for each image or text, whatever its number of tokens: all rows of the layout, which are as
    /// long as the layout says (up to all slots), hold the same.
    bool one_row = false;
    int output_level = 0;  ///< at which the plan leaves the reply's ciphertexts; they travel at level 0, with its scale

    std::size_t input_ciphertexts() const { return input_layout.ciphertexts(); }
    std::size_t output_ciphertexts() const { return output_layout.ciphertexts(); }
    double output_scale() const { return parameters.scale(output_level); }  ///< of the reply's ciphertexts
    /// Rows of logits for each text or image in a reply to texts of these lengths.
    Lengths logit_rows(const Lengths& lengths) const { return one_row ? Lengths(lengths.size(), 1) : lengths; }

    friend bool operator==(const Frame&, const Frame&) = default;
};

}  // namespace polyformer::compile
