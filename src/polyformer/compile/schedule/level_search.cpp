#include "polyformer/compile/schedule/level_search.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "polyformer/support/error.h"
#include "polyformer/support/system/cancellation.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::compile {

namespace {

using Levels = std::vector<std::int8_t>;  ///< of the live bundles, in ascending order of bundle

/// A way to reach a state, kept for all gates so that the best can be walked back.
struct Label {
    Levels levels;
    double seconds = 0;
    std::size_t previous = 0;
    GateSchedule step;
};

/// Of the labels at one gate whose levels add up to the same, only so many of the cheapest are kept. All of them lead
/// to the end, for labels that do not are never made. Cutting by cost alone would drop those that pay for their levels
/// now and save a bootstrap later.
constexpr std::size_t kMaxLabelsOfASum = 10;

/// Bundles that could be refreshed at one gate, at most: subsets of them are tried.
constexpr std::size_t kMaxRefreshed = 6;

std::vector<std::size_t> last_uses(const Circuit& circuit) {
    std::vector<std::size_t> last(circuit.bundles.size(), 0);
    for (std::size_t g = 0; g < circuit.gates.size(); ++g) {
        for (const BundleId input : circuit.gates[g].inputs) last[input] = g;
    }
    last[circuit.output] = circuit.gates.size();
    return last;
}

bool dominates(const Levels& a, const Levels& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] < b[i]) return false;
    }
    return true;
}

class Search {
  public:
    Search(const Circuit& circuit, const ckks::Parameters& parameters, const CostModel& costs, const Packing& packing)
        : circuit_(circuit),
          parameters_(parameters),
          prices_(parameters, costs),
          packing_(packing),
          last_use_(last_uses(circuit)),
          real_(real_bundles(circuit)),
          top_(parameters.working_level()),
          lowest_refreshed_(parameters.can_bootstrap() ? parameters.bootstrapping_input_level() : top_ + 1) {
        if (!parameters.can_bootstrap()) return;
        single_seconds_ = prices_.bootstrap(1).seconds;
        pair_seconds_ = prices_.bootstrap(2).seconds;
    }

    Schedule run(std::optional<int> highest_input_level) {
        find_needs();
        start(highest_input_level.value_or(top_));
        for (std::size_t g = 0; g < circuit_.gates.size(); ++g) {
            throw_if_cancelled();
            advance(g);
        }
        return walk_back();
    }

  private:
    /// The least levels from which the end, or a bootstrap on the way, can be reached.
    void find_needs() {
        bundle_needs_.assign(circuit_.bundles.size(), 0);
        gate_needs_.assign(circuit_.gates.size(), 0);
        for (std::size_t g = circuit_.gates.size(); g-- > 0;) {
            const Gate& gate = circuit_.gates[g];
            for (const BundleId output : gate.outputs) {
                if (circuit_.bundles[output].can_bootstrap) {
                    bundle_needs_[output] = std::min(bundle_needs_[output], lowest_refreshed_);
                }
                gate_needs_[g] = std::max(gate_needs_[g], bundle_needs_[output]);
            }
            gate_needs_[g] += depth_of(gate);
            require_reachable(g);
            for (std::size_t i = 0; i < gate.inputs.size(); ++i) {
                int& need = bundle_needs_[gate.inputs[i]];
                need = std::max(need, gate_needs_[g] + headroom_of(gate, i));
            }
        }
        if (circuit_.bundles[circuit_.input].can_bootstrap) {
            bundle_needs_[circuit_.input] = std::min(bundle_needs_[circuit_.input], lowest_refreshed_);
        }
    }

    void start(int highest) {
        live_ = {circuit_.input};
        require(bundle_needs_[circuit_.input] <= highest && highest <= top_,
                "the input may start at level {} at most, but must start at {} to {}: choose another "
                "highest_input_level",
                highest, bundle_needs_[circuit_.input], top_);
        for (int level = bundle_needs_[circuit_.input]; level <= highest; ++level) {
            // Sending fewer levels is a little better when nothing else is.
            stages_.resize(1);
            stages_[0].push_back({{static_cast<std::int8_t>(level)}, 1e-6 * level, 0, {}});
        }
    }

