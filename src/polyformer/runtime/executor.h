// Runs a plan on a back end. A back end knows how to do each kind of step on its own kind of ciphertext; the executor
// knows the order, brings operands to their level, frees values after their last use, reports progress and profiles.
//
//     runtime::ClearBackend backend(plan.frame.parameters, plan.frame.packing);
//     std::vector<runtime::ClearValue> inputs;
//     for (auto& slots : compile::pack_input(plan.frame, embedded.values, {rows})) {
//         inputs.push_back(backend.encrypt(std::move(slots), plan.frame.input_level));
//     }
//     const auto result = runtime::run(plan, backend, std::move(inputs), {rows});
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/runtime/backend.h"
#include "polyformer/runtime/profile.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/process.h"

namespace polyformer::runtime {

/// Called after each step with the share of the estimated work done and the step's name.
using ProgressCallback = std::function<void(double share, const std::string& step)>;

/// What one run gives.
template <class Value>
struct Run {
    std::vector<Value> outputs;
    Profile profile;
};

namespace detail {

/// The values of a plan while it runs. A value is dropped after the last step that reads it.
template <class B>
class Execution {
  public:
    using Value = typename B::Value;

    Execution(const compile::Plan& plan, B& backend, std::vector<Value> inputs, const compile::Lengths& lengths)
        : plan_(plan), backend_(backend), lengths_(lengths) {
        require(!lengths.empty() && lengths.size() <= plan.frame.packing.images,
                "a request of {} texts or images does not fit this plan, which takes 1 to {}", lengths.size(),
                plan.frame.packing.images);
        for (const std::size_t length : lengths) {
            require(length >= plan.frame.least_rows && length <= plan.frame.context,
                    "a request of {} tokens does not fit this plan, which takes {} to {}", length,
                    plan.frame.least_rows, plan.frame.context);
        }
        require(inputs.size() == plan.inputs.size(), "a request of {} ciphertexts was given, but the plan takes {}",
                inputs.size(), plan.inputs.size());
        for (std::size_t step = 0; step < plan.steps.size(); ++step) {
            for (const compile::ValueId id : compile::inputs_of(plan.steps[step].operation)) last_use_[id] = step;
        }
        for (const compile::ValueId id : plan.outputs) last_use_[id] = plan.steps.size();
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            require(
                backend.level(inputs[i]) >= plan.frame.input_level,
                "ciphertext {} of the request is at level {}, but the plan takes level {}: encrypt it for this plan", i,
                backend.level(inputs[i]), plan.frame.input_level);
            values_.emplace(plan.inputs[i], std::move(inputs[i]));
        }
    }

    void run(std::size_t index) {
        const compile::Step& step = plan_.steps[index];
        if constexpr (requires { backend_.begin_step(step); }) backend_.begin_step(step);
        std::visit([&](const auto& operation) { apply(step, operation); }, step.operation);
        for (const compile::ValueId id : compile::inputs_of(step.operation)) {
            if (last_use_.at(id) == index) values_.erase(id);
        }
    }

    std::vector<Value> take_outputs() {
        std::vector<Value> outputs;
        for (const compile::ValueId id : plan_.outputs) outputs.push_back(values_.at(id));
        return outputs;
    }

  private:
    Value operand(const compile::Step& step, compile::ValueId id) const {
        return backend_.adjust(values_.at(id), step.level);
    }

    std::vector<Value> operands(const compile::Step& step, const std::vector<compile::ValueId>& ids) const {
        std::vector<Value> result;
        result.reserve(ids.size());
        for (const compile::ValueId id : ids) result.push_back(operand(step, id));
        return result;
    }

    void set(compile::ValueId id, Value value) { values_.insert_or_assign(id, std::move(value)); }

    void set(const std::vector<compile::ValueId>& ids, std::vector<Value> results) {
        for (std::size_t i = 0; i < ids.size(); ++i) set(ids[i], std::move(results.at(i)));
    }

    void apply(const compile::Step& step, const compile::LinearMapStep& map) {
        const auto is_whole = [&](std::size_t length) { return length == plan_.frame.context; };
        if (!map.by_token || std::ranges::all_of(lengths_, is_whole)) {
            return set(map.outputs, backend_.linear_map(map, operands(step, map.inputs)));
        }
        compile::LinearMapStep repeated = map;
        for (auto& row : repeated.map.blocks) {
            for (ckks::DiagonalBlock& block : row) {
                block = block.changed([&](std::vector<double>& diagonal) { repeat_texts(diagonal); });
            }
        }
        for (std::vector<double>& bias : repeated.bias) repeat_texts(bias);
        set(map.outputs, backend_.linear_map(repeated, operands(step, map.inputs)));
    }
    void apply(const compile::Step& step, const compile::AddStep& sum) {
        const Value left = sum.left_factor == 1
                               ? operand(step, sum.left)
                               : backend_.adjust(backend_.scaled(values_.at(sum.left), sum.left_factor), step.level);
        set(sum.output, backend_.add(left, operand(step, sum.right)));
    }
    void apply(const compile::Step& step, const compile::MultiplyStep& product) {
        const Value left = operand(step, product.left);
        set(product.output, product.left == product.right ? backend_.square(left)
                                                          : backend_.multiply(left, operand(step, product.right)));
    }
    void apply(const compile::Step& step, const compile::AffineStep& affine) {
        compile::AffineStep limited = affine;
        fit_to_texts(limited.mask, affine.averages);
        set(affine.output, backend_.affine(limited, operand(step, affine.input)));
    }
    void apply(const compile::Step& step, const compile::PolynomialStep& polynomial) {
        if (!polynomial.scores) {
            return set(polynomial.outputs, backend_.polynomial(polynomial, operands(step, polynomial.inputs)));
        }
        compile::PolynomialStep masked = polynomial;
        // Tokens merge only where a text has all of them.
        compile::Lengths lengths = lengths_;
        for (std::size_t& length : lengths) length = std::min(length, polynomial.scores->context);
        masked.series.mask = compile::score_mask(*polynomial.scores, lengths);
        set(polynomial.outputs, backend_.polynomial(masked, operands(step, polynomial.inputs)));
    }

