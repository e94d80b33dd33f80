// Calibration texts, and passes of a graph over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::substitution {

/// Tokens of texts, embedded when they are needed: (T, width) each.
struct Texts {
    std::vector<std::vector<std::int32_t>> tokens;
    std::function<model::Tensor(std::span<const std::int32_t>)> embed;

    std::size_t count() const { return tokens.size(); }
    std::size_t token_count() const;
    /// Texts [first, first + count), or as many of them as there are.
    Texts part(std::size_t first, std::size_t count) const;
};

/// Called after each batch with the tokens done so far.
using OnProgress = std::function<void(std::size_t tokens)>;

/// Evaluates the graph on all texts, some thousand tokens at a time; the outputs in their order.
std::vector<model::Tensor> evaluate_texts(const model::Graph& graph, const Texts& texts, model::Functions functions,
                                          const model::Observer& observer = {}, const OnProgress& on_progress = {});

/// A pass with exact functions whose outputs nobody wants, with a progress bar unless `quiet`. Nothing without texts.
void pass(const std::string& title, const model::Graph& graph, const Texts& texts, bool quiet,
          const model::Observer& observer);

}  // namespace polyformer::substitution
