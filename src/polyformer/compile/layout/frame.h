// What client and server both know of a computation: under which parameters, and how values lie in the ciphertexts that
// pass between them. No weights and no steps.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/layout/packing.h"

namespace polyformer::compile {

/// Slots hold value / bound (docs/packing.md). `rows` of a request are its tokens, or patches, of each image.
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

    std::size_t output_ciphertexts = 0;
    Layout output_layout{};   ///< where each token has logits: vocabulary entries by feature position
    double output_bound = 1;  ///< the client multiplies by it
    /// Where an image has one row of logits: entry v of image b is slot output_slot[b · vocabulary + v] of the output
    /// ciphertexts laid end to end.
    std::vector<std::size_t> output_slot{};

    std::size_t input_ciphertexts() const { return input_layout.ciphertexts(); }
    /// One row of logits for each image or text, whatever its number of tokens.
    bool gives_one_row() const { return !output_slot.empty(); }
    /// Rows of logits, for each image or text, in a reply to `rows` rows.
    std::size_t logit_rows(std::size_t rows) const { return gives_one_row() ? 1 : rows; }

    friend bool operator==(const Frame&, const Frame&) = default;
};

}  // namespace polyformer::compile