    std::size_t place(BundleId bundle) const {
        return static_cast<std::size_t>(std::ranges::lower_bound(live_, bundle) - live_.begin());
    }

    /// From the labels before gate g to those behind it.
    void advance(std::size_t g) {
        const Gate& gate = circuit_.gates[g];
        const int depth = depth_of(gate);
        std::vector<double> seconds(static_cast<std::size_t>(top_) + 1);
        std::vector<MapChoice> choices;
        if (const auto* map = std::get_if<MapGate>(&gate.operation)) {
            choices = map_choices(ckks::MapShape(map->map), real_[gate.inputs.front()]);
        }
        parallel_for(seconds.size(), [&](std::size_t level) {
            if (static_cast<int>(level) >= depth) {
                seconds[level] = prices_.gate(gate, circuit_, packing_, choices, static_cast<int>(level));
            }
        });

        std::vector<BundleId> next_live;
        for (const BundleId bundle : live_) {
            if (last_use_[bundle] > g) next_live.push_back(bundle);
        }
        next_live.insert(next_live.end(), gate.outputs.begin(), gate.outputs.end());
        std::ranges::sort(next_live);

        std::map<Levels, Label> reached;
        const std::vector<Label>& labels = stages_.back();
        for (std::size_t index = 0; index < labels.size(); ++index) {
            for (const std::vector<BundleId>& refreshed : refreshable_sets(gate, labels[index].levels)) {
                Levels levels = labels[index].levels;
                for (const BundleId bundle : refreshed) levels[place(bundle)] = static_cast<std::int8_t>(top_);
                int highest = top_;
                for (std::size_t i = 0; i < gate.inputs.size(); ++i) {
                    highest = std::min(highest, levels[place(gate.inputs[i])] - headroom_of(gate, i));
                }
                const double before = labels[index].seconds + refresh_seconds(refreshed);
                // What costs no level may as well run where its operands are: they could have been lowered before.
                const int lowest = depth == 0 ? std::max(highest, gate_needs_[g]) : gate_needs_[g];
                for (int level = highest; level >= lowest; --level) {
                    const double total = before + seconds[static_cast<std::size_t>(level)];
                    Levels after = levels_after(next_live, levels, gate, level - depth);
                    auto [found, is_new] = reached.try_emplace(std::move(after));
                    if (!is_new && found->second.seconds <= total) continue;
                    found->second = {found->first, total, index, {refreshed, level}};
                }
            }
        }
        live_ = std::move(next_live);
        stages_.push_back(undominated(std::move(reached)));
    }

    Levels levels_after(const std::vector<BundleId>& next_live, const Levels& levels, const Gate& gate,
                        int output_level) const {
        Levels after;
        after.reserve(next_live.size());
        for (const BundleId bundle : next_live) {
            const bool is_output = std::ranges::find(gate.outputs, bundle) != gate.outputs.end();
            after.push_back(is_output ? static_cast<std::int8_t>(output_level) : levels[place(bundle)]);
        }
        return after;
    }

    /// The empty set, and every set of live bundles that can be refreshed and of which the gate reads at least one: a
    /// refresh pays at its first reader, or beside another one, with which it shares a bootstrap.
    std::vector<std::vector<BundleId>> refreshable_sets(const Gate& gate, const Levels& levels) const {
        std::vector<BundleId> candidates;
        const auto consider = [&](BundleId bundle) {
            const int level = levels[place(bundle)];
            if (circuit_.bundles[bundle].can_bootstrap && level >= lowest_refreshed_ && level < top_ &&
                candidates.size() < kMaxRefreshed && std::ranges::find(candidates, bundle) == candidates.end()) {
                candidates.push_back(bundle);
            }
        };
        for (const BundleId input : gate.inputs) consider(input);
        const std::size_t read = candidates.size();
        for (const BundleId bundle : live_) consider(bundle);
        std::vector<std::vector<BundleId>> sets{{}};
        for (std::size_t bits = 1; bits < std::size_t{1} << candidates.size(); ++bits) {
            if ((bits & ((std::size_t{1} << read) - 1)) == 0) continue;
            auto& set = sets.emplace_back();
            for (std::size_t i = 0; i < candidates.size(); ++i) {
                if ((bits >> i & 1) != 0) set.push_back(candidates[i]);
            }
        }
        return sets;
    }

