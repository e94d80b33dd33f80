#include "tests/runtime/fixtures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "polyformer/compile/layout/slots.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/runtime/noise/foreseen_noise.h"
#include "polyformer/support/extremes.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::fixtures {

std::vector<double> exact_logits(const model::Graph& graph, const model::Tensor& embedded,
                                 compile::Positions positions) {
    std::vector<double> logits = model::evaluate(graph, embedded).logits.values;
    if (positions == compile::Positions::last) {
        logits.erase(logits.begin(), logits.end() - static_cast<std::ptrdiff_t>(graph.vocabulary));
    }
    return logits;
}

namespace {

/// Every slot of a reply holds the logit that the frame says, or nothing: what clients rely on (service/reply_check.h).
void expect_promised_slots(const compile::Plan& plan, const std::vector<std::vector<double>>& slots,
                           const std::vector<double>& logits, const compile::Lengths& lengths) {
    const double noise = 256 * runtime::foreseen_noise(plan) / plan.frame.output_bound;
    std::size_t broken = 0;
    for (std::size_t c = 0; c < slots.size(); ++c) {
        for (std::size_t s = 0; s < slots[c].size(); ++s) {
            const auto held = compile::logit_in_slot(plan.frame, c, s, plan.frame.logit_rows(lengths));
            const double promised = held ? logits.at(*held) / plan.frame.output_bound : 0;
            if (!(std::abs(slots[c][s] - promised) <= noise)) ++broken;
        }
    }
    EXPECT_EQ(broken, 0U) << "slots of the reply that do not hold what the plan promises";
}

}  // namespace

std::vector<double> clear_logits(const compile::Plan& plan, ClearBackend& backend, const model::Tensor& embedded,
                                 std::size_t images) {
    return clear_logits(plan, backend, embedded, compile::Lengths(images, embedded.rows / images));
}

std::vector<double> clear_logits(const compile::Plan& plan, ClearBackend& backend, const model::Tensor& embedded,
                                 const compile::Lengths& lengths) {
    std::vector<runtime::ClearValue> inputs;
    for (std::vector<double>& slots : compile::pack_input(plan.frame, embedded.values, lengths)) {
        inputs.push_back(backend.encrypt(std::move(slots), plan.frame.input_level));
    }
    std::vector<std::vector<double>> outputs;
    for (runtime::ClearValue& value : runtime::run(plan, backend, std::move(inputs), lengths).outputs) {
        outputs.push_back(std::move(value.slots));
    }
    std::vector<double> logits = compile::unpack_output(plan.frame, outputs, plan.frame.logit_rows(lengths));
    expect_promised_slots(plan, outputs, logits, lengths);
    return logits;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = larger(largest, std::abs(a[i] - b[i]));
    return largest;
}

namespace {

/// The largest |Chebyshev variable| of all polynomials' inputs, or 1: whatever fills other slots stays within it.
double largest_variable(const model::Graph& graph, const model::Tensor& text) {
    double largest = 1;
    for (const model::IntervalReport& report : model::evaluate(graph, text).intervals) {
        for (const double value : {report.smallest, report.largest}) {
            largest =
                std::max(largest, std::abs(2 * value - report.lower - report.upper) / (report.upper - report.lower));
        }
    }
    return 1.0001 * largest;
}

}  // namespace

void expect_interpreters_answers(const model::Transformer& model, const compile::Plan& plan,
                                 std::span<const std::size_t> lengths) {
    for (const std::size_t length : lengths) {
        SCOPED_TRACE(length);
        const model::Tensor text = model.embedding.embed(
            model::random_tokens(length, model.embedding.tokens.rows, static_cast<unsigned>(90 + length)));
        const std::vector<double> exact = exact_logits(model.graph, text, plan.options.positions);
        const double size = largest_difference(exact, std::vector<double>(exact.size(), 0.0));
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        EXPECT_LT(largest_difference(clear_logits(plan, backend, text), exact), 1e-6 * (1 + size));
        const double most = largest_variable(model.graph, text);
        for (const runtime::Excursion& excursion : backend.excursions())
            EXPECT_LE(excursion.worst, most) << excursion.step;
    }
}

void expect_interpreters_logits(const model::Graph& graph, const compile::Plan& plan,
                                const std::vector<std::size_t>& lengths) {
    for (const std::size_t tokens : lengths) {
        const model::Tensor text = Builder(graph.context, graph.width).text(tokens, 1);
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        const std::vector<double> exact = exact_logits(graph, text, plan.options.positions);
        const double size = largest_difference(exact, std::vector<double>(exact.size(), 0.0));
        EXPECT_LT(largest_difference(clear_logits(plan, backend, text), exact), 1e-6 * (1 + size)) << tokens;
    }
}

std::vector<std::size_t> lengths_up_to(std::size_t context) {
    std::vector<std::size_t> lengths;
    for (std::size_t length = context; length > 0; length -= std::min(length, 1 + context / 16)) {
        lengths.push_back(length);
    }
    return lengths;
}

}  // namespace polyformer::fixtures
