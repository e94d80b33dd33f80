// The least that has a plan: two linear maps with a parabola between them.
#pragma once

#include "polyformer/compile/plan/options.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::fuzz {

inline constexpr std::size_t kTinyContext = 2;
inline constexpr std::size_t kTinyWidth = 4;
inline constexpr std::size_t kTinyVocabulary = 3;

/// Takes five levels and compiles in milliseconds. The corpus of plans names its fingerprint: after a change, make it
/// anew.
inline model::Graph tiny_graph() {
    fixtures::Builder builder(kTinyContext, kTinyWidth);
    const model::NodeId hidden = builder.apply(builder.linear(builder.input(), kTinyWidth, kTinyWidth));
    builder.linear(builder.sum(hidden, builder.input()), kTinyWidth, kTinyVocabulary);
    return builder.finish(kTinyVocabulary);
}

/// Two special primes, so that keys have more than one possible shape; no bootstrapping.
inline compile::PlanOptions tiny_options() {
    compile::PlanOptions options;
    ckks::ParametersLiteral literal;
    literal.ring_dimension = 1024;
    literal.base_prime_bits = 45;
    literal.scale_bits = 35;
    literal.working_levels = 5;
    literal.special_prime_bits = 50;
    literal.special_primes = 2;
    literal.security = ckks::Security::insecure;
    options.parameters = literal;
    return options;
}

}  // namespace polyformer::fuzz
