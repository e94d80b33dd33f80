// What a training step reads: a pure function of the seed and the step, so that a resumed run continues exactly.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>

namespace polyformer::train {

/// A value that looks random and depends on both arguments (SplitMix64).
std::uint64_t mix(std::uint64_t seed, std::uint64_t salt);

/// Inputs of a network and what it should make of them.
struct Batch {
    torch::Tensor input;   ///< as Network::forward() takes it
    torch::Tensor target;  ///< as cross_entropy() takes it
    Batch to(torch::Device device) const { return {input.to(device), target.to(device)}; }
};

class Examples {
  public:
    Examples() = default;
    virtual ~Examples() = default;
    Examples(const Examples&) = delete;
    Examples& operator=(const Examples&) = delete;
    Examples(Examples&&) = default;
    Examples& operator=(Examples&&) = default;

    virtual std::size_t steps_per_epoch() const = 0;
    virtual Batch at(std::size_t step) = 0;
    /// What a batch is counted in, and how many of these it has.
    virtual const char* unit() const = 0;
    virtual std::size_t units_per_batch() const = 0;
};

}  // namespace polyformer::train
