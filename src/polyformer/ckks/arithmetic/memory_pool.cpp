#include "polyformer/ckks/arithmetic/memory_pool.h"

#include <array>
#include <bit>
#include <mutex>
#include <new>

#include "polyformer/ckks/arithmetic/huge_pages.h"

namespace polyformer::ckks {

namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kSmallest = std::size_t{1} << 10;  // below, the ordinary allocator is as good
constexpr std::size_t kLargest = std::size_t{1} << 20;   // one limb at ring dimension 2^17

// Off under AddressSanitizer, so that a use after free is seen.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POLYFORMER_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define POLYFORMER_ADDRESS_SANITIZER
#endif
#ifdef POLYFORMER_ADDRESS_SANITIZER
constexpr bool kPooled = false;
#else
constexpr bool kPooled = true;
#endif

/// Blocks of one size, a power of two: a last-in-first-out list of free ones, and a slab that new ones are cut from.
class SizeClass {
  public:
    void* take(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        if (free_ != nullptr) {
            Link* block = free_;
            free_ = block->next;
            return block;
        }
        // Limbs at distances of powers of two would meet in the same few sets of the caches whenever several are read
        // side by side.
        const std::size_t stride = bytes + (bytes < kWide ? 1 : 17) * kCacheLine;
        if (left_ < stride) {
            const std::size_t slab = bytes < kWide ? kHugePage : 32 * kHugePage;
            next_ = allocate_huge_pages(slab);
            left_ = slab;
        }
        void* block = next_;
        next_ += stride;
        left_ -= stride;
        return block;
    }

    void keep(void* block) noexcept {
        const std::lock_guard lock(mutex_);
        free_ = new (block) Link{free_};  // NOLINT(cppcoreguidelines-owning-memory): in place
    }

  private:
    struct Link {
        Link* next;
    };
    static constexpr std::size_t kWide = std::size_t{1} << 16;

    std::mutex mutex_;
    Link* free_ = nullptr;
    std::byte* next_ = nullptr;
    std::size_t left_ = 0;
};

bool is_pooled(std::size_t bytes) {
    return kPooled && bytes >= kSmallest && bytes <= kLargest;
}

SizeClass& size_class(std::size_t bytes) {
    // Never destroyed: static objects may free their blocks after it would have been.
    static auto* const classes = new std::array<SizeClass, std::bit_width(kLargest)>;  // NOLINT
    return (*classes)[static_cast<std::size_t>(std::bit_width(bytes - 1))];
}

}  // namespace

void* allocate_block(std::size_t bytes) {
    if (is_pooled(bytes)) return size_class(bytes).take(std::bit_ceil(bytes));
    return ::operator new (bytes, std::align_val_t{kCacheLine});
}

void free_block(void* block, std::size_t bytes) noexcept {
    if (block == nullptr) return;
    if (is_pooled(bytes)) {
        size_class(bytes).keep(block);
    } else {
        ::operator delete (block, std::align_val_t{kCacheLine});
    }
}

}  // namespace polyformer::ckks
