#include "polyformer/compile/plan/steps.h"

#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

using model::Overloaded;

std::vector<ValueId> inputs_of(const Operation& operation) {
    using Ids = std::vector<ValueId>;
    return std::visit(Overloaded{[](const LinearMapStep& step) { return step.inputs; },
                                 [](const PolynomialStep& step) { return step.inputs; },
                                 [](const BootstrapStep& step) { return step.inputs; },
                                 [](const AffineStep& step) { return Ids{step.input}; },
                                 [](const SumSlotsStep& step) { return Ids{step.input}; },
                                 [](const SelectTokenStep& step) { return Ids{step.input}; },
                                 [](const RotatedProductStep& step) {
                                     Ids ids = step.left;
                                     ids.insert(ids.end(), step.right.begin(), step.right.end());
                                     return ids;
                                 },
                                 [](const CombineStep& step) {
                                     Ids ids;
                                     for (const CombineStep::Term& term : step.terms) ids.push_back(term.input);
                                     return ids;
                                 },
                                 [](const auto& step) {
                                     return Ids{step.left, step.right};
                                 }},
                      operation);
}

std::vector<ValueId> outputs_of(const Operation& operation) {
    using Ids = std::vector<ValueId>;
    return std::visit(Overloaded{[](const LinearMapStep& step) { return step.outputs; },
                                 [](const PolynomialStep& step) { return step.outputs; },
                                 [](const RotatedProductStep& step) { return step.outputs; },
                                 [](const BootstrapStep& step) { return step.outputs; },
                                 [](const auto& step) { return Ids{step.output}; }},
                      operation);
}

std::string name_of(const Operation& operation) {
    return std::visit(
        Overloaded{[](const LinearMapStep&) { return "linear_map"; }, [](const AddStep&) { return "add"; },
                   [](const MultiplyStep&) { return "multiply"; }, [](const AffineStep&) { return "affine"; },
                   [](const PolynomialStep&) { return "polynomial"; },
                   [](const RotatedProductStep&) { return "rotated_product"; },
                   [](const SumSlotsStep&) { return "sum_slots"; }, [](const CombineStep&) { return "combine"; },
                   [](const BootstrapStep&) { return "bootstrap"; },
                   [](const SelectTokenStep&) { return "select_token"; }},
        operation);
}

}  // namespace polyformer::compile