    double refresh_seconds(const std::vector<BundleId>& refreshed) const {
        std::size_t ciphertexts = 0;
        for (const BundleId bundle : refreshed) ciphertexts += circuit_.bundles[bundle].ciphertexts;
        const std::size_t pairs = ciphertexts / 2;
        const std::size_t singles = ciphertexts % 2;
        return static_cast<double>(pairs) * pair_seconds_ + static_cast<double>(singles) * single_seconds_;
    }

    static std::vector<Label> undominated(std::map<Levels, Label> reached) {
        std::vector<Label> sorted;
        sorted.reserve(reached.size());
        for (auto& [levels, label] : reached) sorted.push_back(std::move(label));
        std::ranges::stable_sort(sorted, {}, &Label::seconds);
        std::vector<Label> kept;
        std::map<int, std::size_t> kept_of_sum;
        for (Label& label : sorted) {
            std::size_t& alike = kept_of_sum[std::accumulate(label.levels.begin(), label.levels.end(), 0)];
            if (alike == kMaxLabelsOfASum) continue;
            const bool beaten =
                std::ranges::any_of(kept, [&](const Label& better) { return dominates(better.levels, label.levels); });
            if (beaten) continue;
            ++alike;
            kept.push_back(std::move(label));
        }
        return kept;
    }

    void require_reachable(std::size_t g) const {
        if (gate_needs_[g] <= top_) return;
        const Gate& gate = circuit_.gates[g];
        const auto* polynomial = std::get_if<PolynomialGate>(&gate.operation);
        const std::string what = polynomial != nullptr ? fmt::format("the polynomial of degree {} at '{}'",
                                                                     polynomial->coefficients.size() - 1, gate.name)
                                                       : fmt::format("'{}'", gate.name);
        const int depth = depth_of(gate);
        if (!parameters_.can_bootstrap()) {
            fail(
                "{} needs {} levels and what follows it {} more, but these parameters have {} levels and cannot "
                "bootstrap: "
                "use parameters with bootstrapping, more levels, or a shallower network",
                what, depth, gate_needs_[g] - depth, top_);
        }
        fail(
            "{} needs {} levels and what follows it {} more before the next bootstrap, but at most {} are left after "
            "one: "
            "use a polynomial of lower degree, or parameters with more working levels",
            what, depth, gate_needs_[g] - depth, top_);
    }

    Schedule walk_back() const {
        const std::vector<Label>& ends = stages_.back();
        const auto best = std::ranges::min_element(ends, {}, &Label::seconds);
        auto index = static_cast<std::size_t>(best - ends.begin());
        Schedule schedule;
        schedule.seconds = best->seconds;
        schedule.gates.resize(circuit_.gates.size());
        for (std::size_t stage = circuit_.gates.size(); stage > 0; --stage) {
            const Label& label = stages_[stage][index];
            schedule.gates[stage - 1] = label.step;
            index = label.previous;
        }
        schedule.input_level = stages_[0][index].levels.front();
        return schedule;
    }

    const Circuit& circuit_;
    ckks::Parameters parameters_;
    StepPrices prices_;
    Packing packing_;
    std::vector<std::size_t> last_use_;
    std::vector<bool> real_;
    std::vector<int> bundle_needs_;
    std::vector<int> gate_needs_;
    int top_;
    int lowest_refreshed_;
    double single_seconds_ = 0;
    double pair_seconds_ = 0;
    std::vector<BundleId> live_;
    std::vector<std::vector<Label>> stages_;  ///< labels before gate 0, 1, …
};

}  // namespace

Schedule choose_levels(const Circuit& circuit, const ckks::Parameters& parameters, const CostModel& costs,
                       const Packing& packing, std::optional<int> highest_input_level) {
    return Search(circuit, parameters, costs, packing).run(highest_input_level);
}

}  // namespace polyformer::compile
