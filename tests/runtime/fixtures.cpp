#include "tests/runtime/fixtures.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace polyformer::runtime::fixtures {

model::RandomModelOptions model_options(std::size_t layers, std::size_t width, std::size_t heads, std::size_t context,
                                        std::size_t feed_forward, std::size_t vocabulary) {
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

compile::PlanOptions plan_options(std::size_t ring_dimension, compile::Positions positions) {
    compile::PlanOptions options;
    options.positions = positions;
    options.parameters = ckks::presets::insecure_bootstrapping(ring_dimension);
    return options;
}

std::vector<double> exact_logits(const model::Graph& graph, const model::Tensor& embedded,
                                 compile::Positions positions) {
    std::vector<double> logits = model::evaluate(graph, embedded).logits.values;
    if (positions == compile::Positions::last) {
        logits.erase(logits.begin(), logits.end() - static_cast<std::ptrdiff_t>(graph.vocabulary));
    }
    return logits;
}

std::vector<double> clear_logits(const compile::Plan& plan, ClearBackend& backend, const model::Tensor& embedded,
                                 std::size_t images) {
    const std::size_t rows = embedded.rows / images;
    std::vector<ClearValue> inputs;
    for (std::vector<double>& slots : compile::pack_input(plan, embedded.values, rows, images)) {
        inputs.push_back(backend.encrypt(std::move(slots), plan.input_level));
    }
    std::vector<std::vector<double>> outputs;
    for (ClearValue& value : run(plan, backend, std::move(inputs), rows).outputs) {
        outputs.push_back(std::move(value.slots));
    }
    return compile::unpack_output(plan, outputs, plan.gives_one_row() ? 1 : rows, images);
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

}  // namespace polyformer::runtime::fixtures
