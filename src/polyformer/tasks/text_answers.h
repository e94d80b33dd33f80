// What a model says of many texts, in the clear, at a speed that one can wait for.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::tasks {

/// One text as the model takes it, (T, width).
using Embed = std::function<model::Tensor(const std::string& text)>;

/// What came of a run over texts.
struct TextAnswers {
    std::vector<model::Tensor> logits;             ///< by text, as given
    std::vector<model::IntervalReport> intervals;  ///< one per Apply node; none with the exact functions
    std::size_t texts_outside = 0;                 ///< texts some input of which left a polynomial's interval
};

/// Evaluates all texts, those of like length together. `progress` gets the share done, once a batch. Throws what
/// `embed` and model::evaluate_batch() throw.
TextAnswers answer_texts(const model::Graph& graph, std::span<const std::string> texts, const Embed& embed,
                         model::Functions functions, const std::function<void(double)>& progress = {});

/// The same of any inputs: `embed(i)` gives the one that is `sizes[i]` long, in whichever unit.
TextAnswers answer_inputs(const model::Graph& graph, std::span<const std::size_t> sizes,
                          const std::function<model::Tensor(std::size_t)>& embed, model::Functions functions,
                          const std::function<void(double)>& progress = {});

}  // namespace polyformer::tasks
