// The work of the scheme's operations for the roofline: what ckks/evaluator/operation_counts.h counts, in modular
// multiply-adds and bytes.
//
// A product by a constant in Shoup's form takes three 52-bit half products where a lazy multiply-add takes two: it
// counts as 1.5. So an NTT takes 1.5 · N/2 · log2 N, one product by a root for each butterfly. A word is one residue, 8
// bytes.
#pragma once

#include <cstddef>

#include "polyformer/ckks/evaluator/operation_counts.h"
#include "polyformer/cli/bench/roofline.h"

namespace polyformer::cli {

/// One limb's transform; its tables of roots count as read.
Work ntt_work(std::size_t ring_dimension);

/// Of what is counted, in a ring of dimension `ring_dimension`; permutations are free.
Work work_of(const ckks::OperationCounts& counts, std::size_t ring_dimension);

}  // namespace polyformer::cli
