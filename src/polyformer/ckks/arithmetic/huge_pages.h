// Memory in huge pages, for what is large and stays: one fault for 2 MiB where there would be 512.
#pragma once

#include <cstddef>

namespace polyformer::ckks {

inline constexpr std::size_t kHugePage = std::size_t{1} << 21;

/// Aligned to a huge page, and in such pages if the system gives them; ordinary ones hold what a last one would not
/// fill, so that nothing is taken beyond the end. To be freed by free_huge_pages(). Throws std::bad_alloc.
std::byte* allocate_huge_pages(std::size_t bytes);
void free_huge_pages(std::byte* first) noexcept;

}  // namespace polyformer::ckks
