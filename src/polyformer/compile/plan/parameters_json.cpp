#include "polyformer/compile/plan/parameters_json.h"

#include "polyformer/support/json.h"

namespace polyformer::compile {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxCount = std::size_t{1} << 20;

int small_count(Fields& fields, const char* key) {
    return static_cast<int>(fields.count(key, kMaxCount));
}

}  // namespace

json literal_to_json(const ckks::ParametersLiteral& literal) {
    json object = {{"ring_dimension", literal.ring_dimension},
                   {"base_prime_bits", literal.base_prime_bits},
                   {"scale_bits", literal.scale_bits},
                   {"working_levels", literal.working_levels},
                   {"special_prime_bits", literal.special_prime_bits},
                   {"special_primes", literal.special_primes},
                   {"insecure", literal.security == ckks::Security::insecure},
                   {"bootstrapping", json::array()}};
    if (literal.bootstrapping) {
        const ckks::BootstrappingLiteral& b = *literal.bootstrapping;
        object["bootstrapping"].push_back({{"slots_to_coefficients_levels", b.slots_to_coefficients_levels},
                                           {"coefficients_to_slots_levels", b.coefficients_to_slots_levels},
                                           {"cosine_degree", b.cosine_degree},
                                           {"double_angles", b.double_angles},
                                           {"ephemeral_secret_weight", b.ephemeral_secret_weight},
                                           {"interval", b.interval},
                                           {"log2_message_ratio", b.log2_message_ratio}});
    }
    return object;
}

ckks::ParametersLiteral literal_from_json(const json& object, const std::string& place) {
    Fields fields(object, place);
    ckks::ParametersLiteral literal;
    literal.ring_dimension = fields.count("ring_dimension", kMaxCount);
    literal.base_prime_bits = small_count(fields, "base_prime_bits");
    literal.scale_bits = small_count(fields, "scale_bits");
    literal.working_levels = small_count(fields, "working_levels");
    literal.special_prime_bits = small_count(fields, "special_prime_bits");
    literal.special_primes = small_count(fields, "special_primes");
    literal.security = fields.boolean("insecure") ? ckks::Security::insecure : ckks::Security::classical_128;
    const json& bootstrapping = fields.array("bootstrapping", 1);
    if (!bootstrapping.empty()) {
        Fields inner(bootstrapping.front(), place + ".bootstrapping");
        ckks::BootstrappingLiteral& b = literal.bootstrapping.emplace();
        b.slots_to_coefficients_levels = small_count(inner, "slots_to_coefficients_levels");
        b.coefficients_to_slots_levels = small_count(inner, "coefficients_to_slots_levels");
        b.cosine_degree = small_count(inner, "cosine_degree");
        b.double_angles = small_count(inner, "double_angles");
        b.ephemeral_secret_weight = small_count(inner, "ephemeral_secret_weight");
        b.interval = small_count(inner, "interval");
        b.log2_message_ratio = inner.number("log2_message_ratio");
        inner.finish();
    }
    fields.finish();
    return literal;
}

}  // namespace polyformer::compile
