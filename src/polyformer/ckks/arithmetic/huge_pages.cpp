#include "polyformer/ckks/arithmetic/huge_pages.h"

#include <sys/mman.h>

#include <new>

namespace polyformer::ckks {

std::byte* allocate_huge_pages(std::size_t bytes) {
    auto* const first = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kHugePage}));
    // A wish: failure costs only time.
    if (bytes >= kHugePage) madvise(first, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
    return first;
}

void free_huge_pages(std::byte* first) noexcept {
    ::operator delete (first, std::align_val_t{kHugePage});
}

}  // namespace polyformer::ckks
