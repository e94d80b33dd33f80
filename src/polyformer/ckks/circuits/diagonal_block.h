// The diagonals of a map from one ciphertext to another, as they are kept: a network has as many numbers here as it has
// weights, and rows are made from them when they are used.
//
//     const DiagonalBlock block{{0, {2.0, 2.0}}, {1, {1.0, 0.0}}};  // y[s] = 2·x[s] + (s even ? x[s + 1] : 0)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace polyformer::ckks {

/// Diagonals by offset, ascending, all of one length; an offset that is absent is zero. What is kept of each are runs
/// of numbers in single precision, and no zeros between them: a matrix over token-major packing has two diagonals for
/// each distance, each 0 where the other one is not. One factor in double precision multiplies them all, so that
/// weights that were floats stay what they were.
class DiagonalBlock {
  public:
    /// No diagonals.
    DiagonalBlock() = default;
    /// factor · numbers by offset. Only offsets, as long as nobody wants values, where all vectors are empty. Throws
    /// Error when they differ in length, or an offset or a length is beyond 2^31.
    template <class Number>
    DiagonalBlock(const std::map<long, std::vector<Number>>& diagonals,  // NOLINT(misc-explicit-constructor)
                  double factor = 1);
    DiagonalBlock(std::initializer_list<std::pair<const long, std::vector<double>>> diagonals)
        : DiagonalBlock(std::map<long, std::vector<double>>(diagonals)) {}

    std::size_t size() const { return diagonals_.size(); }  ///< diagonals
    bool empty() const { return diagonals_.empty(); }
    std::size_t period() const { return period_; }  ///< values of each; 0 where only offsets are there
    /// Of diagonal number `index` below size().
    long offset(std::size_t index) const { return diagonals_.at(index).offset; }
    /// The number of the diagonal at this offset. Throws Error when there is none.
    std::size_t index_of(long offset) const;

    /// Calls use(position, value) for the values that are not 0, and perhaps for some that are, in order.
    template <class Use>
    void for_each(std::size_t index, const Use& use) const {
        for_each_number(index, [&](std::size_t position, double number) { use(position, factor_ * number); });
    }
    /// All period() values.
    std::vector<double> values(std::size_t index) const;

    /// The same diagonals after `change`, which gets the numbers of each, before the factor, and leaves their length.
    DiagonalBlock changed(const std::function<void(std::vector<double>& numbers)>& change) const;

    std::size_t bytes() const;  ///< of all that is kept
    bool operator==(const DiagonalBlock&) const = default;

  private:
    /// Numbers that are not 0, or nearly all of them.
    struct Run {
        std::uint32_t begin = 0;
        std::uint32_t count = 0;
        bool operator==(const Run&) const = default;
    };
    struct Diagonal {
        std::int32_t offset = 0;
        std::uint32_t run = 0;     ///< its first, among all
        std::uint64_t number = 0;  ///< likewise
        bool operator==(const Diagonal&) const = default;
    };

    template <class Use>
    void for_each_number(std::size_t index, const Use& use) const {
        const float* number = numbers_.data() + diagonals_.at(index).number;
        const std::size_t end = index + 1 < size() ? diagonals_[index + 1].run : runs_.size();
        for (std::size_t run = diagonals_[index].run; run < end; ++run) {
            for (std::size_t k = 0; k < runs_[run].count; ++k) {
                use(std::size_t{runs_[run].begin} + k, static_cast<double>(*number++));
            }
        }
    }

    std::size_t period_ = 0;
    double factor_ = 1;
    std::vector<Diagonal> diagonals_;
    std::vector<Run> runs_;
    std::vector<float> numbers_;
};

}  // namespace polyformer::ckks
