// All roles of encrypted inference in one process: keys, encryption, inference, decryption.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compile/plan.h"
#include "model/bundle.h"
#include "runtime/executor.h"

namespace polyformer::cli {

/// Seconds since it was made or last read.
class Stopwatch {
  public:
    double seconds() {
        const auto now = std::chrono::steady_clock::now();
        const double passed = std::chrono::duration<double>(now - start_).count();
        start_ = now;
        return passed;
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What one run of a plan gave and took, on whichever back end.
struct Outcome {
    std::vector<double> logits;  ///< (rows, vocabulary)
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

/// Makes keys, encrypts `ids`, infers and decrypts, with progress bars. Throws what these throw.
Outcome run_encrypted(const compile::Plan& plan, const model::Embedding& embedding, std::span<const std::int32_t> ids);

}  // namespace polyformer::cli
