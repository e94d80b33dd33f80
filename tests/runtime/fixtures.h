// Random models, their plans for small insecure rings, and what the interpreter says of them.
#pragma once

#include <vector>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/runtime/clear_backend.h"

namespace polyformer::runtime::fixtures {

/// A model's shape and the ring that its plan is for.
struct Shape {
    const char* name = "";
    model::RandomModelOptions model;
    std::size_t ring_dimension = 2048;
};

model::RandomModelOptions model_options(std::size_t layers, std::size_t width, std::size_t heads, std::size_t context,
                                        std::size_t feed_forward, std::size_t vocabulary);

compile::PlanOptions plan_options(std::size_t ring_dimension, compile::Positions positions);

/// Logits (rows, vocabulary) of the exact interpreter: of all rows, or of the last.
std::vector<double> exact_logits(const model::Graph& graph, const model::Tensor& embedded,
                                 compile::Positions positions);

/// Logits that the plan gives on the clear back end; for several images, their tokens one after the other.
std::vector<double> clear_logits(const compile::Plan& plan, ClearBackend& backend, const model::Tensor& embedded,
                                 std::size_t images = 1);

double largest_difference(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace polyformer::runtime::fixtures
