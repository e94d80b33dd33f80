#include "polyformer/compile/schedule/expansion.h"

#include <algorithm>
#include <map>

#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

namespace {

class Expansion {
  public:
    Expansion(Circuit circuit, const Schedule& schedule, int working_level)
        : circuit_(std::move(circuit)),
          schedule_(schedule),
          working_level_(working_level),
          real_(real_bundles(circuit_)),
          values_(circuit_.bundles.size()) {}

    ExpandedCircuit run() {
        expanded_.inputs = new_values(circuit_.input);
        for (const ValueId input : expanded_.inputs) level_[input] = schedule_.input_level;
        for (std::size_t g = 0; g < circuit_.gates.size(); ++g) {
            Gate& gate = circuit_.gates[g];
            const GateSchedule& when = schedule_.gates[g];
            refresh(gate, when.refreshed);
            name_ = gate.name;
            step_level_ = when.level;
            std::visit([&](auto& operation) { expand(gate, operation); }, gate.operation);
        }
        expanded_.outputs = values_[circuit_.output];
        return std::move(expanded_);
    }

  private:
    ValueId new_value() { return next_value_++; }

    std::vector<ValueId> new_values(BundleId bundle) {
        auto& ids = values_[bundle];
        ids.resize(circuit_.bundles[bundle].ciphertexts);
        std::ranges::generate(ids, [&] { return new_value(); });
        return ids;
    }

    void add_step(Operation operation, int level, int output_level) {
        for (const ValueId output : outputs_of(operation)) level_[output] = output_level;
        expanded_.steps.push_back({name_, std::move(operation), level, output_level, 0});
    }

    /// Two ciphertexts at a time, whichever bundles they belong to.
    void refresh(const Gate& gate, const std::vector<BundleId>& bundles) {
        name_ = gate.name;
        std::vector<ValueId> old_ids;
        std::vector<ValueId> new_ids;
        for (const BundleId bundle : bundles) {
            old_ids.insert(old_ids.end(), values_[bundle].begin(), values_[bundle].end());
            const std::vector<ValueId> fresh = new_values(bundle);
            new_ids.insert(new_ids.end(), fresh.begin(), fresh.end());
        }
        for (std::size_t i = 0; i < old_ids.size(); i += 2) {
            const std::size_t end = std::min(i + 2, old_ids.size());
            BootstrapStep step;
            int level = working_level_;
            for (std::size_t j = i; j < end; ++j) {
                step.inputs.push_back(old_ids[j]);
                step.outputs.push_back(new_ids[j]);
                level = std::min(level, level_.at(old_ids[j]));
            }
            add_step(std::move(step), level, working_level_);
        }
    }

    void expand(const Gate& gate, MapGate& map) {
        LinearMapStep step{.inputs = values_[gate.inputs.front()],
                           .outputs = {},
                           .map = std::move(map.map),
                           .bias = std::move(map.bias),
                           .by_token = map.by_token,
                           .real_inputs = real_[gate.inputs.front()]};
        for (const BundleId output : gate.outputs) {
            const std::vector<ValueId> ids = new_values(output);
            step.outputs.insert(step.outputs.end(), ids.begin(), ids.end());
        }
        add_step(std::move(step), step_level_, step_level_ - 1);
    }

    void expand(const Gate& gate, const SumGate& sum) {
        const auto& left = values_[gate.inputs[0]];
        const auto& right = values_[gate.inputs[1]];
        const auto outputs = new_values(gate.outputs.front());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            add_step(AddStep{left[i], right[i], outputs[i], sum.left_factor}, step_level_, step_level_);
        }
    }