    /// What a vector of full length has for rows beyond a text becomes what it has for those that they repeat.
    void repeat_texts(std::vector<double>& values) const {
        const compile::Packing& packing = plan_.frame.packing;
        if (values.size() != packing.slots) return;
        for (std::size_t slot = 0; slot < values.size(); ++slot) {
            const std::size_t position = slot % packing.row();
            const std::size_t length = compile::length_at(lengths_, position / packing.features);
            const std::size_t token = slot / packing.row();
            if (token >= length) values[slot] = values[token % length * packing.row() + position];
        }
    }

    /// A mask of full length is of what belongs to the texts: 0 in the rows beyond each; one that averages over the
    /// context does so over each text. Where tokens have merged, the same slots are fewer and longer rows, and all
    /// texts of one length.
    void fit_to_texts(std::vector<double>& mask, bool averages) const {
        const compile::Packing& packing = plan_.frame.packing;
        if (mask.size() != packing.slots || packing.row() == packing.slots) return;
        for (std::size_t slot = 0; slot < mask.size(); ++slot) {
            const std::size_t length = compile::length_at(lengths_, slot % packing.row() / packing.features);
            if (slot / packing.row() >= length) mask[slot] = 0;
            if (averages) mask[slot] *= static_cast<double>(plan_.frame.context) / static_cast<double>(length);
        }
    }

    void apply(const compile::Step& step, const compile::RotatedProductStep& product) {
        set(product.outputs,
            backend_.rotated_product(product, operands(step, product.left), operands(step, product.right)));
    }
    void apply(const compile::Step& step, const compile::SumSlotsStep& sum) {
        set(sum.output, backend_.sum_slots(sum, operand(step, sum.input)));
    }
    void apply(const compile::Step& step, const compile::CombineStep& combination) {
        set(combination.output, backend_.combine(combination, operands(step, compile::inputs_of(combination))));
    }
    void apply(const compile::Step&, const compile::BootstrapStep& bootstrap) {
        std::vector<Value> inputs;
        for (const compile::ValueId id : bootstrap.inputs) inputs.push_back(values_.at(id));
        set(bootstrap.outputs, backend_.bootstrap(inputs));
    }
    void apply(const compile::Step& step, const compile::SelectTokenStep& select) {
        compile::Lengths rows;
        for (std::size_t image = 0; image < plan_.frame.packing.images; ++image) {
            rows.push_back(select.token.value_or(compile::length_at(lengths_, image) - 1));
        }
        set(select.output, backend_.select_token(operand(step, select.input), rows));
    }

    const compile::Plan& plan_;
    B& backend_;
    compile::Lengths lengths_;
    std::map<compile::ValueId, std::size_t> last_use_;
    std::map<compile::ValueId, Value> values_;
};

}  // namespace detail

/// Runs all steps on `inputs`, the request's ciphertexts of texts of these lengths. Throws Error when they do not
/// fit the plan, and whatever the back end throws, with the step's name in front.
template <Backend B>
Run<typename B::Value> run(const compile::Plan& plan, B& backend, std::vector<typename B::Value> inputs,
                           const compile::Lengths& lengths, const ProgressCallback& progress = {}) {
    detail::Execution<B> execution(plan, backend, std::move(inputs), lengths);
    Run<typename B::Value> result;
    double done = 0;
    for (std::size_t index = 0; index < plan.steps.size(); ++index) {
        const compile::Step& step = plan.steps[index];
        const Stopwatch stopwatch;
        const double processor_before = processor_seconds();
        try {
            execution.run(index);
        } catch (const Error& error) {
            fail("step {} of {} ({} of '{}' at level {}): {}", index + 1, plan.steps.size(),
                 compile::name_of(step.operation), step.name, step.level, error.what());
        }
        result.profile.entries.push_back({.step = step.name,
                                          .operation = compile::name_of(step.operation),
                                          .level = step.level,
                                          .seconds = stopwatch.seconds(),
                                          .processor_seconds = processor_seconds() - processor_before,
                                          .planned_seconds = step.seconds});
        done += step.seconds;
        if (progress) progress(plan.summary.seconds > 0 ? done / plan.summary.seconds : 1, step.name);
    }
    result.outputs = execution.take_outputs();
    return result;
}

}  // namespace polyformer::runtime
