#include "polyformer/ckks/files/container.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

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
    std::span<const std::byte> bytes() const { return bytes_; }

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

FieldWriter header_fields(const ContainerHeader& header) {
    FieldWriter fields;
    fields.put_text(kMagic, kMagic.size());
    fields.put(kVersion);
    fields.put_text(header.kind, kKindBytes);
    put_literal(fields, header.literal);
    fields.put_text(header.parameters_fingerprint, kFingerprintBytes);
    fields.put_text(header.key_fingerprint, kFingerprintBytes);
    fields.put(header.sections);
    return fields;
}

std::size_t header_bytes() {
    static const std::size_t count = header_fields({}).bytes().size();
    return count;
}

ContainerHeader read_header(const ByteSource& source, ReadOptions options) {
    std::vector<std::byte> bytes(header_bytes() + sizeof(Digest));
    require<FormatError>(source.size() >= kMagic.size(),
                         "'{}' has {} bytes: too short for any file of Polyformer; it was cut short or is something "
                         "else",
                         source.name(), source.size());
    source.read_at(0, std::span(bytes).first(kMagic.size()));
    require<FormatError>(std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0,
                         "'{}' is no file of Polyformer: it does not begin with '{}'; check the path", source.name(),
                         kMagic.substr(0, kMagic.size() - 1));
    source.read_at(0, bytes);

    FieldReader fields(bytes);
    fields.get<std::array<char, kMagic.size()>>();
    const auto version = fields.get<std::uint64_t>();
    require<FormatError>(version == kVersion,
                         "'{}' has format version {}, this program reads version {}: use the program that wrote it, or "
                         "make the file again",
                         source.name(), version, kVersion);
    if (options.verify_checksums) {
        Blake2b hasher;
        hasher.update(std::span(bytes).first(header_bytes()));
        require<FormatError>(std::ranges::equal(hasher.finish(), std::span(bytes).subspan(header_bytes())),
                             "'{}': checksum mismatch in the header: the file is damaged; fetch or make it again",
                             source.name());
    }

    ContainerHeader header;
    const auto kind = fields.get_text(kKindBytes, is_printable);
    require<FormatError>(kind.has_value(), "'{}': the kind in the header is not printable text", source.name());
    header.kind = *kind;
    header.literal = get_literal(fields, source.name());
    const auto parameters_fingerprint = fields.get_text(kFingerprintBytes, is_hexadecimal);
    const auto key_fingerprint = fields.get_text(kFingerprintBytes, is_hexadecimal);
    require<FormatError>(parameters_fingerprint.has_value() && key_fingerprint.has_value(),
                         "'{}': a fingerprint in the header is not hexadecimal", source.name());
    header.parameters_fingerprint = *parameters_fingerprint;
    header.key_fingerprint = *key_fingerprint;
    header.sections = fields.get<std::uint64_t>();
    require<FormatError>(header.sections <= kMaxSections,
                         "'{}': the header announces {} sections, more than the {} "
                         "that a file can have",
                         source.name(), header.sections, kMaxSections);
    return header;
}

}  // namespace

SectionWriter::SectionWriter(ByteSink& sink, std::uint64_t number, std::uint64_t length)
    : sink_(&sink), remaining_(length) {
    hasher_.update(std::as_bytes(std::span(&number, 1)));
    const auto length_field = std::as_bytes(std::span(&length, 1));
    hasher_.update(length_field);
    sink_->write(length_field);
}

void SectionWriter::write(std::span<const std::byte> bytes) {
    require<Error>(bytes.size() <= remaining_, "{} bytes written to a section that has room for {}", bytes.size(),
                   remaining_);
    hasher_.update(bytes);
    sink_->write(bytes);
    remaining_ -= bytes.size();
}

void SectionWriter::finish() {
    require<Error>(remaining_ == 0, "a section ended {} bytes before the length that it announced", remaining_);
    sink_->write(hasher_.finish());
}

ContainerWriter::ContainerWriter(ByteSink& sink, const ContainerHeader& header)
    : sink_(&sink), announced_(header.sections) {
    const FieldWriter fields = header_fields(header);
    Blake2b hasher;
    hasher.update(fields.bytes());
    sink_->write(fields.bytes());
    sink_->write(hasher.finish());
}

