#include "tests/runtime/fixtures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "polyformer/compile/layout/slots.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/support/extremes.h"

namespace polyformer::fixtures {

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
    std::vector<runtime::ClearValue> inputs;
    for (std::vector<double>& slots : compile::pack_input(plan.frame, embedded.values, rows, images)) {
        inputs.push_back(backend.encrypt(std::move(slots), plan.frame.input_level));
    }
    std::vector<std::vector<double>> outputs;
    for (runtime::ClearValue& value : runtime::run(plan, backend, std::move(inputs), rows).outputs) {
        outputs.push_back(std::move(value.slots));
    }
    return compile::unpack_output(plan.frame, outputs, plan.frame.logit_rows(rows), images);
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = larger(largest, std::abs(a[i] - b[i]));
    return largest;
}

}  // namespace polyformer::fixtures
