// A tiny transformer and its plan in a ring without any security: runs under encryption within seconds.
#pragma once

#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/builders/random_model.h"

namespace polyformer::service {

inline model::RandomModelOptions small_model_options() {
    model::RandomModelOptions options;
    options.layers = 1;
    options.width = 16;
    options.heads = 2;
    options.context = 8;
    options.feed_forward = 32;
    options.vocabulary = 24;
    options.activation_degree = 7;
    options.inverse_sqrt_degree = 7;
    return options;
}

inline compile::PlanOptions small_plan_options(compile::Positions positions) {
    compile::PlanOptions options;
    options.positions = positions;
    options.parameters = ckks::presets::insecure_bootstrapping(1024);
    return options;
}

}  // namespace polyformer::service
