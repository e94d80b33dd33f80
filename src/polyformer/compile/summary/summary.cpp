#include "polyformer/compile/summary/summary.h"

#include <algorithm>

#include "polyformer/compile/schedule/costs.h"
#include "polyformer/compile/summary/working_memory.h"
#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

namespace {

/// What one step takes.
StepCost cost_of(const Step& step, const StepPrices& prices, const Packing& packing) {
    const int level = step.level;
    const auto times = [](std::size_t count, const StepCost& one) {
        StepCost cost;
        for (std::size_t i = 0; i < count; ++i) cost += one;
        return cost;
    };
    return std::visit(
        model::Overloaded{[&](const LinearMapStep& map) {
                              const ckks::PairedMap paired(ckks::MapShape(map.map), map.map.pairing, map.map.baby,
                                                           map.map.saving);
                              return prices.map(ckks::periodic_map_counts(paired), map.map.period, level);
                          },
                          [&](const AddStep&) { return prices.sum(level); },
                          [&](const MultiplyStep&) { return prices.product(level); },
                          [&](const AffineStep&) { return prices.affine(level); },
                          [&](const PolynomialStep& polynomial) {
                              const ckks::ChebyshevSeries& series = polynomial.series;
                              return times(polynomial.inputs.size(),
                                           prices.polynomial(series.degree(), polynomial.scores.has_value(), level));
                          },
                          [&](const RotatedProductStep& product) {
                              return times(product.outputs.size(), prices.rotated_product(product.product, level));
                          },
                          [&](const SumSlotsStep& sum) { return prices.sum_slots(sum.count, level); },
                          [&](const CombineStep& combine) {
                              const auto rotations = std::ranges::count_if(
                                  combine.terms, [](const CombineStep::Term& term) { return term.rotation != 0; });
                              return prices.combine(combine.terms.size(), static_cast<std::size_t>(rotations),
                                                    combine.doubled_real_part, level);
                          },
                          [&](const SelectTokenStep&) { return prices.select_token(packing.tokens, level); },
                          [&](const BootstrapStep& bootstrap) { return prices.bootstrap(bootstrap.inputs.size()); }},
        step.operation);
}

}  // namespace

void summarise(Plan& plan) {
    const Frame& frame = plan.frame;
    const StepPrices prices(frame.parameters, plan.options.costs, plan.bootstrap_key_price);
    PlanSummary summary;
    StepCost total;
    for (Step& step : plan.steps) {
        const StepCost cost = cost_of(step, prices, frame.packing);
        step.seconds = cost.seconds;
        total += cost;
        if (const auto* bootstrap = std::get_if<BootstrapStep>(&step.operation)) {
            ++summary.bootstraps;
            summary.bootstrapped_values += bootstrap->inputs.size();
        }
    }
    summary.seconds = total.seconds;
    summary.key_switches = total.key_switches;
    summary.ciphertext_products = total.ciphertext_products;
    summary.plaintext_products = total.plaintext_products;
    summary.rotation_keys = plan.keys.rotations();
    summary.key_bytes_memory = plan.keys.memory_bytes(frame.parameters);
    summary.key_bytes_file = plan.keys.file_bytes(frame.parameters);
    // Packed residues; a seed stands for half of each input, and outputs leave at level 0.
    summary.request_bytes =
        plan.inputs.size() * (sizeof(ckks::Seed) + frame.parameters.packed_rows_bytes(frame.input_level, 0));
    summary.reply_bytes = plan.outputs.size() * 2 * frame.parameters.packed_rows_bytes(0, 0);
    summary.working_bytes = working_bytes(plan);
    plan.summary = summary;
}

}  // namespace polyformer::compile
