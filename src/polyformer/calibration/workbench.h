// Keys and ciphertexts that mean nothing, for operations to be timed with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "polyformer/calibration/timing.h"
#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/evaluator/operation_counts.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::calibration {

/// Cheap and good enough to multiply: splitmix64.
class Random {
  public:
    std::uint64_t operator()() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

  private:
    std::uint64_t state_ = 1;
};

/// Keys and ciphertexts at one level, each used in its turn. What it times is one operation of each kind.
class Workbench {
  public:
    /// `memory` holds effort.bytes random bytes, which the keys are made of; it and `parameters` must outlive this.
    Workbench(const ckks::Parameters& parameters, int level, const Effort& effort,
              const std::shared_ptr<const std::byte>& memory);

    ckks::OperationCounter at() const { return {parameters_, level_}; }
    const std::vector<ckks::Ciphertext>& ciphertexts() const { return ciphertexts_; }

    Seconds decomposition() const;
    Seconds division() const;
    Seconds hoisted_rotation() const;
    Seconds inner_product() const;  ///< of one pair among several
    Seconds sum() const;

  private:
    const ckks::Ciphertext& turn(std::size_t run) const { return ciphertexts_[run % ciphertexts_.size()]; }
    /// As many as there is memory for: a row's bytes are a key's whatever they are.
    std::shared_ptr<const ckks::EvaluationKeys> make_keys(const std::shared_ptr<const std::byte>& memory);
    ckks::Ciphertext random_ciphertext(Random& random) const;

    const ckks::Parameters& parameters_;
    int level_;
    Effort effort_;
    std::size_t keys_ = 0;
    ckks::Evaluator evaluator_;
    std::vector<ckks::Ciphertext> ciphertexts_;
};

}  // namespace polyformer::calibration
