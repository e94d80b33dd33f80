// CKKS parameters: an unchecked literal becomes an immutable value that cannot be wrong, or an error that says which
// rule broke.
//
// The modulus chain, from level 0 up:
//   q_0                      base prime
//   q_1 .. q_L               working levels, each near 2^scale_bits; SlotsToCoeffs uses the lowest of them
//   then, with bootstrapping: EvalMod levels and CoeffsToSlots levels, near 2^50; within EvalMod one guard prime near
//   2^26, taken off together with the prime above it (level_below())
//   P = p_0 .. p_{k-1}       special primes of hybrid key switching
//
// Scales are canonical per level: scale(l-1) = scale(l)² / q_l, so the rescaled product of two ciphertexts at level l
// has exactly the scale that any other ciphertext at level l-1 has, and sums need no approximation (ePrint 2020/1118).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/arithmetic/ntt.h"

namespace polyformer::ckks {

/// Which security a parameter set promises. `insecure` is for tests in small rings and says so everywhere.
enum class Security { classical_128, insecure };

/// Bootstrapping, SlotsToCoeffs first: StC at the bottom of the chain, ModRaise (through an ephemeral sparse secret,
/// ePrint 2022/024), CoeffsToSlots, EvalMod as a Chebyshev cosine with double angles. Because StC comes first, EvalMod
/// works on the message itself, so its error is not amplified by a transform behind it.
struct BootstrappingLiteral {
    int slots_to_coefficients_levels = 2;
    int coefficients_to_slots_levels = 3;
    int cosine_degree = 31;  ///< of the polynomial for a cosine, see modular_sine.h; at least 2K − 2
    int double_angles = 3;
    int ephemeral_secret_weight = 32;
    int interval = 16;                 ///< K: |I(X)| ≤ K but for the failure probability
    double log2_message_ratio = 11.3;  ///< log2 of q_0 over the message scale at ModRaise
};

/// What parameters are wanted, not yet checked: Parameters::create() does that. Presets are below.
struct ParametersLiteral {
    std::size_t ring_dimension = std::size_t{1} << 16;
    int base_prime_bits = 50;
    int scale_bits = 40;
    int working_levels = 18;  ///< L; with bootstrapping, StC's levels are among them
    int special_prime_bits = 50;
    int special_primes = 8;  ///< also the number of limbs of a key-switching digit
    std::optional<BootstrappingLiteral> bootstrapping;
    Security security = Security::classical_128;
};

/// A validated parameter set with its primes and NTT tables. Cheap to copy (shared, immutable).
class Parameters {
  public:
    /// Throws Error naming the rule broken, the value and the remedy: security table, prime sizes and availability,
    /// ring dimension, level counts, digit size against P, EvalMod depth.
    static Parameters create(const ParametersLiteral& literal);

    const ParametersLiteral& literal() const;
    std::size_t ring_dimension() const;  ///< N
    std::size_t slots() const;           ///< N / 2
    int max_level() const;               ///< of the whole chain, bootstrapping levels included
    int working_level() const;           ///< top level that the network may use; fresh ciphertexts start here
    int special_count() const;           ///< k
    int digits(int level) const;         ///< key-switching digits of a ciphertext at `level`

    // What follows throws Error for a level or an index that the chain does not have.
    const NttTables& q(int level) const;  ///< tables and modulus of q_level
    const NttTables& p(int index) const;  ///< tables and modulus of special prime p_index
    /// Tables of row `index` of a polynomial over q_0 .. q_level, p_0 .. p_{k-1}: the order of the rows in ciphertexts,
    /// in keys, in what key switching makes and in files.
    const NttTables& row(int level, std::size_t index) const;
    /// Moduli of the rows first .. last − 1, as in row().
    std::vector<Modulus> moduli(int level, std::size_t first, std::size_t last) const;
    /// p_0 · … · p_{special-1} modulo a prime.
    std::uint64_t special_product(int special, const Modulus& modulus) const;
    /// Bytes of N residues for each of q_0 .. q_level, p_0 .. p_{special-1}, packed to the bits of their primes.
    std::size_t packed_rows_bytes(int level, int special) const;
    /// Bits of the primes of these rows.
    std::vector<int> row_bits(int level, int special) const;
    /// Canonical scale at `level`; at working_level() that of a fresh ciphertext.
    double scale(int level) const;
    double log2_q(int level) const;  ///< log2(q_0 … q_level)
    /// Level at which a rescaled product at `level` ≥ 1 lands: the next one down, but at one level of EvalMod, where a
    /// guard prime is taken off too, the second.
    int level_below(int level) const;

    double log2_qp() const;     ///< log2 of the whole chain with P: what security is judged by
    int security_bits() const;  ///< 128, or 0 for insecure sets

    bool can_bootstrap() const;
    // The next three throw Error without bootstrapping.
    /// Level at which CoeffsToSlots ends and EvalMod starts.
    int eval_mod_level() const;
    /// EvalMod's last result lands at working_level() with this scale as a sine, and so with scale(working_level()) as
    /// a message: scale(working_level())·q_0 / (2π·Δ), Δ = q_0 / 2^log2_message_ratio the message's scale at ModRaise.
    double eval_mod_output_scale() const;
    /// Lowest level from which bootstrapping starts (StC's levels).
    int bootstrapping_input_level() const;

    /// BLAKE2b-256 over literal and primes: binds ciphertexts and keys to this set.
    const std::string& fingerprint() const;  ///< 64 hexadecimal digits
    friend bool operator==(const Parameters& a, const Parameters& b) { return a.fingerprint() == b.fingerprint(); }

  private:
    struct Data;
    explicit Parameters(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

/// Named sets, to be given to Parameters::create(); `docs/parameters.md` lists log2(QP), levels, precision, failure
/// probability and key sizes of each.
namespace presets {
/// N = 2^16, bootstrapping, 16 levels gained by each bootstrap: what the network runs on.
ParametersLiteral bootstrapping_65536();
/// N = 2^14 and 2^15 without bootstrapping, for shallow circuits.
ParametersLiteral leveled_16384();
ParametersLiteral leveled_32768();
/// N = 2^10 .. 2^13 with the full bootstrapping chain and no security at all: for tests.
ParametersLiteral insecure_bootstrapping(std::size_t ring_dimension);
}  // namespace presets

}  // namespace polyformer::ckks
