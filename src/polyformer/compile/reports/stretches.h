// How the levels of a plan are spent: what lies between two refreshes, and how much more would fit there.
// Input: a plan. Output: its stretches. Nothing is compiled.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "polyformer/compile/plan/plan.h"

namespace polyformer::compile {

/// One polynomial of the model, whatever number of ciphertexts it is applied to.
struct PolynomialUse {
    std::string node;
    int depth = 0;
    /// Levels by which it alone could be deeper with every bootstrap where it is, whichever way its operands came.
    int room = 0;
};

/// From the request's ciphertexts, or from values bootstrapped together, to the next bootstraps or the reply. Values go
/// different ways (past attention along the residual stream, for one); the longest in levels counts.
struct Stretch {
    std::size_t ciphertexts = 0;  ///< that it starts with
    std::string first;            ///< node of the first step on the longest way
    std::string last;             ///< node of the last
    int levels = 0;               ///< at its start; of a request: at most (plan.frame.input_level may be less)
    int used = 0;                 ///< on the longest way
    int kept = 0;                 ///< left for the bootstrap at its end: its input level, or 0 for the reply
    int slack = 0;                ///< levels − used − kept, not below 0
    /// Those whose latest refresh is this stretch's start, in order of evaluation.
    std::vector<PolynomialUse> polynomials;
};

/// In order of their starts; the first is the request's.
std::vector<Stretch> stretches_of(const Plan& plan);

}  // namespace polyformer::compile
