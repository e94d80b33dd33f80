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
#include "polyformer/model/interpreter/resumable_evaluation.h"

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

/// The same for what `observer` sees alone: outputs, which may be large, are not kept. The graph's last node is left
/// out unless `output`.
void observe_texts(const model::Graph& graph, const Texts& texts, model::Functions functions,
                   const model::Observer& observer, model::Sums sums, bool output = true,
                   const OnProgress& on_progress = {});

/// That with exact functions, sums in single precision and a progress bar unless `quiet`. Nothing without texts.
void pass(const std::string& title, const model::Graph& graph, const Texts& texts, bool quiet,
          const model::Observer& observer, bool output = true);

}  // namespace polyformer::substitution
