#include "polyformer/ckks/ring/packed_rows.h"

#include <utility>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/residue_packing.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

std::vector<std::size_t> begins_of(std::size_t ring_dimension, std::span<const int> bits) {
    std::vector<std::size_t> begins{0};
    for (const int width : bits) begins.push_back(begins.back() + packed_bytes(ring_dimension, width));
    return begins;
}

}  // namespace

PackedRows::PackedRows(std::size_t ring_dimension, std::vector<int> bits,
                       const std::function<void(std::size_t, std::span<std::uint64_t>)>& fill)
    : ring_dimension_(ring_dimension), bits_(std::move(bits)), begins_(begins_of(ring_dimension, bits_)) {
    const std::shared_ptr<std::byte> memory = allocate_pages(begins_.back());
    parallel_for(limbs(), [&](std::size_t row) {
        AlignedWords residues(ring_dimension_);
        fill(row, residues);
        pack_residues(residues, bits_[row], {memory.get() + begins_[row], begins_[row + 1] - begins_[row]});
    });
    bytes_ = {memory, begins_.back()};
}

PackedRows::PackedRows(std::size_t ring_dimension, std::vector<int> bits, SharedBytes bytes)
    : ring_dimension_(ring_dimension),
      bits_(std::move(bits)),
      begins_(begins_of(ring_dimension, bits_)),
      bytes_(std::move(bytes)) {
    require(bytes_.size() == begins_.back(), "{} packed rows of {} residues take {} bytes, not {}", limbs(),
            ring_dimension_, begins_.back(), bytes_.size());
}

std::span<const std::byte> PackedRows::row(std::size_t index, std::size_t first) const {
    require(index < limbs(), "row {} of {} packed rows was asked for", index, limbs());
    require(first % 8 == 0 && first <= ring_dimension_, "a packed row of {} residues cannot be read from number {} on",
            ring_dimension_, first);
    const std::size_t begin = begins_[index] + first / 8 * static_cast<std::size_t>(bits_[index]);
    return bytes().subspan(begin, begins_[index + 1] - begin);
}

void PackedRows::unpack(std::size_t index, std::size_t first, std::span<std::uint64_t> out) const {
    const std::span<const std::byte> packed = row(index, first);
    require(out.size() <= ring_dimension_ - first, "{} residues from number {} on cannot be unpacked from a row of {}",
            out.size(), first, ring_dimension_);
    kernels().unpack(out.data(), packed.data(), packed.size(), bits_[index], out.size());
}

}  // namespace polyformer::ckks
