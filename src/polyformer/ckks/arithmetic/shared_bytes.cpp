#include "polyformer/ckks/arithmetic/shared_bytes.h"

#include <sys/mman.h>

#include <new>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

}  // namespace

SharedBytes SharedBytes::part(std::size_t begin, std::size_t count) const {
    require(begin <= count_ && count <= count_ - begin, "{} bytes from byte {} on were asked for of {}", count, begin,
            count_);
    return {std::shared_ptr<const std::byte>(first_, first_.get() + begin), count};
}

std::shared_ptr<std::byte> allocate_pages(std::size_t bytes) {
    constexpr std::align_val_t kAlignment{kHugePage};
    auto* const first = static_cast<std::byte*>(::operator new(bytes, kAlignment));
    // Whole ones alone, so that nothing is taken beyond the end. A wish: failure costs only time.
    if (bytes >= kHugePage) madvise(first, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
    return {first, [](std::byte* block) { ::operator delete(block, kAlignment); }};
}

}  // namespace polyformer::ckks
