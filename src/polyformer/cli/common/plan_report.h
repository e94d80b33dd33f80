// What a plan will take, for people and for machines.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/compile/reports/depth_budget.h"

namespace polyformer::cli {

std::string describe(const compile::Plan& plan);
nlohmann::json to_json(const compile::Plan& plan);

/// How the levels between bootstraps are spent, a line for each stretch.
std::string describe_stretches(const compile::Plan& plan);

/// What deeper or shallower polynomials would cost.
std::string describe(const std::vector<compile::DepthCosts>& budget, std::size_t layers);
nlohmann::json to_json(const std::vector<compile::DepthCosts>& budget);

/// What commands that plan can be told.
struct PlanChoice {
    std::string positions;                    ///< "all" or "last"
    std::size_t insecure_ring_dimension = 0;  ///< 0: 128-bit parameters; else a small ring without any security
    std::string images;  ///< or texts, in one ciphertext: a number, "most", or empty: as many as there are
};

/// Adds the options of a PlanChoice to a command.
void add_plan_choice(CLI::App& command, PlanChoice& choice);

/// 128-bit bootstrapping parameters unless told otherwise, the measured cost model, and room for `inputs` texts or
/// images side by side, or as many of them as there is room for, unless the choice says how many. Throws Error for a
/// number of images that is none.
compile::PlanOptions plan_options(const PlanChoice& choice, const model::Graph& graph, std::size_t inputs = 1);

}  // namespace polyformer::cli
