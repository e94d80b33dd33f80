// What a bootstrap costs, gains and keeps of a message.
#pragma once

#include <nlohmann/json.hpp>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/cli/bench/operations_bench.h"
#include "polyformer/compile/plan/options.h"

namespace polyformer::cli {

struct BootstrapRequest {
    ckks::ParametersLiteral parameters;
    bool pair = false;  ///< two real ciphertexts at once instead of one
    std::size_t runs = 3;
    compile::Keys keys = compile::Keys::fast;
};

/// Timing, work and roofline, "ciphertexts", levels before, left and gained, "seconds_per_level" (of one ciphertext),
/// "mean_bits" and "worst_bits" of random real messages, "log2_failure_probability", "key_bytes", "rotation_keys", and
/// "page_faults_per_run" after the first run.
nlohmann::json measure_bootstrap(const BootstrapRequest& request, const Announce& announce);

}  // namespace polyformer::cli
