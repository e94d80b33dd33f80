// What an evaluator computes once and its copies share.
#pragma once

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/scheme/evaluator.h"

namespace polyformer::ckks {

struct Evaluator::Tables {
    explicit Tables(std::size_t ring_dimension) : automorphisms(ring_dimension) {}

    AutomorphismCache automorphisms;
};

}  // namespace polyformer::ckks
