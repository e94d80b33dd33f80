#include "polyformer/compile/reports/stretches.h"

#include <algorithm>
#include <map>
#include <optional>

namespace polyformer::compile {

namespace {

bool is_bootstrap(const Step& step) {
    return std::holds_alternative<BootstrapStep>(step.operation);
}

/// Levels that one operand loses on its way through a step.
int levels_through(const Step& step, ValueId input) {
    const auto* add = std::get_if<AddStep>(&step.operation);
    const int headroom = add != nullptr && add->left == input && add->left_factor != 1 ? 1 : 0;
    return step.level - step.output_level + headroom;
}

class Ways {
  public:
    explicit Ways(const Plan& plan) : plan_(plan) {
        follow_needs();
        follow_starts();
    }

    std::vector<Stretch> stretches() {
        for (std::size_t s = 0; s < stretches_.size(); ++s) measure(stretches_[s], starts_[s]);
        for (const Step& step : plan_.steps) {
            if (std::holds_alternative<PolynomialStep>(step.operation)) record_polynomial(step);
        }
        return std::move(stretches_);
    }

  private:
    /// The longest way from a value to a bootstrap or to the reply.
    struct Need {
        int levels = 0;  ///< kept for the bootstrap included
        int kept = 0;
        std::optional<std::size_t> step;  ///< the next on the way
    };
    /// Whence a value comes.
    struct Origin {
        std::size_t stretch = 0;  ///< the latest of those that it comes from
        int highest = 0;          ///< level that it can have
    };

    void follow_needs() {
        for (const ValueId output : plan_.outputs) needs_[output] = {};
        for (std::size_t s = plan_.steps.size(); s-- > 0;) {
            const Step& step = plan_.steps[s];
            for (const ValueId input : inputs_of(step.operation)) {
                Need way{0, 0, s};
                if (is_bootstrap(step)) {
                    way.levels = way.kept = plan_.frame.parameters.bootstrapping_input_level();
                } else {
                    const Need longest = longest_of(outputs_of(step.operation));
                    way.kept = longest.kept;
                    way.levels = longest.levels + levels_through(step, input);
                }
                const auto [known, is_new] = needs_.try_emplace(input, way);
                if (!is_new && known->second.levels < way.levels) known->second = way;
            }
        }
    }

    Need longest_of(const std::vector<ValueId>& values) const {
        Need longest;
        for (const ValueId value : values) {
            const auto found = needs_.find(value);
            if (found != needs_.end() && found->second.levels >= longest.levels) longest = found->second;
        }
        return longest;
    }

    void follow_starts() {
        const int working_level = plan_.frame.parameters.working_level();
        start(plan_.inputs, plan_.options.highest_input_level.value_or(working_level));
        bool starting = false;
        for (const Step& step : plan_.steps) {
            const std::vector<ValueId> outputs = outputs_of(step.operation);
            if (is_bootstrap(step)) {
                // Those that follow each other belong to one place in the circuit.
                if (!starting) start({}, working_level);
                starting = true;
                add_to_start(outputs, working_level);
                continue;
            }
            starting = false;
            Origin origin{0, working_level};
            for (const ValueId input : inputs_of(step.operation)) {
                const Origin& from = origins_.at(input);
                origin.stretch = std::max(origin.stretch, from.stretch);
                origin.highest = std::min(origin.highest, from.highest - levels_through(step, input));
            }
            for (const ValueId output : outputs) origins_[output] = origin;
        }
    }

    void start(const std::vector<ValueId>& values, int levels) {
        stretches_.emplace_back().levels = levels;
        starts_.emplace_back();
        add_to_start(values, levels);
    }

    void add_to_start(const std::vector<ValueId>& values, int levels) {
        stretches_.back().ciphertexts += values.size();
        starts_.back().insert(starts_.back().end(), values.begin(), values.end());
        for (const ValueId value : values) origins_[value] = {stretches_.size() - 1, levels};
    }

    void measure(Stretch& stretch, const std::vector<ValueId>& start) const {
        Need need = longest_of(start);
        stretch.kept = need.kept;
        stretch.used = need.levels - need.kept;
        stretch.slack = stretch.levels - need.levels;
        while (need.step) {
            const Step& step = plan_.steps[*need.step];
            if (stretch.first.empty()) stretch.first = step.name;
            if (is_bootstrap(step)) {
                if (stretch.last.empty()) stretch.last = step.name;
                return;
            }
            stretch.last = step.name;
            need = longest_of(outputs_of(step.operation));
        }
    }

    void record_polynomial(const Step& step) {
        const ValueId output = outputs_of(step.operation).front();
        const Origin& origin = origins_.at(output);
        const int room = origin.highest - longest_of(outputs_of(step.operation)).levels;
        std::vector<PolynomialUse>& known = stretches_[origin.stretch].polynomials;
        const auto same = std::ranges::find(known, step.name, &PolynomialUse::node);
        if (same == known.end()) {
            known.push_back({step.name, step.level - step.output_level, room});
        } else {
            same->room = std::min(same->room, room);
        }
    }

    const Plan& plan_;
    std::map<ValueId, Need> needs_;
    std::map<ValueId, Origin> origins_;
    std::vector<Stretch> stretches_;
    std::vector<std::vector<ValueId>> starts_;  ///< of each stretch
};

}  // namespace

std::vector<Stretch> stretches_of(const Plan& plan) {
    return Ways(plan).stretches();
}

}  // namespace polyformer::compile
