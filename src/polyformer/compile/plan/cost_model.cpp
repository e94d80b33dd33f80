#include "polyformer/compile/plan/cost_model.h"

#include <cmath>

namespace polyformer::compile {

double ring_factor(const ckks::Parameters& parameters) {
    const auto n = static_cast<double>(parameters.ring_dimension());
    return n * std::log2(n) / (65536.0 * 16);
}

double CostModel::seconds(const ckks::Parameters& parameters, const ckks::OperationCounts& counts) const {
    const auto n = static_cast<double>(parameters.ring_dimension());
    const double products = counts.products + counts.conversion_products;
    return (counts.transforms * ntt * ring_factor(parameters) + products * n * product_word +
            counts.key_limbs * n * key_word) /
           threads;
}

// All limbs to all rows, as if a digit's own limbs were converted too.
double CostModel::decomposition(const ckks::Parameters& parameters, int level) const {
    const ckks::OperationCounter at(parameters, level);
    ckks::OperationCounts counts = at.decomposition();
    counts.conversion_products = at.limbs() * at.rows();
    return seconds(parameters, counts);
}

double CostModel::key_product(const ckks::Parameters& parameters, int level) const {
    return seconds(parameters, ckks::OperationCounter(parameters, level).key_product());
}

double CostModel::division(const ckks::Parameters& parameters, int level) const {
    return seconds(parameters, ckks::OperationCounter(parameters, level).division());
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

// The four products of words are small beside it.
double CostModel::multiplication(const ckks::Parameters& parameters, int level) const {
    return rotation(parameters, level);
}

double CostModel::seconds(const ckks::Parameters& parameters, const ckks::KeySwitches& switches, int level) const {
    return switches.decompositions * decomposition(parameters, level) +
           switches.hoisted * hoisted_rotation(parameters, level) + switches.whole * rotation(parameters, level) +
           switches.summed * summed_rotation(parameters, level) + switches.divisions * division(parameters, level);
}

}  // namespace polyformer::compile
