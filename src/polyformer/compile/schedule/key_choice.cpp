#include "polyformer/compile/schedule/key_choice.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/circuits/map_shape.h"
#include "polyformer/compile/schedule/costs.h"
#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

namespace {

using model::Overloaded;

/// Keys of a step in which there is nothing to choose; maps and products are given none here.
ckks::KeyRequest fixed_keys(const Step& step, const Packing& packing, const ckks::Parameters& parameters) {
    ckks::KeyRequest request;
    const auto relinearise = [&] { request.add_relinearisation(parameters, step.level); };
    std::visit(
        Overloaded{[&](const MultiplyStep&) { relinearise(); }, [&](const PolynomialStep&) { relinearise(); },
                   [&](const SelectTokenStep&) {
                       for (std::size_t rows = 1; rows < packing.tokens; rows *= 2) {
                           request.add_rotation(parameters, static_cast<long>(rows * packing.row()), step.output_level);
                       }
                   },
                   [&](const SumSlotsStep& sum) {
                       for (std::size_t distance = 1; distance < sum.count; distance *= 2) {
                           request.add_rotation(parameters, sum.stride * static_cast<long>(distance), step.level);
                       }
                   },
                   [&](const CombineStep& combine) {
                       for (const CombineStep::Term& term : combine.terms) {
                           request.add_rotation(parameters, term.rotation, step.level);
                       }
                       if (combine.doubled_real_part) request.add_conjugation(parameters, step.level);
                   },
                   [](const auto&) {}},
        step.operation);
    return request;
}

/// A step whose baby-step number, and pairing if it is a map, are to be chosen, and the seconds that it takes with the
/// best for itself alone.
struct Chooser {
    double seconds = 0;
    std::function<void(KeySet& keys)> choose;
};

Chooser chooser_of(LinearMapStep& step, int level, const StepPrices& prices, const ckks::Parameters& parameters) {
    std::vector<MapChoice> choices = map_choices(ckks::MapShape(step.map), step.real_inputs);
    const std::size_t period = step.map.period;
    const double seconds = prices.map(prices.best_choice(choices, period, level).counts, period, level).seconds;
    return {seconds, [&, level, period, choices = std::move(choices)](KeySet& keys) {
                const ckks::PairedMap& best = prices.best_choice(choices, period, level, &keys).map;
                step.map.baby = static_cast<int>(best.baby);
                step.map.pairing = best.pairing;
                keys.add(best.key_request(parameters, level));
            }};
}

Chooser chooser_of(RotatedProductStep& step, int level, const StepPrices& prices, const ckks::Parameters& parameters) {
    return {prices.rotated_product(step.product, level).seconds, [&, level](KeySet& keys) {
                step.product.baby = prices.best_baby(step.product, level, &keys);
                keys.add(step.product.key_request(parameters, level));
            }};
}

}  // namespace

bool bootstraps(std::span<const Step> steps) {
    return std::ranges::any_of(steps,
                               [](const Step& step) { return std::holds_alternative<BootstrapStep>(step.operation); });
}

ckks::KeyRequest choose_keys(std::span<Step> steps, const Packing& packing, const ckks::Parameters& parameters,
                             const CostModel& costs) {
    const StepPrices prices(parameters, costs);
    KeySet keys(
        parameters, costs.key_byte,
        bootstraps(steps) ? ckks::Bootstrapper::key_request(parameters, parameters.slots()) : ckks::KeyRequest{});
    std::vector<Chooser> choosers;
    for (Step& step : steps) {
        keys.add(fixed_keys(step, packing, parameters));
        std::visit(
            Overloaded{[&](LinearMapStep& map) { choosers.push_back(chooser_of(map, step.level, prices, parameters)); },
                       [&](RotatedProductStep& product) {
                           choosers.push_back(chooser_of(product, step.level, prices, parameters));
                       },
                       [](const auto&) {}},
            step.operation);
    }
    // The dearest first: their keys are then there for the others.
    std::ranges::stable_sort(choosers, std::greater<>{}, &Chooser::seconds);
    for (const Chooser& chooser : choosers) chooser.choose(keys);
    return keys.request();
}

}  // namespace polyformer::compile
