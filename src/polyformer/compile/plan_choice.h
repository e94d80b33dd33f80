// What people choose of a plan, and the options that come of it.
#pragma once

#include <cstddef>
#include <string>

#include "polyformer/compile/plan/options.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// What whoever asks for a plan can be asked.
struct PlanChoice {
    std::string positions;                    ///< "all" or "last"
    std::size_t insecure_ring_dimension = 0;  ///< 0: 128-bit parameters; else a small ring without any security
    std::string images{};           ///< or texts, in one ciphertext: a number, "most", or empty: as many as there are
    std::string keys = "balanced";  ///< "small", "balanced" or "fast"
    std::string costs{};            ///< for those who can measure: as choose_costs() takes them (calibration)
};

/// 128-bit bootstrapping parameters unless told otherwise, costs that are built in, on as many threads as there are
/// now, and room for `inputs` texts or images side by side, or as many of them as there is room for, unless the choice
/// says how many. Throws Error for a number of images that is none and for keys of another name.
PlanOptions plan_options(const PlanChoice& choice, const model::Graph& graph, std::size_t inputs = 1);

}  // namespace polyformer::compile
