#include "polyformer/compile/plan/cost_model.h"

#include <fmt/format.h>

#include <cmath>

namespace polyformer::compile {

double ring_factor(const ckks::Parameters& parameters) {
    const auto n = static_cast<double>(parameters.ring_dimension());
    return n * std::log2(n) / (65536.0 * 16);
}

double CostModel::seconds(const ckks::Parameters& parameters, const ckks::OperationCounts& counts) const {
    const auto n = static_cast<double>(parameters.ring_dimension());
    return (counts.transforms * ntt * ring_factor(parameters) +
            n * (counts.products * inner_word + counts.conversion_products * conversion_word +
                 counts.key_limbs * key_word)) /
           threads;
}

double CostModel::decomposition(const ckks::Parameters& parameters, int level) const {
    return seconds(parameters, ckks::OperationCounter(parameters, level).decomposition());
}

double CostModel::key_product(const ckks::Parameters& parameters, int level) const {
    return seconds(parameters, ckks::OperationCounter(parameters, level).key_product());
}

double CostModel::division(const ckks::Parameters& parameters, int level) const {
    return seconds(parameters, ckks::OperationCounter(parameters, level).division());
}

double CostModel::rotation(const ckks::Parameters& parameters, int level) const {
    return decomposition(parameters, level) + hoisted_rotation(parameters, level);
}

double CostModel::hoisted_rotation(const ckks::Parameters& parameters, int level) const {
    return key_product(parameters, level) + division(parameters, level);
}

double CostModel::summed_rotation(const ckks::Parameters& parameters, int level) const {
    const double summed = 2 * ckks::OperationCounter(parameters, level).rows();
    return decomposition(parameters, level) + key_product(parameters, level) +
           summed * static_cast<double>(parameters.ring_dimension()) * sum_word / threads;
}

double CostModel::multiplication(const ckks::Parameters& parameters, int level) const {
    return seconds(parameters, ckks::OperationCounter(parameters, level).product());
}

double CostModel::seconds(const ckks::Parameters& parameters, const ckks::KeySwitches& switches, int level) const {
    return switches.again * (summed_rotation(parameters, level) + division(parameters, level) / 2) +
           switches.decompositions * decomposition(parameters, level) +
           switches.hoisted * hoisted_rotation(parameters, level) + switches.whole * rotation(parameters, level) +
           switches.summed * summed_rotation(parameters, level) + switches.divisions * division(parameters, level);
}

std::string describe(const Machine& machine) {
    return fmt::format("{}, {} kernels", machine.processor, machine.kernels);
}

}  // namespace polyformer::compile
