#include "polyformer/calibration/workbench.h"

#include <algorithm>
#include <span>
#include <utility>

#include "polyformer/ckks/arithmetic/shared_bytes.h"
#include "polyformer/ckks/key_switching/decomposition.h"

namespace polyformer::calibration {

using ckks::Ciphertext;

Workbench::Workbench(const ckks::Parameters& parameters, int level, const Effort& effort,
                     const std::shared_ptr<const std::byte>& memory)
    : parameters_(parameters), level_(level), effort_(effort), evaluator_(parameters, make_keys(memory)) {
    Random random;
    const std::size_t rows = static_cast<std::size_t>(level) + 1;
    const std::size_t each = 2 * rows * parameters.ring_dimension() * sizeof(std::uint64_t);
    const std::size_t count = std::clamp<std::size_t>(effort.bytes / each, 4, 24);
    for (std::size_t i = 0; i < count; ++i) ciphertexts_.push_back(random_ciphertext(random));
}

Seconds Workbench::decomposition() const {
    const int width = parameters_.special_count();
    return median_seconds(
        effort_, [&](std::size_t run) { ckks::decompose(parameters_, turn(run).components[1], level_, width, width); });
}

Seconds Workbench::division() const {
    std::vector<ckks::ExtendedCiphertext> extended;
    for (std::size_t i = 0; i < 2; ++i) {
        extended.push_back(std::move(evaluator_.rotate_extended(std::span(&ciphertexts_[i], 1), 1).front()));
    }
    return median_seconds(effort_, [&](std::size_t run) { evaluator_.divide_by_special(extended[run % 2]); });
}

Seconds Workbench::hoisted_rotation() const {
    const ckks::HoistedCiphertext hoisted = evaluator_.hoist(ciphertexts_.front());
    return median_seconds(effort_,
                          [&](std::size_t run) { evaluator_.rotate(hoisted, static_cast<long>(run % keys_) + 1); });
}

Seconds Workbench::inner_product() const {
    const std::size_t half = std::min<std::size_t>(ciphertexts_.size() / 2, 8);
    const std::span<const Ciphertext> all(ciphertexts_);
    const Seconds seconds = median_seconds(
        effort_, [&](std::size_t) { evaluator_.inner_product_lazily(all.first(half), all.subspan(half, half)); });
    return seconds / static_cast<double>(half);
}

Seconds Workbench::sum() const {
    return median_seconds(effort_, [&](std::size_t run) { evaluator_.add(turn(run), turn(run + 1)); });
}

std::shared_ptr<const ckks::EvaluationKeys> Workbench::make_keys(const std::shared_ptr<const std::byte>& memory) {
    constexpr std::size_t kMostKeys = 32;
    auto keys = std::make_shared<ckks::EvaluationKeys>();
    keys->parameters_fingerprint = parameters_.fingerprint();
    keys->key_fingerprint = "calibration";
    const ckks::SharedBytes all(memory, effort_.bytes);
    const std::size_t digit = parameters_.packed_rows_bytes(level_, parameters_.special_count());
    std::size_t begin = 0;
    for (keys_ = 0; keys_ < kMostKeys; ++keys_) {
        const ckks::KeyId id{ckks::KeyRole::rotation, static_cast<int>(keys_) + 1};
        const ckks::KeyShape shape = ckks::key_shape(parameters_, id, level_);
        const auto digits = static_cast<std::size_t>(shape.digits());
        if (keys_ > 0 && begin + digits * digit > effort_.bytes) break;
        ckks::SwitchingKey& key = keys->emplace(id);
        key.level = level_;
        key.special = shape.special;
        key.digit_limbs = shape.digit_limbs;
        for (std::size_t d = 0; d < digits; ++d, begin += digit) {
            key.b.emplace_back(parameters_.ring_dimension(), parameters_.row_bits(level_, shape.special),
                               all.part(begin, digit));
        }
    }
    return keys;
}

Ciphertext Workbench::random_ciphertext(Random& random) const {
    Ciphertext result = ckks::uninitialised_ciphertext(parameters_,
                                                       {.level = level_,
                                                        .scale = parameters_.scale(level_),
                                                        .slots = parameters_.slots(),
                                                        .key_fingerprint = "calibration"},
                                                       2);
    for (ckks::RnsPolynomial& component : result.components) {
        for (std::size_t row = 0; row < component.limbs(); ++row) {
            const int bits = parameters_.q(static_cast<int>(row)).modulus().bits();
            std::ranges::generate(component.limb(row), [&] { return random() >> (65 - bits); });
        }
    }
    return result;
}

}  // namespace polyformer::calibration
