#include "polyformer/ckks/arithmetic/shared_bytes.h"

#include "polyformer/ckks/arithmetic/huge_pages.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

SharedBytes SharedBytes::part(std::size_t begin, std::size_t count) const {
    require(begin <= count_ && count <= count_ - begin, "{} bytes from byte {} on were asked for of {}", count, begin,
            count_);
    return {std::shared_ptr<const std::byte>(first_, first_.get() + begin), count};
}

std::shared_ptr<std::byte> allocate_pages(std::size_t bytes) {
    return {allocate_huge_pages(bytes), free_huge_pages};
}

}  // namespace polyformer::ckks
