// Memory for residues: aligned to a cache line, so that vector loads never straddle two, and pooled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "polyformer/ckks/arithmetic/memory_pool.h"

namespace polyformer::ckks {

/// Standard allocator whose blocks start on a 64-byte boundary and come from the pool.
template <class T>
class AlignedAllocator {
  public:
    using value_type = T;

    AlignedAllocator() = default;
    template <class U>
    AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(misc-explicit-constructor): allocators convert

    T* allocate(std::size_t count) {
        if (count > SIZE_MAX / 2 / sizeof(T)) throw std::bad_array_new_length();
        return static_cast<T*>(allocate_block(count * sizeof(T)));
    }
    void deallocate(T* pointer, std::size_t count) { free_block(pointer, count * sizeof(T)); }

    template <class U>
    bool operator==(const AlignedAllocator<U>&) const {
        return true;
    }
};

/// The same, whose elements are left as they are unless a value is given: vectors of it grow without being filled.
template <class T>
class UninitialisedAllocator : public AlignedAllocator<T> {
  public:
    template <class U>
    struct rebind {
        using other = UninitialisedAllocator<U>;
    };

    UninitialisedAllocator() = default;
    template <class U>
    UninitialisedAllocator(const UninitialisedAllocator<U>&) {}  // NOLINT(misc-explicit-constructor)

    template <class U>
    void construct(U* pointer) noexcept {
        ::new (static_cast<void*>(pointer)) U;
    }
    template <class U, class... Args>
    void construct(U* pointer, Args&&... args) {
        ::new (static_cast<void*>(pointer)) U(std::forward<Args>(args)...);
    }
};

/// Residues of one or more limbs, zero when created.
using AlignedWords = std::vector<std::uint64_t, AlignedAllocator<std::uint64_t>>;

}  // namespace polyformer::ckks