void ContainerWriter::section(std::uint64_t length, const std::function<void(SectionWriter&)>& body) {
    require<Error>(written_ < announced_, "a section more than the {} that the header announces", announced_);
    SectionWriter writer(*sink_, written_, length);
    body(writer);
    writer.finish();
    ++written_;
}

void ContainerWriter::finish() const {
    require<Error>(written_ == announced_, "{} sections written, the header announces {}", written_, announced_);
}

SectionReader::SectionReader(const ByteSource& source, std::uint64_t number, std::uint64_t offset, std::uint64_t length,
                             ReadOptions options)
    : source_(&source), number_(number), offset_(offset), length_(length), options_(options) {
    hasher_.update(std::as_bytes(std::span(&number, 1)));
    hasher_.update(std::as_bytes(std::span(&length, 1)));
}

void SectionReader::read(std::span<std::byte> out) {
    require<FormatError>(out.size() <= remaining(), "{} ends {} bytes early: it was cut short or is not what it says",
                         place(), out.size() - remaining());
    source_->read_at(offset_ + position_, out);
    if (options_.verify_checksums) hasher_.update(out);
    position_ += out.size();
}

std::string SectionReader::place() const {
    return fmt::format("section {} of '{}'", number_, source_->name());
}

void SectionReader::finish() {
    require<FormatError>(remaining() == 0, "{} has {} bytes more than its contents need: it is damaged or foreign",
                         place(), remaining());
    if (!options_.verify_checksums) return;
    Digest stored;
    source_->read_at(offset_ + length_, stored);
    require<FormatError>(stored == hasher_.finish(),
                         "{}: checksum mismatch: the file is damaged; fetch or make it again", place());
}

ContainerReader::ContainerReader(const ByteSource& source, ReadOptions options)
    : source_(&source), options_(options), header_(read_header(source, options)) {
    std::uint64_t offset = header_bytes() + sizeof(Digest);
    constexpr std::uint64_t kFrame = sizeof(std::uint64_t) + sizeof(Digest);
    require<FormatError>(header_.sections <= (source.size() - offset) / kFrame,
                         "'{}' announces {} sections but has only {} bytes: it was cut short; fetch or make it again",
                         source.name(), header_.sections, source.size());
    places_.reserve(header_.sections);
    for (std::uint64_t i = 0; i < header_.sections; ++i) {
        std::uint64_t length = 0;
        source.read_at(offset, std::as_writable_bytes(std::span(&length, 1)));
        offset += sizeof length;
        const std::uint64_t available = source.size() - offset;
        require<FormatError>(
            available >= sizeof(Digest) && length <= available - sizeof(Digest),
            "'{}': section {} of {} announces {} bytes, but the file ends {} bytes after it begins: it "
            "was cut short or is damaged; fetch or make it again",
            source.name(), i, header_.sections, length, available);
        places_.push_back({offset, length});
        offset += length + sizeof(Digest);
    }
    require<FormatError>(offset == source.size(),
                         "'{}' has {} bytes behind its end: it is damaged or something was appended to it",
                         source.name(), source.size() - offset);
}

void ContainerReader::expect_kind(std::string_view kind) const {
    require<FormatError>(header_.kind == kind, "'{}' holds '{}', but '{}' is needed here: check which file you passed",
                         source_->name(), header_.kind, kind);
}

void ContainerReader::expect_parameters(const Parameters& parameters) const {
    require<FormatError>(header_.parameters_fingerprint == parameters.fingerprint(),
                         "'{}' was made for other parameters: it has {} (fingerprint {:.12}…), needed are {} "
                         "(fingerprint {:.12}…); make it again with the parameters of this plan",
                         source_->name(), describe(header_.literal), header_.parameters_fingerprint,
                         describe(parameters.literal()), parameters.fingerprint());
}

SectionReader ContainerReader::section(std::size_t index) const {
    return {*source_, index, places_.at(index).offset, places_.at(index).length, options_};
}

std::string describe(const ParametersLiteral& literal) {
    return fmt::format("N = {}, {} working levels of {} bits, {} special primes{}{}", literal.ring_dimension,
                       literal.working_levels, literal.scale_bits, literal.special_primes,
                       literal.bootstrapping ? ", bootstrapping" : "",
                       literal.security == Security::insecure ? ", INSECURE" : "");
}

}  // namespace polyformer::ckks
