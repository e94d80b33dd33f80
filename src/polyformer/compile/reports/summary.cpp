#include "polyformer/compile/reports/summary.h"

#include <algorithm>
#include <bit>
#include <map>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/files/rns_serialization.h"
#include "polyformer/compile/schedule/costs.h"
#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

namespace {

using model::Overloaded;

std::size_t polynomial_bytes(const ckks::Parameters& parameters, int level) {
    return static_cast<std::size_t>(level + 1) * parameters.ring_dimension() * sizeof(std::uint64_t);
}

std::size_t ciphertext_bytes(const ckks::Parameters& parameters, int level) {
    return 2 * polynomial_bytes(parameters, level);
}

/// A ciphertext decomposed into digits over the extended basis.
std::size_t hoisted_bytes(const ckks::Parameters& parameters, int level) {
    return static_cast<std::size_t>(parameters.digits(level)) *
           polynomial_bytes(parameters, level + parameters.special_count());
}

/// What parameters and evaluator keep beside the keys: roots and their quotients for every prime, and the permutation
/// of every rotation that has a key.
std::size_t table_bytes(const ckks::Parameters& parameters, std::size_t rotations) {
    const std::size_t roots = 2 * polynomial_bytes(parameters, parameters.max_level() + parameters.special_count());
    return roots + rotations * parameters.ring_dimension() * sizeof(std::uint32_t);
}

/// Scratch of one bootstrap: the sums of a CoeffsToSlots factor, or the powers of EvalMod.
std::size_t bootstrap_scratch_bytes(const ckks::Parameters& parameters) {
    constexpr std::size_t kLive = 12;
    return kLive * ciphertext_bytes(parameters, parameters.max_level() + parameters.special_count());
}

class Summariser {
  public:
    explicit Summariser(Plan& plan)
        : plan_(plan),
          parameters_(plan.parameters),
          prices_(plan.parameters, plan.options.costs),
          keys_(plan.parameters, plan.options.costs.key_byte, initial_keys(plan)) {}

    void run() {
        choose_baby_steps();
        plan_.keys = keys_.request();
        for (Step& step : plan_.steps) {
            StepCost cost = std::visit([&](auto& operation) { return count(step, operation); }, step.operation);
            step.seconds = cost.seconds;
            total_ += cost;
        }
        PlanSummary& summary = plan_.summary;
        summary.seconds = total_.seconds;
        summary.key_switches += total_.key_switches;
        summary.ciphertext_products = total_.ciphertext_products;
        summary.plaintext_products = total_.plaintext_products;
        summary.rotation_keys = plan_.keys.rotation_levels.size();
        summary.key_bytes_memory = plan_.keys.memory_bytes(parameters_);
        summary.key_bytes_file = plan_.keys.file_bytes(parameters_);
        // Packed residues; a seed stands for half of each input, and outputs leave at level 0.
        summary.request_bytes =
            plan_.inputs.size() * (sizeof(ckks::Seed) + ckks::packed_rows_bytes(parameters_, plan_.input_level, 0));
        summary.reply_bytes = plan_.outputs.size() * 2 * ckks::packed_rows_bytes(parameters_, 0, 0);
        summary.working_bytes = working_bytes();
    }

  private:
    static bool bootstraps(const Plan& plan) {
        return std::ranges::any_of(
            plan.steps, [](const Step& step) { return std::holds_alternative<BootstrapStep>(step.operation); });
    }

    static ckks::KeyRequest initial_keys(const Plan& plan) {
        if (bootstraps(plan)) return ckks::Bootstrapper::key_request(plan.parameters, plan.parameters.slots());
        ckks::KeyRequest request;
        request.relinearisation = false;
        return request;
    }

