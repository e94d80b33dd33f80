// A plan as a folder: all that a server needs besides keys.
#pragma once

#include <filesystem>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Writes plan.json (options and summary, for people and for checking), graph.json and weights.safetensors into
/// `directory`, made if need be. Throws Error when `graph` is not the plan's, IoError when it cannot write.
void save_plan(const Plan& plan, const model::Graph& graph, const std::filesystem::path& directory);

/// Compiles the graph again with the options of plan.json, and refuses a plan.json that does not match what comes of
/// it: a plan is never trusted blindly. Throws FormatError naming the file and the field.
Plan load_plan(const std::filesystem::path& directory);

}  // namespace polyformer::compile
