#include "polyformer/ckks/circuits/raised_sums.h"

#include <algorithm>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/evaluator/evaluator_checks.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// Columns and rotations at a time: what is made of them stays in the second-level cache.
constexpr std::size_t kColumns = 1024;
constexpr std::size_t kRotations = 8;

struct Rotation {
    const SwitchingKey* key;
    const Permutation* permutation;  ///< null: none
};

/// One row of all sums, some columns after the others.
class RowOfSums {
  public:
    RowOfSums(const Parameters& parameters, const RaisedCiphertext& input, std::span<const Rotation> rotations,
              std::span<const SubringPlaintext> plaintexts, std::size_t row, std::span<ExtendedCiphertext> sums)
        : input_(input),
          rotations_(rotations),
          plaintexts_(plaintexts),
          row_(row),
          special_(row > static_cast<std::size_t>(input.level)),
          modulus_(parameters.row(input.level, row).modulus()),
          sums_(sums),
          uniform_(kRotations * kColumns),
          first_(kRotations * kColumns),
          second_(kRotations * kColumns),
          weighted_(kRotations * kColumns) {
        const std::size_t prime = special_ ? row - static_cast<std::size_t>(input.level) - 1 : row;
        for (const Rotation& rotation : rotations) {
            streams_.push_back(rotation.key->a(parameters, 0, special_, prime));
        }
        for (const SubringPlaintext& plaintext : plaintexts) {
            if (plaintext.polynomial.limbs() != 0) run_ = plaintext.run;
        }
    }

    void add(std::size_t begin, std::size_t length) {
        for (std::size_t from = 0; from < rotations_.size(); from += kRotations) {
            const std::size_t to = std::min(from + kRotations, rotations_.size());
            rotate(from, to, begin, length);
            for (std::size_t sum = 0; sum < sums_.size(); ++sum) add_to(sum, from, to, begin, length);
        }
    }

  private:
    /// Both halves rotated, and the uniform halves of the keys.
    void rotate(std::size_t from, std::size_t to, std::size_t begin, std::size_t length) {
        for (std::size_t a = from; a < to; ++a) {
            const std::size_t place = (a - from) * kColumns;
            next_while_fetching(streams_[a], {uniform_.data() + place, length}, weights_of(a, begin));
            rotate_half(a, input_.second, begin, length, second_.data() + place);
            if (!special_) rotate_half(a, input_.first, begin, length, first_.data() + place);
        }
    }
    /// Of the first sum, from `begin` on.
    std::span<const std::byte> weights_of(std::size_t a, std::size_t begin) const {
        const RnsPolynomial& weights = plaintexts_[a].polynomial;
        if (weights.limbs() == 0) return {};
        return std::as_bytes(weights.limb(row_).subspan(begin / run_));
    }
    void rotate_half(std::size_t a, const RnsPolynomial& half, std::size_t begin, std::size_t length,
                     std::uint64_t* out) const {
        const std::uint64_t* in = half.limb(row_).data();
        if (rotations_[a].permutation == nullptr) {
            std::copy_n(in + begin, length, out);
        } else {
            kernels().permute(out, in, rotations_[a].permutation->data() + begin, length);
        }
    }

    void add_to(std::size_t sum, std::size_t from, std::size_t to, std::size_t begin, std::size_t length) {
        const std::size_t run = std::min(run_, length);
        firsts_.clear();
        weights_.clear();
        weighteds_.clear();
        uniforms_.clear();
        packed_.clear();
        std::size_t bytes = 0;
        for (std::size_t a = from; a < to; ++a) {
            const SubringPlaintext& plaintext = plaintexts_[sum * rotations_.size() + a];
            if (plaintext.polynomial.limbs() == 0) continue;
            const std::size_t place = (a - from) * kColumns;
            const std::uint64_t* weight = plaintext.polynomial.limb(row_).data() + begin / run_;
            const std::uint64_t* second = second_.data() + place;
            std::uint64_t* weighted = weighted_.data() + place;
            if (run == 1) {
                kernels().multiply(weighted, second, weight, length, modulus_);
            } else {
                kernels().weighted_sum(weighted, &second, &weight, 1, length, run, modulus_, false);
            }
            firsts_.push_back(first_.data() + place);
            weights_.push_back(weight);
            weighteds_.push_back(weighted);
            uniforms_.push_back(uniform_.data() + place);
            const std::span<const std::byte> packed = rotations_[a].key->b.front().row(row_, begin);
            packed_.push_back(packed.data());
            bytes = packed.size();
        }
        const bool accumulate = from > 0;
        std::uint64_t* out0 = sums_[sum].components[0].limb(row_).data() + begin;
        std::uint64_t* out1 = sums_[sum].components[1].limb(row_).data() + begin;
        const std::size_t count = weights_.size();
        kernels().packed_inner_product(out0, weighteds_.data(), packed_.data(), bytes, modulus_.bits(), count, length,
                                       modulus_, accumulate);
        kernels().inner_product(out1, weighteds_.data(), uniforms_.data(), count, length, modulus_, accumulate);
        if (special_) return;  // P times the first half is 0 modulo the special primes
        if (run == 1) {
            kernels().inner_product(out0, firsts_.data(), weights_.data(), count, length, modulus_, true);
        } else {
            kernels().weighted_sum(out0, firsts_.data(), weights_.data(), count, length, run, modulus_, true);
        }
    }

