#include "polyformer/compile/schedule/key_choice.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/circuits/map_shape.h"
#include "polyformer/compile/plan/options.h"
#include "polyformer/compile/schedule/costs.h"
#include "polyformer/compile/schedule/key_set.h"
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

/// One way to compute steps that are alike: what it takes, and the keys for the highest of them.
struct Way {
    double seconds = 0;
    ckks::KeyRequest keys;
    std::function<void(Step& step)> set;
};

/// Steps that are alike but for their levels and weights: they are computed in one way, and what its keys are worth is
/// theirs together.
struct Chooser {
    std::vector<Step*> steps;
    std::vector<Way> ways;
    std::size_t chosen = 0;

    int highest() const {
        int level = 0;
        for (const Step* step : steps) level = std::max(level, step->level);
        return level;
    }
    double least_seconds() const { return std::ranges::min_element(ways, {}, &Way::seconds)->seconds; }
};

/// What steps that are alike have in common, weights and levels left out.
struct Kind {
    bool real_inputs = false;
    std::optional<ckks::MapShape> map;
    std::optional<ckks::RotatedInnerProduct> product;
    std::size_t products = 0;

    friend bool operator==(const Kind&, const Kind&) = default;
};

/// Nothing for steps in which there is nothing to choose.
std::optional<Kind> kind_of(const Step& step) {
    if (const auto* map = std::get_if<LinearMapStep>(&step.operation)) {
        return Kind{.real_inputs = map->real_inputs, .map = ckks::MapShape(map->map), .product = {}};
    }
    if (const auto* product = std::get_if<RotatedProductStep>(&step.operation)) {
        Kind kind{.map = {}, .product = product->product, .products = product->outputs.size()};
        kind.product->baby = kind.product->left_shifts = kind.product->inner = 1;
        return kind;
    }
    return std::nullopt;
}

std::vector<Way> map_ways(const Kind& kind, const Chooser& chooser, const StepPrices& prices,
                          const ckks::Parameters& parameters) {
    std::vector<Way> ways;
    for (const MapChoice& choice : map_choices(*kind.map, kind.real_inputs, Savings::all)) {
        Way way{.keys = choice.map.key_request(parameters, chooser.highest()), .set = {}};
        for (const Step* step : chooser.steps) {
            way.seconds += prices.map(choice.counts, kind.map->period, step->level).seconds;
        }
        way.set = [baby = static_cast<int>(choice.map.baby), pairing = choice.map.pairing,
                   saving = choice.map.saving](Step& step) {
            ckks::PeriodicDiagonals& map = std::get<LinearMapStep>(step.operation).map;
            map.baby = baby;
            map.pairing = pairing;
            map.saving = saving;
        };
        ways.push_back(std::move(way));
    }
    return ways;
}

std::vector<Way> product_ways(const Kind& kind, const Chooser& chooser, const StepPrices& prices,
                              const ckks::Parameters& parameters) {
    std::vector<Way> ways;
    for (const ckks::RotatedInnerProduct& product : product_choices(*kind.product)) {
        Way way{.keys = product.key_request(parameters, chooser.highest()), .set = {}};
        for (const Step* step : chooser.steps) {
            way.seconds += static_cast<double>(kind.products) * prices.rotated_product(product, step->level).seconds;
        }
        way.set = [baby = product.baby, left_shifts = product.left_shifts, inner = product.inner](Step& step) {
            ckks::RotatedInnerProduct& own = std::get<RotatedProductStep>(step.operation).product;
            own.baby = baby;
            own.left_shifts = left_shifts;
            own.inner = inner;
        };
        ways.push_back(std::move(way));
    }
    return ways;
}

std::vector<Chooser> choosers_of(std::span<Step> steps, const StepPrices& prices, const ckks::Parameters& parameters) {
    std::vector<Kind> kinds;
    std::vector<Chooser> choosers;
    for (Step& step : steps) {
        std::optional<Kind> kind = kind_of(step);
        if (!kind) continue;
        const auto found = std::ranges::find(kinds, *kind);
        if (found == kinds.end()) {
            kinds.push_back(std::move(*kind));
            choosers.push_back({{&step}, {}});
        } else {
            choosers[static_cast<std::size_t>(found - kinds.begin())].steps.push_back(&step);
        }
    }
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        choosers[i].ways = kinds[i].map ? map_ways(kinds[i], choosers[i], prices, parameters)
                                        : product_ways(kinds[i], choosers[i], prices, parameters);
    }
    return choosers;
}

/// The way of least seconds and keys beside those that there are.
std::size_t best_way(const Chooser& chooser, const KeySet& keys) {
    std::size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t way = 0; way < chooser.ways.size(); ++way) {
        const double price = chooser.ways[way].seconds + keys.price(chooser.ways[way].keys);
        if (price < least) {
            least = price;
            best = way;
        }
    }
    return best;
}

/// The dearest first: their keys are then there for the others. Then each once more, with the keys of all others there.
void choose_ways(std::vector<Chooser>& choosers, const KeySet& fixed) {
    constexpr int kMostRounds = 4;
    std::ranges::stable_sort(choosers, std::greater<>{}, &Chooser::least_seconds);
    KeySet so_far = fixed;
    for (Chooser& chooser : choosers) {
        chooser.chosen = best_way(chooser, so_far);
        so_far.add(chooser.ways[chooser.chosen].keys);
    }
    bool changed = true;
    for (int round = 0; changed && round < kMostRounds; ++round) {
        changed = false;
        for (Chooser& chooser : choosers) {
            KeySet others = fixed;
            for (const Chooser& other : choosers) {
                if (&other != &chooser) others.add(other.ways[other.chosen].keys);
            }
            const std::size_t better = best_way(chooser, others);
            changed = changed || better != chooser.chosen;
            chooser.chosen = better;
        }
    }
    for (Chooser& chooser : choosers) {
        for (Step* step : chooser.steps) chooser.ways[chooser.chosen].set(*step);
    }
}

}  // namespace

std::size_t bootstraps(std::span<const Step> steps) {
    return static_cast<std::size_t>(std::ranges::count_if(
        steps, [](const Step& step) { return std::holds_alternative<BootstrapStep>(step.operation); }));
}

KeyChoice choose_keys(std::span<Step> steps, const Packing& packing, const ckks::Parameters& parameters,
                      const CostModel& costs, double seconds_per_byte) {
    const StepPrices prices(parameters, costs);
    KeyChoice choice;
    KeySet fixed(parameters, seconds_per_byte);
    if (const std::size_t count = bootstraps(steps); count > 0) {
        choice.bootstrap_key_price = bootstrap_key_price(seconds_per_byte, count, parameters, costs);
        fixed.add(ckks::Bootstrapper::key_request(parameters, parameters.slots(), choice.bootstrap_key_price));
    }
    for (const Step& step : steps) fixed.add(fixed_keys(step, packing, parameters));
    std::vector<Chooser> choosers = choosers_of(steps, prices, parameters);
    choose_ways(choosers, fixed);
    choice.keys = fixed.request();
    for (const Chooser& chooser : choosers) choice.keys.merge(chooser.ways[chooser.chosen].keys);
    return choice;
}

}  // namespace polyformer::compile
