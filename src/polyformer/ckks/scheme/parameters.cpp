#include "polyformer/ckks/scheme/parameters.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>

#include "polyformer/ckks/ring/residue_packing.h"
#include "polyformer/ckks/ring/rns.h"
#include "polyformer/ckks/scheme/modulus_chain.h"
#include "polyformer/ckks/scheme/security.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/digest.h"

namespace polyformer::ckks {

struct Parameters::Data {
    ParametersLiteral literal;
    RnsBasis q;
    RnsBasis p;
    std::vector<double> scales;
    std::vector<double> log2_q;  // cumulative
    double log2_qp = 0;
    double eval_mod_output_scale = 0;
    std::string fingerprint;
};

namespace {

constexpr int kMaxLimbs = 64;

void check_range(std::string_view name, double value, double low, double high) {
    require(value >= low && value <= high, "{} is {}, but must lie in [{}, {}]", name, value, low, high);
}

// Upper bounds are there to refuse nonsense from a file before memory is spent on it.
void check_bootstrapping(const ParametersLiteral& literal) {
    const BootstrappingLiteral& b = *literal.bootstrapping;
    check_range("slots_to_coefficients_levels", b.slots_to_coefficients_levels, 1, 16);
    check_range("coefficients_to_slots_levels", b.coefficients_to_slots_levels, 1, 16);
    check_range("cosine_degree", b.cosine_degree, 2, 1023);
    check_range("double_angles", b.double_angles, 0, 10);
    check_range("interval", b.interval, 1, 1024);
    check_range("ephemeral_secret_weight", b.ephemeral_secret_weight, 1, static_cast<double>(literal.ring_dimension));
    // The scale of EvalMod's result must stay below the 50-bit primes.
    check_range("log2_message_ratio", b.log2_message_ratio, 3, kMaxModulusBits - literal.scale_bits + 2.5);
    require(b.slots_to_coefficients_levels < literal.working_levels,
            "slots_to_coefficients_levels is {} of {} working_levels: none would be left; raise working_levels",
            b.slots_to_coefficients_levels, literal.working_levels);
}

void check_fields(const ParametersLiteral& literal) {
    const std::size_t n = literal.ring_dimension;
    require(std::has_single_bit(n) && n >= (std::size_t{1} << 10) && n <= (std::size_t{1} << 17),
            "ring_dimension is {}, but must be a power of two from 2^10 to 2^17", n);
    check_range("base_prime_bits", literal.base_prime_bits, kMinModulusBits + 4, kMaxModulusBits);
    check_range("special_prime_bits", literal.special_prime_bits, kMinModulusBits + 4, kMaxModulusBits);
    check_range("scale_bits", literal.scale_bits, kMinModulusBits + 2, kMaxModulusBits - 2);
    require(literal.base_prime_bits >= literal.scale_bits + 2,
            "base_prime_bits is {} and scale_bits {}: at level 0 a message would have less than two bits of room; make "
            "base_prime_bits at least {}",
            literal.base_prime_bits, literal.scale_bits, literal.scale_bits + 2);
    check_range("working_levels", literal.working_levels, 1, kMaxLimbs);
    check_range("special_primes", literal.special_primes, 1, kMaxLimbs);
    if (literal.bootstrapping) check_bootstrapping(literal);
    const int limbs = literal.working_levels + 1 + literal.special_primes +
                      (literal.bootstrapping ? eval_mod_levels(*literal.bootstrapping) +
                                                   literal.bootstrapping->coefficients_to_slots_levels
                                             : 0);
    require(limbs <= kMaxLimbs, "the chain has {} primes, special ones included, but at most {} are supported", limbs,
            kMaxLimbs);
}

void check_digits(const ParametersLiteral& literal, const ModulusChain& chain) {
    const double special = log2_product(chain.p);
    const auto width = static_cast<std::size_t>(literal.special_primes);
    for (std::size_t first = 0; first < chain.q.size(); first += width) {
        const std::size_t count = std::min(width, chain.q.size() - first);
        const double digit = log2_product(std::span(chain.q).subspan(first, count));
        require(
            digit <= special,
            "the key-switching digit of levels {} to {} has {:.2f} bits, {:.2f} more than the special primes' {:.2f}: "
            "its noise would grow by that much; raise special_prime_bits (now {})",
            first, first + count - 1, digit, digit - special, special, literal.special_prime_bits);
    }
}

std::string describe(const ParametersLiteral& literal, const ModulusChain& chain) {
    std::string text =
        fmt::format("polyformer ckks 1;{};{};{};{};{};{};{};", literal.ring_dimension, literal.base_prime_bits,
                    literal.scale_bits, literal.working_levels, literal.special_prime_bits, literal.special_primes,
                    literal.security == Security::insecure ? "insecure" : "classical_128");
    if (literal.bootstrapping) {
        const BootstrappingLiteral& b = *literal.bootstrapping;
        text +=
            fmt::format("{};{};{};{};{};{};{:a};", b.slots_to_coefficients_levels, b.coefficients_to_slots_levels,
                        b.cosine_degree, b.double_angles, b.ephemeral_secret_weight, b.interval, b.log2_message_ratio);
    }
    return text + fmt::format("q{};p{}", fmt::join(chain.q, ","), fmt::join(chain.p, ","));
}

}  // namespace

Parameters Parameters::create(const ParametersLiteral& literal) {
    check_fields(literal);
    const ModulusChain chain = choose_modulus_chain(literal);
    check_digits(literal, chain);
    const double log2_qp = log2_product(chain.q) + log2_product(chain.p);
    check_security(literal, chain);

    auto data = std::make_shared<Data>();
    data->literal = literal;
    data->q = RnsBasis(literal.ring_dimension, chain.q);
    data->p = RnsBasis(literal.ring_dimension, chain.p);
    data->scales = chain.scales;
    for (std::size_t level = 0; level < chain.q.size(); ++level) {
        data->log2_q.push_back(log2_product(std::span(chain.q).first(level + 1)));
    }
    data->log2_qp = log2_qp;
    data->eval_mod_output_scale = chain.eval_mod_output_scale;
    data->fingerprint = blake2b_hex(describe(literal, chain));
    return Parameters(std::move(data));
}

const ParametersLiteral& Parameters::literal() const {
    return data_->literal;
}
std::size_t Parameters::ring_dimension() const {
    return data_->literal.ring_dimension;
}
std::size_t Parameters::slots() const {
    return ring_dimension() / 2;
}
int Parameters::max_level() const {
    return static_cast<int>(data_->q.size()) - 1;
}
int Parameters::working_level() const {
    return data_->literal.working_levels;
}
int Parameters::special_count() const {
    return static_cast<int>(data_->p.size());
}
int Parameters::digits(int level) const {
    return level / special_count() + 1;
}

const NttTables& Parameters::q(int level) const {
    require(level >= 0 && level <= max_level(), "there is no level {}: the chain has 0 to {}", level, max_level());
    return data_->q.tables(static_cast<std::size_t>(level));
}

const NttTables& Parameters::p(int index) const {
    require(index >= 0 && index < special_count(), "there is no special prime {}: the chain has {}", index,
            special_count());
    return data_->p.tables(static_cast<std::size_t>(index));
}

const NttTables& Parameters::row(int level, std::size_t index) const {
    const auto i = static_cast<int>(index);
    return i <= level ? q(i) : p(i - level - 1);
}

std::vector<Modulus> Parameters::moduli(int level, std::size_t first, std::size_t last) const {
    std::vector<Modulus> result;
    for (std::size_t i = first; i < last; ++i) result.push_back(row(level, i).modulus());
    return result;
}

std::uint64_t Parameters::special_product(int special, const Modulus& modulus) const {
    std::uint64_t product = 1;
    for (int i = 0; i < special; ++i) product = modulus.multiply(product, modulus.reduce(p(i).modulus().value()));
    return product;
}

std::size_t Parameters::packed_rows_bytes(int level, int special) const {
    std::size_t bytes = 0;
    for (const int bits : row_bits(level, special)) bytes += packed_bytes(ring_dimension(), bits);
    return bytes;
}

std::vector<int> Parameters::row_bits(int level, int special) const {
    std::vector<int> bits;
    const auto rows = static_cast<std::size_t>(level + 1 + special);
    for (std::size_t i = 0; i < rows; ++i) bits.push_back(row(level, i).modulus().bits());
    return bits;
}

double Parameters::scale(int level) const {
    require(level >= 0 && level <= max_level(), "there is no level {}: the chain has 0 to {}", level, max_level());
    return data_->scales[static_cast<std::size_t>(level)];
}

double Parameters::log2_q(int level) const {
    require(level >= 0 && level <= max_level(), "there is no level {}: the chain has 0 to {}", level, max_level());
    return data_->log2_q[static_cast<std::size_t>(level)];
}

double Parameters::log2_qp() const {
    return data_->log2_qp;
}
int Parameters::security_bits() const {
    return data_->literal.security == Security::insecure ? 0 : 128;
}
bool Parameters::can_bootstrap() const {
    return data_->literal.bootstrapping.has_value();
}

namespace {

const BootstrappingLiteral& require_bootstrapping(const ParametersLiteral& literal) {
    require(literal.bootstrapping.has_value(),
            "these parameters (ring dimension {}, {} working levels) have no bootstrapping levels: use a set that has, "
            "such as presets::bootstrapping_65536()",
            literal.ring_dimension, literal.working_levels);
    return *literal.bootstrapping;
}

}  // namespace

int Parameters::eval_mod_level() const {
    return working_level() + eval_mod_levels(require_bootstrapping(literal()));
}

int Parameters::level_below(int level) const {
    require(level > 0 && level <= max_level(), "there is no level below {}: the chain has 0 to {}", level, max_level());
    return can_bootstrap() && level == guard_level(literal()) + 1 ? level - 2 : level - 1;
}

double Parameters::eval_mod_output_scale() const {
    require_bootstrapping(literal());
    return data_->eval_mod_output_scale;
}

int Parameters::bootstrapping_input_level() const {
    return require_bootstrapping(literal()).slots_to_coefficients_levels;
}

const std::string& Parameters::fingerprint() const {
    return data_->fingerprint;
}

namespace presets {

ParametersLiteral bootstrapping_65536() {
    ParametersLiteral literal;
    literal.bootstrapping = BootstrappingLiteral{};
    return literal;
}

ParametersLiteral leveled_16384() {
    ParametersLiteral literal;
    literal.ring_dimension = std::size_t{1} << 14;
    literal.base_prime_bits = 49;
    literal.working_levels = 7;
    literal.special_primes = 2;
    return literal;
}

ParametersLiteral leveled_32768() {
    ParametersLiteral literal;
    literal.ring_dimension = std::size_t{1} << 15;
    literal.working_levels = 15;
    literal.special_primes = 4;
    return literal;
}

ParametersLiteral insecure_bootstrapping(std::size_t ring_dimension) {
    ParametersLiteral literal = bootstrapping_65536();
    literal.ring_dimension = ring_dimension;
    literal.security = Security::insecure;
    return literal;
}

}  // namespace presets

}  // namespace polyformer::ckks