    const RaisedCiphertext& input_;
    std::span<const Rotation> rotations_;
    std::span<const SubringPlaintext> plaintexts_;
    std::size_t row_;
    bool special_;
    const Modulus& modulus_;
    std::span<ExtendedCiphertext> sums_;
    std::size_t run_ = 1;
    std::vector<UniformStream> streams_;
    // Of the columns and rotations at hand.
    AlignedWords uniform_;
    AlignedWords first_;
    AlignedWords second_;
    AlignedWords weighted_;
    // Of those with a plaintext.
    std::vector<const std::uint64_t*> firsts_;
    std::vector<const std::uint64_t*> weights_;
    std::vector<const std::uint64_t*> weighteds_;
    std::vector<const std::uint64_t*> uniforms_;
    std::vector<const std::byte*> packed_;
};

void check_raised(const Parameters& parameters, const RaisedCiphertext& input) {
    const auto q_rows = static_cast<std::size_t>(parameters.max_level()) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(raised_special_count(parameters));
    require(input.level == parameters.max_level() && input.first.limbs() == q_rows && input.second.limbs() == rows &&
                input.first.ring_dimension() == parameters.ring_dimension() &&
                input.second.ring_dimension() == parameters.ring_dimension(),
            "a ciphertext raised to level {} has halves of {} and {} limbs of ring dimension {}; these parameters want "
            "level {}, {} and {} limbs of {}",
            input.level, input.first.limbs(), input.second.limbs(), input.first.ring_dimension(),
            parameters.max_level(), q_rows, rows, parameters.ring_dimension());
}

}  // namespace

std::vector<ExtendedCiphertext> raised_sums(const Evaluator& evaluator, const RaisedCiphertext& input,
                                            std::span<const long> distances,
                                            std::span<const SubringPlaintext> plaintexts, double plaintext_scale,
                                            const AutomorphismCache& automorphisms) {
    const Parameters& parameters = evaluator.parameters();
    const std::size_t n = parameters.ring_dimension();
    check_raised(parameters, input);
    require(!distances.empty() && plaintexts.size() % distances.size() == 0,
            "{} plaintexts cannot be shared out to sums of {} rotations", plaintexts.size(), distances.size());
    std::vector<Rotation> rotations;
    for (const long distance : distances) {
        const auto [step, key] = find_rotation_key(parameters, evaluator.keys(), parameters.slots(), distance,
                                                   input.level, KeyRole::sparse_to_dense);
        rotations.push_back({key, step == 0 ? nullptr : &automorphisms.permutation(rotation_galois_element(n, step))});
    }
    std::vector<ExtendedCiphertext> sums;
    for (std::size_t g = 0; g < plaintexts.size() / distances.size(); ++g) {
        sums.push_back(uninitialised_extended(parameters, input.at(input.level, input.scale * plaintext_scale),
                                              raised_special_count(parameters)));
    }
    parallel_for(input.second.limbs(), [&](std::size_t row) {
        RowOfSums sums_of_row(parameters, input, rotations, plaintexts, row, sums);
        for (std::size_t begin = 0; begin < n; begin += kColumns) {
            sums_of_row.add(begin, std::min(kColumns, n - begin));
        }
    });
    return sums;
}

}  // namespace polyformer::ckks