    /// The dearest maps first: their keys are then there for the others.
    void choose_baby_steps() {
        std::vector<std::pair<double, Step*>> order;
        for (Step& step : plan_.steps) {
            add_fixed_keys(step);
            if (auto* map = std::get_if<LinearMapStep>(&step.operation)) {
                const MapShape& shape = shapes_.try_emplace(&step, map->map).first->second;
                order.emplace_back(prices_.map(shape, prices_.best_baby(shape, step.level), step.level).seconds, &step);
            }
            if (auto* product = std::get_if<RotatedProductStep>(&step.operation)) {
                order.emplace_back(prices_.rotated_product(product->product, step.level).seconds, &step);
            }
        }
        std::ranges::stable_sort(order, std::greater<>{}, [](const auto& entry) { return entry.first; });
        for (const auto& [seconds, step] : order) {
            if (auto* map = std::get_if<LinearMapStep>(&step->operation)) {
                const MapShape& shape = shapes_.at(step);
                map->map.baby = static_cast<int>(prices_.best_baby(shape, step->level, &keys_));
                keys_.add(ckks::rotation_request(parameters_, shape.offsets, shape.stride, map->map.baby,
                                                 parameters_.slots(), step->level));
            } else {
                auto& product = std::get<RotatedProductStep>(step->operation).product;
                product.baby = prices_.best_baby(product, step->level, &keys_);
                keys_.add(product.key_request(parameters_, step->level));
            }
        }
    }

    void add_fixed_keys(const Step& step) {
        ckks::KeyRequest request;
        request.relinearisation = false;
        if (std::holds_alternative<MultiplyStep>(step.operation) ||
            std::holds_alternative<PolynomialStep>(step.operation)) {
            request.relinearisation = true;
            request.relinearisation_level = step.level;
        }
        if (std::holds_alternative<SelectLastTokenStep>(step.operation)) {
            for (std::size_t rows = 1; rows < plan_.packing.tokens; rows *= 2) {
                request.add_rotation(parameters_, static_cast<long>(rows * plan_.packing.row()), step.output_level);
            }
        }
        if (const auto* sum = std::get_if<SumSlotsStep>(&step.operation)) {
            for (std::size_t distance = 1; distance < sum->count; distance *= 2) {
                request.add_rotation(parameters_, sum->stride * static_cast<long>(distance), step.level);
            }
        }
        if (const auto* combine = std::get_if<CombineStep>(&step.operation)) {
            for (const CombineStep::Term& term : combine->terms) {
                request.add_rotation(parameters_, term.rotation, step.level);
            }
            request.conjugation = combine->doubled_real_part;
            request.conjugation_level = step.level;
        }
        keys_.add(request);
    }

    StepCost count(const Step& step, const LinearMapStep& map) {
        return prices_.map(shapes_.at(&step), map.map.baby, step.level);
    }
    StepCost count(const Step& step, const AddStep&) { return prices_.sum(step.level); }
    StepCost count(const Step& step, const MultiplyStep&) { return prices_.product(step.level); }
    StepCost count(const Step& step, const AffineStep&) { return prices_.affine(step.level); }
    StepCost count(const Step& step, const PolynomialStep& polynomial) {
        StepCost cost;
        for (std::size_t i = 0; i < polynomial.inputs.size(); ++i) {
            cost += prices_.polynomial(polynomial.series.degree(), !polynomial.series.mask.empty(), step.level);
        }
        return cost;
    }
    StepCost count(const Step& step, const RotatedProductStep& product) {
        StepCost cost;
        for (std::size_t i = 0; i < product.outputs.size(); ++i) {
            cost += prices_.rotated_product(product.product, step.level);
        }
        return cost;
    }
    StepCost count(const Step& step, const SumSlotsStep& sum) { return prices_.sum_slots(sum.count, step.level); }
    StepCost count(const Step& step, const CombineStep& combine) {
        const auto rotations =
            std::ranges::count_if(combine.terms, [](const CombineStep::Term& term) { return term.rotation != 0; });
        return prices_.combine(combine.terms.size(), static_cast<std::size_t>(rotations), combine.doubled_real_part,
                               step.level);
    }
    StepCost count(const Step& step, const SelectLastTokenStep&) {
        return prices_.select_token(plan_.packing.tokens, step.level);
    }
    StepCost count(const Step&, const BootstrapStep& bootstrap) {
        ++plan_.summary.bootstraps;
        plan_.summary.bootstrapped_values += bootstrap.inputs.size();
        return prices_.bootstrap(bootstrap.inputs.size());
    }

