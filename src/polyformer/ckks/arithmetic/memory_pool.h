// A pool of memory blocks: residue arrays of a few sizes come and go all the time, and handing each back to the
// operating system would cost more in page faults than the arithmetic on them.
#pragma once

#include <cstddef>

namespace polyformer::ckks {

/// A block of at least `bytes` bytes on a 64-byte boundary; throws std::bad_alloc. Blocks of 1 KiB to 1 MiB come from
/// slabs and stay with the process once freed, for the next requests of the same size: a computation done again finds
/// all of its memory there. Larger blocks are the system's. Safe to use from many threads.
void* allocate_block(std::size_t bytes);

/// Frees a block that was asked for with this number of bytes.
void free_block(void* block, std::size_t bytes) noexcept;

}  // namespace polyformer::ckks
