// What commands that plan are told, and what they show.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/calibration/cost_files.h"
#include "polyformer/compile/plan_choice.h"
#include "polyformer/compile/reports/depth_budget.h"
#include "polyformer/compile/reports/plan_report.h"

namespace polyformer::cli {

/// What deeper or shallower polynomials would cost.
std::string describe(const std::vector<compile::DepthCosts>& budget, std::size_t layers);
nlohmann::json to_json(const std::vector<compile::DepthCosts>& budget);

using compile::PlanChoice;

/// compile::plan_options() with the costs that the choice names. Where it names none, those of this machine, which are
/// measured the first time; small rings, which are for tests, take those built in.
compile::PlanOptions measured_plan_options(const PlanChoice& choice, const model::Graph& graph, std::size_t inputs = 1);

/// Says what is measured, and how far it is.
calibration::Listener calibration_listener();

/// Adds --costs.
void add_costs_option(CLI::App& command, std::string& costs);

/// Adds --keys, with what `keys` holds as its default.
void add_keys_option(CLI::App& command, std::string& keys);

/// Adds the options of a PlanChoice to a command.
void add_plan_choice(CLI::App& command, PlanChoice& choice);

}  // namespace polyformer::cli
