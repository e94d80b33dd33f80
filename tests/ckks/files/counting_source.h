// What a reader has taken of its source, to see that it refuses before it reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "polyformer/ckks/files/byte_stream.h"

namespace polyformer::ckks::testing {

/// Bytes in memory, which must outlive the source.
class CountingSource final : public ByteSource {
  public:
    explicit CountingSource(std::span<const std::byte> bytes) : memory_(bytes) {}

    const std::string& name() const override { return memory_.name(); }
    std::uint64_t size() const override { return memory_.size(); }
    void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
        read_ += out.size();
        memory_.read_at(offset, out);
    }
    std::uint64_t bytes_read() const { return read_; }

  private:
    MemorySource memory_;
    mutable std::atomic<std::uint64_t> read_ = 0;
};

}  // namespace polyformer::ckks::testing