    /// The most that lives at once: values between their first and last use, and what the step itself needs.
    std::size_t working_bytes() {
        std::map<ValueId, std::size_t> last_use;
        for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
            for (const ValueId input : inputs_of(plan_.steps[s].operation)) last_use[input] = s;
        }
        for (const ValueId output : plan_.outputs) last_use[output] = plan_.steps.size();
        std::size_t live = 0;
        const auto add = [&](ValueId value, int level) {
            levels_[value] = level;
            live += ciphertext_bytes(parameters_, level);
        };
        for (const ValueId input : plan_.inputs) add(input, plan_.input_level);
        std::size_t most = live;
        for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
            const Step& step = plan_.steps[s];
            for (const ValueId output : outputs_of(step.operation)) add(output, step.output_level);
            most = std::max(most, live + scratch_bytes(step));
            std::vector<ValueId> inputs = inputs_of(step.operation);
            std::ranges::sort(inputs);
            inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
            for (const ValueId input : inputs) {
                if (last_use[input] == s) live -= ciphertext_bytes(parameters_, levels_[input]);
            }
        }
        return most + table_bytes(parameters_, plan_.keys.rotation_levels.size()) +
               (bootstraps(plan_) ? ckks::Bootstrapper::plaintext_bytes(parameters_, parameters_.slots()) : 0);
    }

    std::size_t scratch_bytes(const Step& step) const {
        const std::size_t one = ciphertext_bytes(parameters_, step.level);
        return std::visit(Overloaded{[&](const LinearMapStep& map) { return map_scratch_bytes(step, map); },
                                     [&](const RotatedProductStep& product) {
                                         // Rotations of both operands, their digits, and the sums so far.
                                         const auto baby = static_cast<std::size_t>(product.product.baby);
                                         return product.outputs.size() *
                                                ((2 * baby + 3) * one + 2 * hoisted_bytes(parameters_, step.level) +
                                                 extended_bytes(step.level));
                                     },
                                     [&](const PolynomialStep& polynomial) {
                                         const std::size_t powers = 2 * std::bit_width(polynomial.series.degree()) + 2;
                                         return powers * polynomial.inputs.size() * one;
                                     },
                                     [&](const BootstrapStep&) { return bootstrap_scratch_bytes(parameters_); },
                                     [&](const auto&) { return 2 * one + hoisted_bytes(parameters_, step.level); }},
                          step.operation);
    }

    std::size_t extended_bytes(int level) const {
        return ciphertext_bytes(parameters_, level + parameters_.special_count());
    }

    /// Baby rotations of all inputs, and beside them first the digits that they are made from, then sums and plaintexts
    /// of some giant steps of some outputs.
    std::size_t map_scratch_bytes(const Step& step, const LinearMapStep& map) const {
        const MapShape& shape = shapes_.at(&step);
        const std::size_t one = ciphertext_bytes(parameters_, step.level);
        const std::size_t digits = hoisted_bytes(parameters_, step.level);
        const auto baby = static_cast<std::size_t>(map.map.baby);
        const long range = shape.offsets.empty() ? 0 : shape.offsets.back() - shape.offsets.front();
        const auto giants = static_cast<std::size_t>(range / (shape.stride * map.map.baby)) + 1;
        const std::size_t outputs = std::min(ckks::kMapOutputsAtATime, map.outputs.size());
        const std::size_t sums = outputs * std::min(ckks::kMapGiantsAtATime, giants);
        const std::size_t plaintext = polynomial_bytes(parameters_, step.level) / (parameters_.slots() / shape.period);
        const std::size_t rotated = shape.inputs * baby;
        return rotated * one + std::max(shape.inputs * digits, sums * (one + rotated * plaintext) +
                                                                   outputs * (digits + 2 * extended_bytes(step.level)));
    }

    Plan& plan_;
    ckks::Parameters parameters_;
    StepPrices prices_;
    KeySet keys_;
    std::map<const Step*, MapShape> shapes_;
    std::map<ValueId, int> levels_;
    StepCost total_;
};

}  // namespace

void choose_keys_and_summarise(Plan& plan) {
    Summariser(plan).run();
}

}  // namespace polyformer::compile
