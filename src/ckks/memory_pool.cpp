#include "ckks/memory_pool.h"

#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <new>

namespace polyformer::ckks {

namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::align_val_t kHugePage{std::size_t{1} << 21};
constexpr std::size_t kHeaderBytes = 64;                      // keeps the block aligned
constexpr std::size_t kSmallest = std::size_t{1} << 16;       // below, the ordinary allocator is as good
constexpr std::size_t kHugePagesFrom = std::size_t{1} << 22;  // worth asking for huge pages
constexpr std::size_t kKeptBytes = std::size_t{768} << 20;    // of freed blocks in all

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPooled = false;  // so that a use after free is seen
#else
constexpr bool kPooled = true;
#endif

struct Header {
    std::size_t bytes;  // with the header
};

class Pool {
  public:
    Header* take(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        const auto entry = free_.lower_bound(bytes);
        if (entry == free_.end() || entry->first > bytes + bytes / 4) return nullptr;
        Header* header = entry->second;
        kept_ -= entry->first;
        free_.erase(entry);
        return header;
    }

    /// False when the pool is full.
    bool keep(Header* header) {
        const std::lock_guard lock(mutex_);
        if (kept_ + header->bytes > kKeptBytes) return false;
        free_.emplace(header->bytes, header);
        kept_ += header->bytes;
        return true;
    }

  private:
    std::mutex mutex_;
    std::multimap<std::size_t, Header*> free_;
    std::size_t kept_ = 0;
};

// Never destroyed: static objects may free their blocks after it would have been.
Pool& pool() {
    static Pool* const instance = new Pool;  // NOLINT(cppcoreguidelines-owning-memory)
    return *instance;
}

std::align_val_t alignment_of(std::size_t bytes) {
    return bytes >= kHugePagesFrom ? kHugePage : kAlignment;
}

}  // namespace

void* allocate_block(std::size_t bytes) {
    const std::size_t total = bytes + kHeaderBytes;
    Header* header = kPooled && total >= kSmallest ? pool().take(total) : nullptr;
    if (header == nullptr) {
        void* memory = ::operator new(total, alignment_of(total));
        if (total >= kHugePagesFrom) madvise(memory, total, MADV_HUGEPAGE);  // a wish: failure costs only time
        header = new (memory) Header{total};
    }
    return reinterpret_cast<std::byte*>(header) + kHeaderBytes;
}

void free_block(void* block) noexcept {
    if (block == nullptr) return;
    auto* header = reinterpret_cast<Header*>(static_cast<std::byte*>(block) - kHeaderBytes);
    bool kept = false;
    if (kPooled && header->bytes >= kSmallest) {
        try {
            kept = pool().keep(header);
        } catch (const std::bad_alloc&) {
            kept = false;
        }
    }
    if (!kept) ::operator delete(header, alignment_of(header->bytes));
}

}  // namespace polyformer::ckks
