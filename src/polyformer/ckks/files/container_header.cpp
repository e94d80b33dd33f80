#include "polyformer/ckks/files/container_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

static_assert(std::endian::native == std::endian::little, "fields are written as they lie in memory");

namespace {

constexpr std::string_view kMagic = "PLYFORM\n";
constexpr std::uint64_t kVersion = 2;
constexpr std::size_t kKindBytes = 32;
constexpr std::size_t kFingerprintBytes = 64;
/// More than any key set has keys; keeps a hostile count from costing more than a moment.
constexpr std::uint64_t kMaxSections = std::uint64_t{1} << 20;

/// Collects the header's fields.
class FieldWriter {
  public:
    template <class T>
    void put(T value) {
        const auto bytes = std::as_bytes(std::span(&value, 1));
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void put_text(std::string_view text, std::size_t width) {
        require<Error>(text.size() <= width, "'{}' has {} characters, more than the {} of its field", text, text.size(),
                       width);
        for (std::size_t i = 0; i < width; ++i) put(i < text.size() ? text[i] : '\0');
    }
    std::vector<std::byte> bytes() && { return std::move(bytes_); }

  private:
    std::vector<std::byte> bytes_;
};

/// Takes the header's fields apart; the caller has checked the length.
class FieldReader {
  public:
    explicit FieldReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
    template <class T>
    T get() {
        T value{};
        std::memcpy(&value, bytes_.data(), sizeof(T));
        bytes_ = bytes_.subspan(sizeof(T));
        return value;
    }
    /// Text up to the first zero byte; nothing unless all behind it is zero too and `allowed` holds for every
    /// character.
    std::optional<std::string> get_text(std::size_t width, bool (*allowed)(char)) {
        std::string text;
        for (std::size_t i = 0; i < width; ++i) text.push_back(get<char>());
        const std::size_t length = std::min(text.find('\0'), width);
        const bool padded = std::all_of(text.begin() + static_cast<std::ptrdiff_t>(length), text.end(),
                                        [](char c) { return c == '\0'; });
        text.resize(length);
        if (!padded || !std::all_of(text.begin(), text.end(), allowed)) return std::nullopt;
        return text;
    }

