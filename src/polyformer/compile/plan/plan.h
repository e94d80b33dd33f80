// A plan: everything that encrypted inference will do, known before it starts.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/compile/layout/frame.h"
#include "polyformer/compile/plan/options.h"
#include "polyformer/compile/plan/steps.h"

namespace polyformer::compile {

/// What a plan will take; printed and saved before anything runs. Bytes are bytes, seconds are estimates of wall-clock
/// time on as many threads as options.costs says.
struct PlanSummary {
    std::size_t bootstraps = 0;           ///< BootstrapSteps
    std::size_t bootstrapped_values = 0;  ///< ciphertexts refreshed
    std::size_t key_switches = 0;         ///< of the network; bootstraps' own are counted too
    std::size_t ciphertext_products = 0;
    std::size_t plaintext_products = 0;  ///< diagonals and masks
    std::size_t rotation_keys = 0;
    std::size_t key_bytes_memory = 0;
    std::size_t key_bytes_file = 0;
    std::size_t working_bytes = 0;  ///< ciphertexts, plaintexts and tables at the worst moment, bootstrapping's too
    std::size_t request_bytes = 0;
    std::size_t reply_bytes = 0;
    double seconds = 0;
};

/// What the server computes: what the client knows of it too (the frame), the steps, and what they take.
struct Plan {
    PlanOptions options;
    Frame frame;

    std::vector<ValueId> inputs{};  ///< the request's ciphertexts, in the order of frame.input_layout
    std::vector<Step> steps{};
    std::vector<ValueId> outputs{};  ///< the reply's

    ckks::KeyRequest keys{};  ///< that the client makes: each rotation at the highest level at which a step uses it
    double bootstrap_key_price = 0;   ///< ckks::Bootstrapper's
    double seconds_without_keys = 0;  ///< estimate before keys were chosen: what shares of time are of
    PlanSummary summary{};
};

}  // namespace polyformer::compile
