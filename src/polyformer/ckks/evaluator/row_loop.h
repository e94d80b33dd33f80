// The loop of all arithmetic that treats each row by itself.
#pragma once

#include <cstddef>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

/// Calls body(component, row, modulus) for every row q_0 .. q_level of every component, on all threads.
template <class Body>
void for_each_row(const Parameters& parameters, std::size_t components, int level, const Body& body) {
    const auto rows = static_cast<std::size_t>(level) + 1;
    parallel_for(components * rows, [&](std::size_t task) {
        const std::size_t row = task % rows;
        body(task / rows, row, parameters.q(static_cast<int>(row)).modulus());
    });
}

}  // namespace polyformer::ckks