  private:
    std::span<const std::byte> bytes_;
};

bool is_printable(char c) {
    return c >= ' ' && c <= '~';
}
bool is_hexadecimal(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

void put_literal(FieldWriter& fields, const ParametersLiteral& literal) {
    fields.put<std::uint64_t>(literal.ring_dimension);
    for (const int value : {literal.base_prime_bits, literal.scale_bits, literal.working_levels,
                            literal.special_prime_bits, literal.special_primes}) {
        fields.put<std::int32_t>(value);
    }
    fields.put<std::int32_t>(literal.security == Security::insecure ? 1 : 0);
    fields.put<std::int32_t>(literal.bootstrapping.has_value() ? 1 : 0);
    const BootstrappingLiteral bootstrapping = literal.bootstrapping.value_or(BootstrappingLiteral{});
    for (const int value : {bootstrapping.slots_to_coefficients_levels, bootstrapping.coefficients_to_slots_levels,
                            bootstrapping.cosine_degree, bootstrapping.double_angles,
                            bootstrapping.ephemeral_secret_weight, bootstrapping.interval}) {
        fields.put<std::int32_t>(value);
    }
    fields.put<double>(bootstrapping.log2_message_ratio);
}

ParametersLiteral get_literal(FieldReader& fields, const std::string& name) {
    ParametersLiteral literal;
    literal.ring_dimension = fields.get<std::uint64_t>();
    for (int* value : {&literal.base_prime_bits, &literal.scale_bits, &literal.working_levels,
                       &literal.special_prime_bits, &literal.special_primes}) {
        *value = fields.get<std::int32_t>();
    }
    const auto security = fields.get<std::int32_t>();
    require<FormatError>(security == 0 || security == 1, "'{}': unknown security class {}; expected 0 or 1", name,
                         security);
    literal.security = security == 1 ? Security::insecure : Security::classical_128;
    const auto has_bootstrapping = fields.get<std::int32_t>();
    require<FormatError>(has_bootstrapping == 0 || has_bootstrapping == 1,
                         "'{}': bootstrapping flag {}; expected 0 or 1", name, has_bootstrapping);
    BootstrappingLiteral bootstrapping;
    for (int* value : {&bootstrapping.slots_to_coefficients_levels, &bootstrapping.coefficients_to_slots_levels,
                       &bootstrapping.cosine_degree, &bootstrapping.double_angles,
                       &bootstrapping.ephemeral_secret_weight, &bootstrapping.interval}) {
        *value = fields.get<std::int32_t>();
    }
    bootstrapping.log2_message_ratio = fields.get<double>();
    if (has_bootstrapping == 1) literal.bootstrapping = bootstrapping;
    return literal;
}

}  // namespace

std::vector<std::byte> header_fields(const ContainerHeader& header) {
    FieldWriter fields;
    fields.put_text(kMagic, kMagic.size());
    fields.put(kVersion);
    fields.put_text(header.kind, kKindBytes);
    put_literal(fields, header.literal);
    fields.put_text(header.parameters_fingerprint, kFingerprintBytes);
    fields.put_text(header.key_fingerprint, kFingerprintBytes);
    fields.put(header.sections);
    return std::move(fields).bytes();
}

std::size_t header_bytes() {
    static const std::size_t count = header_fields({}).size();
    return count;
}

void check_beginning(const ByteSource& source) {
    require<FormatError>(source.size() >= kMagic.size(),
                         "'{}' has {} bytes: too short for any file of Polyformer; it was cut short or is something "
                         "else",
                         source.name(), source.size());
    std::array<std::byte, kMagic.size()> magic{};
    source.read_at(0, magic);
    require<FormatError>(std::memcmp(magic.data(), kMagic.data(), kMagic.size()) == 0,
                         "'{}' is no file of Polyformer: it does not begin with '{}'; check the path", source.name(),
                         kMagic.substr(0, kMagic.size() - 1));
    std::uint64_t version = 0;
    source.read_at(kMagic.size(), std::as_writable_bytes(std::span(&version, 1)));
    require<FormatError>(version == kVersion,
                         "'{}' has format version {}, this program reads version {}: use the program that wrote it, or "
                         "make the file again",
                         source.name(), version, kVersion);
}

ContainerHeader parse_header(std::span<const std::byte> bytes, const std::string& name) {
    FieldReader fields(bytes.subspan(kMagic.size() + sizeof kVersion));
    ContainerHeader header;
    const auto kind = fields.get_text(kKindBytes, is_printable);
    require<FormatError>(kind.has_value(), "'{}': the kind in the header is not printable text", name);
    header.kind = *kind;
    header.literal = get_literal(fields, name);
    const auto parameters_fingerprint = fields.get_text(kFingerprintBytes, is_hexadecimal);
    const auto key_fingerprint = fields.get_text(kFingerprintBytes, is_hexadecimal);
    require<FormatError>(parameters_fingerprint.has_value() && key_fingerprint.has_value(),
                         "'{}': a fingerprint in the header is not hexadecimal", name);
    header.parameters_fingerprint = *parameters_fingerprint;
    header.key_fingerprint = *key_fingerprint;
    header.sections = fields.get<std::uint64_t>();
    require<FormatError>(header.sections <= kMaxSections,
                         "'{}': the header announces {} sections, more than the {} "
                         "that a file can have",
                         name, header.sections, kMaxSections);
    return header;
}

std::string describe(const ParametersLiteral& literal) {
    return fmt::format("N = {}, {} working levels of {} bits, {} special primes{}{}", literal.ring_dimension,
                       literal.working_levels, literal.scale_bits, literal.special_primes,
                       literal.bootstrapping ? ", bootstrapping" : "",
                       literal.security == Security::insecure ? ", INSECURE" : "");
}

}  // namespace polyformer::ckks