    void expand(const Gate& gate, const ProductGate&) {
        const auto& left = values_[gate.inputs[0]];
        const auto& right = values_[gate.inputs[1]];
        const auto outputs = new_values(gate.outputs.front());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            add_step(MultiplyStep{left[i % left.size()], right[i % right.size()], outputs[i]}, step_level_,
                     step_level_ - 1);
        }
    }

    void expand(const Gate& gate, AffineGate& affine) {
        const auto& inputs = values_[gate.inputs.front()];
        const auto outputs = new_values(gate.outputs.front());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            add_step(AffineStep{inputs[i], outputs[i], std::move(affine.masks[i]), std::move(affine.addends[i]),
                                affine.averages},
                     step_level_, step_level_ - 1);
        }
    }

    /// Ciphertexts under the same mask go together.
    void expand(const Gate& gate, const PolynomialGate& polynomial) {
        const auto& inputs = values_[gate.inputs.front()];
        const auto outputs = new_values(gate.outputs.front());
        // Blocks that are alike in a text as long as the context are not in a shorter one, but groups are.
        using Mask = std::pair<std::size_t, std::vector<std::complex<double>>>;
        std::vector<Mask> masks;
        std::vector<PolynomialStep> steps;
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            Mask mask;
            if (!polynomial.masks.empty()) {
                const ScoreMask& rule = polynomial.masks[i];
                mask = {rule.block, score_mask(rule, {rule.context})};
            }
            const auto index = static_cast<std::size_t>(std::ranges::find(masks, mask) - masks.begin());
            if (index == steps.size()) {
                masks.push_back(std::move(mask));
                PolynomialStep& step = steps.emplace_back();
                step.series = {polynomial.coefficients, {}};
                step.inverse = polynomial.inverse;
                if (!polynomial.masks.empty()) step.scores = polynomial.masks[i];
            }
            steps[index].inputs.push_back(inputs[i]);
            steps[index].outputs.push_back(outputs[i]);
        }
        for (PolynomialStep& step : steps) add_step(std::move(step), step_level_, step_level_ - depth_of(gate));
    }

    /// A block at a time, of all groups: they share its rotation keys.
    void expand(const Gate& gate, const AttentionGate& attention) {
        const auto& left = values_[gate.inputs[0]];
        const auto& right = values_[gate.inputs[1]];
        const auto outputs = new_values(gate.outputs.front());
        const std::size_t blocks = attention.right_offsets.size();
        std::vector<ValueId> sums;
        for (std::size_t block = 0; block < blocks; ++block) {
            RotatedProductStep step{.left = {}, .right = right, .outputs = {}, .product = attention.product};
            step.product.right_offset = attention.right_offsets[block];
            for (std::size_t group = 0; group < right.size(); ++group) {
                const std::size_t index = group * blocks + block;
                step.left.push_back(left[attention.sums_blocks ? index : group]);
                if (attention.sums_blocks) {
                    step.outputs.push_back(blocks == 1 ? outputs[group] : new_value());
                } else {
                    step.outputs.push_back(outputs[index]);
                }
            }
            const std::vector<ValueId> terms = step.outputs;
            add_step(std::move(step), step_level_, step_level_ - 1);
            if (!attention.sums_blocks || blocks == 1) continue;
            if (block == 0) {
                sums = terms;
                continue;
            }
            for (std::size_t group = 0; group < right.size(); ++group) {
                const ValueId total = block + 1 == blocks ? outputs[group] : new_value();
                add_step(AddStep{sums[group], terms[group], total}, step_level_ - 1, step_level_ - 1);
                sums[group] = total;
            }
        }
    }

    void expand(const Gate& gate, const SumSlotsGate& sum) {
        std::vector<ValueId> inputs = values_[gate.inputs.front()];
        const auto outputs = new_values(gate.outputs.front());
        for (; sum.adds_ciphertexts && inputs.size() > 1; inputs.erase(inputs.begin())) {
            const ValueId total = new_value();
            add_step(AddStep{inputs[0], inputs[1], total}, step_level_, step_level_);
            inputs[1] = total;
        }
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            add_step(SumSlotsStep{inputs[i], outputs[i], sum.count, sum.stride}, step_level_, step_level_);
        }
    }

    void expand(const Gate& gate, CombineGate& combine) {
        const auto outputs = new_values(gate.outputs.front());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            CombineStep step{.terms = {},
                             .output = outputs[i],
                             .doubled_real_part = combine.doubled_real_part,
                             .addend = combine.addends.empty() ? std::vector<double>{} : std::move(combine.addends[i])};
            for (const CombineGate::Term& term : combine.outputs[i]) {
                step.terms.push_back(
                    {values_[gate.inputs[term.input]][term.ciphertext], term.rotation, term.quarter_turns});
            }
            add_step(std::move(step), step_level_, step_level_);
        }
    }

    void expand(const Gate& gate, const SelectTokenGate& select) {
        const auto& inputs = values_[gate.inputs.front()];
        const auto outputs = new_values(gate.outputs.front());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            add_step(SelectTokenStep{inputs[i], outputs[i], select.token}, step_level_, step_level_ - 1);
        }
    }

    Circuit circuit_;
    const Schedule& schedule_;
    int working_level_;
    std::vector<bool> real_;  ///< by bundle
    ExpandedCircuit expanded_;
    std::vector<std::vector<ValueId>> values_;  ///< of each bundle, as last refreshed
    std::map<ValueId, int> level_;
    ValueId next_value_ = 0;
    std::string name_;
    int step_level_ = 0;
};

}  // namespace

ExpandedCircuit expand(Circuit circuit, const Schedule& schedule, int working_level) {
    return Expansion(std::move(circuit), schedule, working_level).run();
}

}  // namespace polyformer::compile
