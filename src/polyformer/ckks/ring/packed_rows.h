// Rows of residues as a file holds them, packed into as many bits as their primes have: keys are kept like this in
// memory, too. That takes 22 to 37 % less than words, and a key is used where its file is mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "polyformer/ckks/arithmetic/shared_bytes.h"

namespace polyformer::ckks {

/// Rows of N residues each, one behind the other. Cheap to copy: never changed once it is there.
class PackedRows {
  public:
    /// No rows at all.
    PackedRows() = default;
    /// Rows of so many bits, at most 56, that `fill` makes, on all threads. N is a multiple of 8.
    PackedRows(std::size_t ring_dimension, std::vector<int> bits,
               const std::function<void(std::size_t row, std::span<std::uint64_t> residues)>& fill);
    /// Rows that are there already. Throws Error unless `bytes` are as many as they take.
    PackedRows(std::size_t ring_dimension, std::vector<int> bits, SharedBytes bytes);

    std::size_t ring_dimension() const { return ring_dimension_; }
    std::size_t limbs() const { return bits_.size(); }      ///< rows
    const std::vector<int>& bits() const { return bits_; }  ///< of the residues of each row
    std::span<const std::byte> bytes() const { return bytes_.span(); }
    /// One row's bytes, from residue number `first`, a multiple of 8, on. Throws Error unless `index` is below limbs()
    /// and `first` at most N.
    std::span<const std::byte> row(std::size_t index, std::size_t first = 0) const;
    /// The residues of a row from `first` on: each below 2^bits, and below its prime if whoever
    /// packed or checked them saw to that. Throws Error beyond the row's end.
    void unpack(std::size_t index, std::size_t first, std::span<std::uint64_t> out) const;

  private:
    std::size_t ring_dimension_ = 0;
    std::vector<int> bits_;
    std::vector<std::size_t> begins_;  ///< of each row, and the end of the last
    SharedBytes bytes_;
};

}  // namespace polyformer::ckks
