// A pool of large memory blocks: residue arrays of a few sizes come and go all the time, and handing each back to the
// operating system would cost more in page faults than the arithmetic on them.
#pragma once

#include <cstddef>

namespace polyformer::ckks {

/// A block of at least `bytes` bytes on a 64-byte boundary; throws std::bad_alloc. Freed blocks up to a bound in all
/// are kept for the next request of about their size. Safe to use from many threads.
void* allocate_block(std::size_t bytes);
void free_block(void* block) noexcept;

}  // namespace polyformer::ckks
