// The server's role: takes keys and requests, computes, replies. It links no code that knows what a secret key is.
//
//     const compile::Plan plan = compile::load_plan("plan/server");
//     const auto keys = service::load_server_keys("server.keys", plan);
//     const service::Request request = service::load_request("request", plan.frame.parameters);
//     service::save_reply("reply", plan.frame.parameters, service::infer(plan, keys, request).reply);
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/messages.h"

namespace polyformer::service {

/// Loads the server's keys on all threads. Throws FormatError when the file is damaged, is something else (a secret
/// key, for one) or belongs to other parameters; Error listing what is missing when the plan needs keys that it lacks.
std::shared_ptr<const ckks::EvaluationKeys> load_server_keys(const std::filesystem::path& path,
                                                             const compile::Plan& plan,
                                                             const std::function<void(double share)>& progress = {});

/// Throws Error, saying which and what to do, unless the request was made for this plan and these keys.
void check_request(const compile::Plan& plan, const ckks::EvaluationKeys& keys, const Request& request);

/// A reply, and what it took to compute it.
struct Inference {
    Reply reply;
    runtime::Profile profile;
    double seconds = 0;
    std::size_t peak_resident_bytes = 0;  ///< of the process so far
};

/// Checks the request, then runs the whole plan on it. Throws as check_request() does, and Error naming the step when
/// one fails.
Inference infer(const compile::Plan& plan, std::shared_ptr<const ckks::EvaluationKeys> keys, const Request& request,
                const runtime::ProgressCallback& progress = {});

}  // namespace polyformer::service
