// All roles of encrypted inference in one process: keys, encryption, inference, decryption.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/runtime/profile.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/server.h"

namespace polyformer::cli {

/// What a run of a plan gave and took, on whichever back end.
struct Outcome {
    std::vector<double> logits;  ///< (rows, vocabulary) of one input behind the other; NaN where an answer was refused
    std::vector<std::string> refusals;  ///< what open_reply() said of replies that cannot be sound
    std::size_t requests = 0;  ///< each of as many inputs as the plan takes at a time; all of the below but keys add up
    double keygen_seconds = 0;
    double encrypt_seconds = 0;
    double infer_seconds = 0;
    double decrypt_seconds = 0;
    std::size_t request_bytes = 0;
    std::size_t reply_bytes = 0;
    std::size_t server_key_bytes = 0;
    std::size_t page_faults = 0;          ///< minor ones, during inference
    std::size_t peak_resident_bytes = 0;  ///< of the process, until then
    runtime::Profile profile;
};

/// `inputs` by as many as the plan takes at a time.
std::vector<std::span<const model::Tensor>> requests_of(const compile::Plan& plan,
                                                        std::span<const model::Tensor> inputs);

/// All roles over several requests, with keys that are made once.
class EncryptedSession {
  public:
    /// Makes keys, with a progress bar unless `quiet`, and what the server needs for all requests; both take time and
    /// memory that `outcome` tells. Both must outlive it.
    EncryptedSession(const compile::Plan& plan, Outcome& outcome, bool quiet);

    /// One request of these inputs (rows, width), encrypted, computed and decrypted: adds to the outcome. Throws what
    /// the roles throw, but for an answer that cannot be sound, which is a refusal of the outcome.
    void ask(std::span<const model::Tensor> inputs, const runtime::ProgressCallback& progress = {});

  private:
    const compile::Plan& plan_;
    Outcome& outcome_;
    service::ClientPlan client_;
    ckks::SecretKey secret_;
    std::optional<service::Server> server_;
};

/// Makes keys, encrypts inputs (rows, width) in as many requests as they take, infers and decrypts, with progress bars
/// unless `quiet`. Throws what these throw.
Outcome run_encrypted(const compile::Plan& plan, std::span<const model::Tensor> inputs, bool quiet);

}  // namespace polyformer::cli
