// Small models and plans without any security: compiled in milliseconds, run under encryption within seconds.
#pragma once

#include <cstddef>

#include "polyformer/compile/plan/options.h"
#include "polyformer/model/builders/random_model.h"

namespace polyformer::fixtures {

/// What varies most; set the rest on the result.
inline model::RandomModelOptions transformer_shape(std::size_t layers, std::size_t width, std::size_t heads,
                                                   std::size_t context, std::size_t feed_forward,
                                                   std::size_t vocabulary) {
    model::RandomModelOptions options;
    options.layers = layers;
    options.width = width;
    options.heads = heads;
    options.context = context;
    options.feed_forward = feed_forward;
    options.vocabulary = vocabulary;
    options.samples = 4;
    return options;
}

/// One layer over eight tokens, all polynomials of this degree. Fits a ring of 1024 with a degree of 7.
inline model::RandomModelOptions small_shape(std::size_t degree = 15) {
    model::RandomModelOptions options = transformer_shape(1, 16, 2, 8, 32, 24);
    options.activation_degree = options.inverse_sqrt_degree = degree;
    return options;
}

inline model::Transformer small_transformer(std::size_t degree = 15) {
    return model::random_model(small_shape(degree));
}

/// The same over two layers, its norms of degree 15.
inline model::Transformer two_layers(model::NormKind norm, std::size_t activation_degree = 15) {
    model::RandomModelOptions options = small_shape();
    options.layers = 2;
    options.norm = norm;
    options.activation_degree = activation_degree;
    return model::random_model(options);
}

/// Of a ring too small for security, with bootstrapping.
inline compile::PlanOptions plan_options(std::size_t ring_dimension,
                                         compile::Positions positions = compile::Positions::all,
                                         std::size_t images = 1) {
    compile::PlanOptions options;
    options.positions = positions;
    options.images = images;
    options.parameters = ckks::presets::insecure_bootstrapping(ring_dimension);
    return options;
}

}  // namespace polyformer::fixtures
