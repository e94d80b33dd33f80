// Plans of random models on the clear back end, and what the interpreter says of them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/runtime/clear/clear_backend.h"
#include "tests/compile/small_plan.h"

namespace polyformer::fixtures {

using runtime::ClearBackend;

/// A model's shape and the ring that its plan is for.
struct Shape {
    const char* name = "";
    model::RandomModelOptions model;
    std::size_t ring_dimension = 2048;
};

/// Logits (rows, vocabulary) of the exact interpreter: of all rows, or of the last.
std::vector<double> exact_logits(const model::Graph& graph, const model::Tensor& embedded,
                                 compile::Positions positions);

/// Logits that the plan gives on the clear back end, whose other slots are looked at too; for several images, their
/// tokens one after the other.
std::vector<double> clear_logits(const compile::Plan& plan, ClearBackend& backend, const model::Tensor& embedded,
                                 std::size_t images = 1);
/// The same for texts of these lengths.
std::vector<double> clear_logits(const compile::Plan& plan, ClearBackend& backend, const model::Tensor& embedded,
                                 const compile::Lengths& lengths);

double largest_difference(const std::vector<double>& a, const std::vector<double>& b);

/// Expects the plan to give the interpreter's answers to random texts of these lengths, with every polynomial's input
/// no further outside of its interval than the interpreter's own.
void expect_interpreters_answers(const model::Transformer& model, const compile::Plan& plan,
                                 std::span<const std::size_t> lengths);

/// The same of a graph that is fed random features.
void expect_interpreters_logits(const model::Graph& graph, const compile::Plan& plan,
                                const std::vector<std::size_t>& lengths);

/// All of them, or some of many.
std::vector<std::size_t> lengths_up_to(std::size_t context);

}  // namespace polyformer::fixtures
