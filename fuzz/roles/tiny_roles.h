// Both roles of a plan so small that a fuzzer can play them: two special primes, no bootstrapping.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/messages.h"

namespace polyformer::fuzz {

/// A plan with a key set, a request and the files of both.
struct TinyRoles {
    compile::Plan plan;
    service::ClientPlan client;
    ckks::SecretKey secret;
    service::Request request;
    std::vector<std::byte> key_file;
    std::vector<std::byte> request_file;
};

/// Made once a process.
const TinyRoles& tiny_roles();

}  // namespace polyformer::fuzz
