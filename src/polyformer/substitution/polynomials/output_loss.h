// How far a model's output is from the original's.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::substitution {

/// cosine: 1 − the cosine between two embeddings. divergence: the Kullback–Leibler divergence, in nats, from the
/// softmax of the original's logits to that of the other's, the mean over rows.
enum class OutputLoss { cosine, divergence };
std::string name_of(OutputLoss loss);

/// Of one text; infinite when a value is not finite.
double loss_of(OutputLoss kind, const model::Tensor& original, const model::Tensor& other);

/// Losses over texts.
struct LossSummary {
    double mean = 0;
    double largest = 0;
};
/// Of texts in order, at least one.
LossSummary losses_of(OutputLoss kind, std::span<const model::Tensor> original, std::span<const model::Tensor> other);

}  // namespace polyformer::substitution
