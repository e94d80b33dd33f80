// What the corpus of client plans is made of.
#pragma once

#include "tests/compile/small_plan.h"

namespace polyformer::fuzz {

/// A transformer whose plan fits the smallest ring. The corpus names its fingerprint: after a change, make it anew.
inline model::Transformer tiny_transformer() {
    model::RandomModelOptions options = fixtures::transformer_shape(1, 4, 1, 4, 4, 6);
    options.activation_degree = options.inverse_sqrt_degree = 3;
    options.samples = 2;
    return model::random_model(options);
}

}  // namespace polyformer::fuzz
