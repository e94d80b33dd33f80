// The compiler: from a model's graph to a plan of encrypted inference.
//
//     compile::PlanOptions options;
//     options.parameters = ckks::presets::bootstrapping_65536();
//     const compile::Plan plan = compile::compile(model::load_graph("models/wikitext-small"), options);
//     // plan.summary says what it will take; compile::save_plan() writes it for the server.
#pragma once

#include <span>
#include <vector>

#include "polyformer/compile/lowering/lowering.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Runs all passes (docs/compiler.md). The same graph and options give the same plan. Throws Error naming the node,
/// what it needs and what would help, when no parameter set of the options can hold it.
Plan compile(const model::Graph& graph, const PlanOptions& options);

/// The cheapest by estimate of the plans with these places of tokens' factors, at least one; compile() tries all.
/// Throws as it does.
Plan compile_cheapest(const model::Graph& graph, const PlanOptions& options, std::span<const TokenFactors> places);

/// One of the plans that differ in their keys alone.
struct KeyPoint {
    Keys keys = Keys::balanced;
    PlanSummary summary;
};

/// What the plan would take with each kind of keys, the smallest first. The plan stays as it is, but no one else may
/// use it meanwhile.
std::vector<KeyPoint> key_points(Plan& plan);

/// The most images a ciphertext that the model's heads leave room for. Throws as compile() does when not even one fits.
std::size_t largest_image_count(const model::Graph& graph, const ckks::Parameters& parameters);

}  // namespace polyformer::compile
