#include "polyformer/ckks/circuits/diagonal_block.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

// A run takes as much as two numbers: so many zeros are kept rather than a run begun.
constexpr std::size_t kZerosInRuns = 2;
constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();

/// Calls use(begin, end) for each run of numbers.
template <class Number, class Use>
void for_each_run(const std::vector<Number>& numbers, const Use& use) {
    std::size_t begin = 0;
    while (true) {
        while (begin < numbers.size() && numbers[begin] == 0) ++begin;
        if (begin == numbers.size()) return;
        std::size_t end = begin + 1;
        for (std::size_t i = end; i < numbers.size() && i - end <= kZerosInRuns; ++i) {
            if (numbers[i] != 0) end = i + 1;
        }
        use(begin, end);
        begin = end;
    }
}

}  // namespace

template <class Number>
DiagonalBlock::DiagonalBlock(const std::map<long, std::vector<Number>>& diagonals, double factor) : factor_(factor) {
    if (!diagonals.empty()) period_ = diagonals.begin()->second.size();
    std::size_t runs = 0;
    std::size_t numbers = 0;
    for (const auto& [offset, values] : diagonals) {
        require(values.size() == period_ && period_ <= kMost && static_cast<std::size_t>(std::abs(offset)) <= kMost,
                "diagonal {} has {} values, the first one {}: all must be equally long, and nothing beyond {}", offset,
                values.size(), period_, kMost);
        for_each_run(values, [&](std::size_t begin, std::size_t end) {
            ++runs;
            numbers += end - begin;
        });
    }
    // Just as much as is needed: they stay as long as the plan.
    diagonals_.reserve(diagonals.size());
    runs_.reserve(runs);
    numbers_.reserve(numbers);
    for (const auto& [offset, values] : diagonals) {
        diagonals_.push_back(
            {static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(runs_.size()), numbers_.size()});
        for_each_run(values, [&, &of = values](std::size_t begin, std::size_t end) {
            runs_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)});
            for (std::size_t i = begin; i < end; ++i) numbers_.push_back(static_cast<float>(of[i]));
        });
    }
}

template DiagonalBlock::DiagonalBlock(const std::map<long, std::vector<float>>&, double);
template DiagonalBlock::DiagonalBlock(const std::map<long, std::vector<double>>&, double);

std::size_t DiagonalBlock::index_of(long offset) const {
    const auto found = std::ranges::lower_bound(diagonals_, offset, {}, &Diagonal::offset);
    require(found != diagonals_.end() && found->offset == offset, "there is no diagonal {} among {}", offset, size());
    return static_cast<std::size_t>(found - diagonals_.begin());
}

std::vector<double> DiagonalBlock::values(std::size_t index) const {
    std::vector<double> all(period_);
    for_each(index, [&](std::size_t position, double value) { all[position] = value; });
    return all;
}

DiagonalBlock DiagonalBlock::changed(const std::function<void(std::vector<double>&)>& change) const {
    std::map<long, std::vector<double>> diagonals;
    for (std::size_t index = 0; index < size(); ++index) {
        std::vector<double>& numbers = diagonals[offset(index)];
        numbers.resize(period_);
        for_each_number(index, [&](std::size_t position, double number) { numbers[position] = number; });
        change(numbers);
    }
    return {diagonals, factor_};
}

std::size_t DiagonalBlock::bytes() const {
    return diagonals_.size() * sizeof(Diagonal) + runs_.size() * sizeof(Run) + numbers_.size() * sizeof(float);
}

}  // namespace polyformer::ckks
