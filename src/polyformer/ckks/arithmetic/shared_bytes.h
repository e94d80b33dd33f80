// Bytes that stay as they are, held by as many as want them: a key, in memory of its own or where its file is mapped.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace polyformer::ckks {

/// Cheap to copy.
class SharedBytes {
  public:
    SharedBytes() = default;
    /// `count` bytes from `first` on, which keeps them alive.
    SharedBytes(std::shared_ptr<const std::byte> first, std::size_t count) : first_(std::move(first)), count_(count) {}

    std::size_t size() const { return count_; }
    std::span<const std::byte> span() const { return {first_.get(), count_}; }
    /// `count` of them from number `begin` on. Throws Error when there are fewer.
    SharedBytes part(std::size_t begin, std::size_t count) const;

  private:
    std::shared_ptr<const std::byte> first_;
    std::size_t count_ = 0;
};

/// Memory for much that stays long, in huge pages if the system gives them: few faults when it is written. Throws
/// std::bad_alloc.
std::shared_ptr<std::byte> allocate_pages(std::size_t bytes);

}  // namespace polyformer::ckks
