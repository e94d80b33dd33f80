// What the scheme's operations cost on this machine, level by level.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/cli/bench/measurement.h"

namespace polyformer::cli {

struct OperationsRequest {
    ckks::ParametersLiteral parameters;
    std::vector<std::size_t> limbs;     ///< of the ciphertexts; none: the highest working level, a half and a quarter
    std::size_t polynomial_degree = 0;  ///< of a Chebyshev polynomial to measure too, where the levels suffice; 0: none
    Repetition repetition{};
};

/// Told what is done next.
using Announce = std::function<void(const std::string&)>;

/// The preset for ring dimension 2^14, 2^15 or 2^16. Throws Error for others.
ckks::ParametersLiteral preset_for(std::size_t ring_dimension);

/// Parameters, bytes of keys, the machine's peak, and under "measured" an object for each operation and number of
/// limbs: "operation"
/// ("ntt_one_limb", "ntt_all_limbs", "add", "multiply_plain", "rescale", "hoist", "rotate_hoisted", "rotate",
/// "multiply_relinearise", "chebyshev"), "limbs", timing, work and roofline. Throws Error for limbs that the parameters
/// do not have.
nlohmann::json measure_operations(const OperationsRequest& request, const Announce& announce);

}  // namespace polyformer::cli
