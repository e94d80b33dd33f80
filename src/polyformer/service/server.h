// The server's role: takes keys and requests, computes, replies. It links no code that knows what a secret key is.
//
//     const compile::Plan plan = compile::load_plan("plan/server");
//     const auto keys = service::load_server_keys("server.keys", plan);
//     const service::Request request = service::load_request("request", plan, keys->key_fingerprint);
//     service::save_reply("reply", plan.frame.parameters, service::infer(plan, keys, request).reply);
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/runtime/ckks_backend.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/messages.h"

namespace polyformer::service {

/// The key set that a file of server keys belongs to; of the keys only what they say of themselves is read. Throws
/// FormatError when the file is something else (a secret key, for one), is cut short or belongs to other parameters,
/// and unless its keys are exactly the plan's, listing what is missing, reaches another level or was not asked for.
std::string check_server_keys(const std::filesystem::path& path, const compile::Plan& plan);

/// Checks them in the same way, then loads them on all threads. Throws FormatError also when one is damaged.
std::shared_ptr<const ckks::EvaluationKeys> load_server_keys(const std::filesystem::path& path,
                                                             const compile::Plan& plan,
                                                             const std::function<void(double share)>& progress = {});

/// Reads a request for this plan under this key set. All that it says of itself is judged, as by check_request(),
/// before any of its ciphertexts is read. Throws FormatError also when the file is damaged.
Request load_request(const std::filesystem::path& path, const compile::Plan& plan, std::string key_fingerprint);

/// Throws FormatError, saying which and what to do, unless the request was made for this plan and these keys. What
/// load_request() gives has passed the same.
void check_request(const compile::Plan& plan, const ckks::EvaluationKeys& keys, const Request& request);

/// A reply, and what it took to compute it.
struct Inference {
    Reply reply;
    runtime::Profile profile;
    double seconds = 0;
    std::size_t peak_resident_bytes = 0;  ///< of the process so far
};

/// A server between the requests under one key set: what bootstrapping needs is made once.
class Server {
  public:
    /// `plan` must outlive it. Throws Error listing how the keys differ from the plan's.
    Server(const compile::Plan& plan, std::shared_ptr<const ckks::EvaluationKeys> keys);

    /// Checks the request, then runs the whole plan. Throws as check_request() does, and Error naming the step when one
    /// fails.
    Inference infer(const Request& request, const runtime::ProgressCallback& progress = {});

  private:
    const compile::Plan& plan_;
    std::shared_ptr<const ckks::EvaluationKeys> keys_;
    runtime::CkksBackend backend_;
};

/// One request, by a server of its own: its seconds are those of the inference and of all that bootstrapping needs.
/// Throws as Server does.
Inference infer(const compile::Plan& plan, std::shared_ptr<const ckks::EvaluationKeys> keys, const Request& request,
                const runtime::ProgressCallback& progress = {});

}  // namespace polyformer::service
