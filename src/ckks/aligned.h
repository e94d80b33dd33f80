// Memory for residues: aligned to a cache line, so that vector loads never straddle two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace polyformer::ckks {

/// Standard allocator whose blocks start on a 64-byte boundary.
template <class T>
class AlignedAllocator {
  public:
    using value_type = T;
    static constexpr std::align_val_t kAlignment{64};

    AlignedAllocator() = default;
    template <class U>
    AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert

    T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kAlignment)); }
    void deallocate(T* pointer, std::size_t) { ::operator delete(pointer, kAlignment); }

    template <class U>
    bool operator==(const AlignedAllocator<U>&) const {
        return true;
    }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// Residues of one or more limbs, zero when created.
using AlignedWords = AlignedVector<std::uint64_t>;

}  // namespace polyformer::ckks
