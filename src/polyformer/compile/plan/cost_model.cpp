#include "polyformer/compile/plan/cost_model.h"

#include <cmath>

namespace polyformer::compile {

double ring_factor(const ckks::Parameters& parameters) {
    const auto n = static_cast<double>(parameters.ring_dimension());
    return n * std::log2(n) / (65536.0 * 16);
}

KeySwitchShape key_switch_shape(const ckks::Parameters& parameters, int level) {
    const double limbs = level + 1;
    const double special = parameters.special_count();
    return {limbs, special, static_cast<double>(parameters.digits(level)), limbs + special};
}

// `limbs` transforms back, digits·extended − limbs forth, and the base conversion between them.
double CostModel::decomposition(const ckks::Parameters& parameters, int level) const {
    const KeySwitchShape s = key_switch_shape(parameters, level);
    const auto n = static_cast<double>(parameters.ring_dimension());
    return (s.digits * s.extended * ntt * ring_factor(parameters) + s.limbs * s.extended * n * product_word) / threads;
}

double CostModel::key_product(const ckks::Parameters& parameters, int level) const {
    const KeySwitchShape s = key_switch_shape(parameters, level);
    return s.digits * s.extended * static_cast<double>(parameters.ring_dimension()) * key_word / threads;
}

// 2·special transforms back, 2·limbs forth.
double CostModel::division(const ckks::Parameters& parameters, int level) const {
    const KeySwitchShape s = key_switch_shape(parameters, level);
    const auto n = static_cast<double>(parameters.ring_dimension());
    return (2 * s.extended * ntt * ring_factor(parameters) + 2 * s.special * s.limbs * n * product_word) / threads;
}

double CostModel::rotation(const ckks::Parameters& parameters, int level) const {
    return summed_rotation(parameters, level) + division(parameters, level);
}

double CostModel::hoisted_rotation(const ckks::Parameters& parameters, int level) const {
    return key_product(parameters, level) + division(parameters, level);
}

double CostModel::summed_rotation(const ckks::Parameters& parameters, int level) const {
    return decomposition(parameters, level) + key_product(parameters, level);
}

// One division takes off P and the top prime together; four products of words are small beside it.
double CostModel::multiplication(const ckks::Parameters& parameters, int level) const {
    return rotation(parameters, level);
}

}  // namespace polyformer::compile
