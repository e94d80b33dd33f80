#include "polyformer/cli/bench/work_counts.h"

#include <algorithm>
#include <bit>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/circuits/polynomial_evaluation.h"

namespace polyformer::cli {

namespace {

constexpr double kWordBytes = 8;
constexpr double kShoupProduct = 1.5;  ///< in multiply-adds

}  // namespace

Work ntt_work(std::size_t ring_dimension) {
    const auto n = static_cast<double>(ring_dimension);
    // Values in and out, roots and their quotients.
    return {kShoupProduct * n / 2 * std::countr_zero(ring_dimension), 4 * n * kWordBytes, 3 * n * kWordBytes};
}

Work base_conversion_work(std::size_t ring_dimension, std::size_t from, std::size_t to) {
    const auto n = static_cast<double>(ring_dimension);
    const auto a = static_cast<double>(from);
    const auto b = static_cast<double>(to);
    return {n * (kShoupProduct * a + a * b), (a + b) * n * kWordBytes, 0};
}

double OperationShape::words(double limb_count) const {
    return limb_count * static_cast<double>(ring_dimension);
}

double OperationShape::transforms(double count) const {
    return count * ntt_work(ring_dimension).multiply_adds;
}

Work OperationShape::addition() const {
    return {0, words(6.0 * static_cast<double>(limbs)) * kWordBytes, 0};
}

Work OperationShape::plaintext_product() const {
    const auto l = static_cast<double>(limbs);
    return {words(2 * l), words(5 * l) * kWordBytes, 0};
}

Work OperationShape::rescaling() const {
    const auto l = static_cast<double>(limbs);
    return {transforms(2 * l) + kShoupProduct * words(2 * (l - 1)), words(2 * l + 2 * (l - 1)) * kWordBytes, 0};
}

Work OperationShape::decomposition() const {
    const auto raised = static_cast<double>(digits() * (limbs + special));
    Work work{transforms(raised), words(static_cast<double>(limbs) + raised) * kWordBytes, 0};
    for (std::size_t first = 0; first < limbs; first += special) {
        const std::size_t count = std::min(special, limbs - first);
        work.multiply_adds += base_conversion_work(ring_dimension, count, limbs + special - count).multiply_adds;
    }
    return work;
}

Work OperationShape::hoisted_rotation() const {
    const auto l = static_cast<double>(limbs);
    const auto k = static_cast<double>(special);
    const auto raised = static_cast<double>(digits() * (limbs + special));
    const double division = transforms(2 * k + 2 * l) + kShoupProduct * words(2 * l) +
                            2 * base_conversion_work(ring_dimension, special, limbs).multiply_adds;
    // Digits, key, the ciphertext's first half; then the result.
    return {words(2 * raised) + division, words(3 * raised + 3 * l) * kWordBytes, 0};
}

Work OperationShape::rotation() const {
    const auto l = static_cast<double>(limbs);
    const auto raised = static_cast<double>(digits() * (limbs + special));
    return {decomposition().multiply_adds + hoisted_rotation().multiply_adds, words(2 * raised + 4 * l) * kWordBytes,
            0};
}

Work OperationShape::product() const {
    const auto l = static_cast<double>(limbs);
    const auto raised = static_cast<double>(digits() * (limbs + special));
    return {words(4 * l) + rotation().multiply_adds, words(2 * raised + 6 * l) * kWordBytes, 0};
}

Work bootstrap_work(const ckks::Parameters& parameters, std::size_t ring_dimension, std::size_t ciphertexts) {
    const auto& literal = parameters.literal();
    const ckks::KeyRequest keys = ckks::Bootstrapper::key_request(parameters, parameters.slots());
    const auto shape_at = [&](int level) {
        return OperationShape{ring_dimension, static_cast<std::size_t>(level) + 1,
                              static_cast<std::size_t>(parameters.special_count())};
    };
    Work sum;
    const auto add = [&](const Work& work, double times) {
        sum.multiply_adds += times * work.multiply_adds;
        sum.bytes += times * work.bytes;
    };
    for (const auto& [step, level] : keys.rotation_levels) add(shape_at(level).hoisted_rotation(), 1);
    for (int factor = 0; factor < literal.bootstrapping->slots_to_coefficients_levels; ++factor) {
        add(shape_at(parameters.bootstrapping_input_level() - factor).decomposition(), 1);
    }
    for (int factor = 0; factor < literal.bootstrapping->coefficients_to_slots_levels; ++factor) {
        add(shape_at(parameters.max_level() - factor).decomposition(), 1);
    }
    // The polynomial's products lie within its levels, half way down on average; then one squaring for each angle.
    const int degree = literal.bootstrapping->cosine_degree;
    const int angles = literal.bootstrapping->double_angles;
    const int end = parameters.working_level() + angles;
    const auto add_product = [&](int level, double times) {
        add(shape_at(level).product(), times);
        add(shape_at(level).rescaling(), times);
    };
    const auto each = static_cast<double>(ciphertexts);
    add_product((parameters.eval_mod_level() + end) / 2,
                each * ckks::chebyshev_products(static_cast<std::size_t>(degree)));
    for (int angle = 0; angle < angles; ++angle) add_product(end - angle, each);
    return sum;
}

}  // namespace polyformer::cli
