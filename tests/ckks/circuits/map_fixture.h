// One small scheme for all kinds of linear maps, and the maps on plain vectors.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "polyformer/ckks/circuits/diagonal_block.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {

inline const CircuitScheme& map_scheme() {
    static const CircuitScheme kScheme(small_literal(11, 5));
    return kScheme;
}

inline std::size_t cyclic(long index, std::size_t size) {
    const auto n = static_cast<long>(size);
    return static_cast<std::size_t>((index % n + n) % n);
}

/// Σ_d diagonal_d ⊙ rot_d(x), diagonals repeated as often as needed.
template <class Value>
void accumulate(const std::map<long, std::vector<Value>>& diagonals, std::span<const Complex> x,
                std::vector<Complex>& sum) {
    for (const auto& [offset, values] : diagonals) {
        for (std::size_t i = 0; i < x.size(); ++i) {
            sum[i] += values[i % values.size()] * x[cyclic(static_cast<long>(i) + offset, x.size())];
        }
    }
}

inline std::map<long, std::vector<double>> diagonals_of(const DiagonalBlock& block) {
    std::map<long, std::vector<double>> diagonals;
    for (std::size_t index = 0; index < block.size(); ++index) diagonals[block.offset(index)] = block.values(index);
    return diagonals;
}

/// Every rotation key that a request names, and no other.
inline std::vector<int> steps_of(const KeyRequest& request) {
    std::vector<int> steps;
    for (const auto& [step, level] : request.rotation_levels) steps.push_back(step);
    return steps;
}

}  // namespace polyformer::ckks::testing
