#include "polyformer/ckks/files/serialization.h"

#include <bit>
#include <cmath>

#include "polyformer/ckks/files/rns_serialization.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

constexpr std::uint64_t kHeadBytes = 24;

void write_head(SectionWriter& writer, const CiphertextMetadata& metadata, std::size_t components) {
    writer.put(static_cast<std::int32_t>(metadata.level));
    writer.put(static_cast<std::uint32_t>(components));
    writer.put(metadata.scale);
    writer.put(static_cast<std::uint64_t>(metadata.slots));
}

CiphertextHead read_fields(SectionReader& reader, const std::string& key_fingerprint, const Parameters& parameters,
                           std::uint32_t min_components, std::uint32_t max_components) {
    CiphertextHead head;
    head.level = reader.get<std::int32_t>();
    head.components = reader.get<std::uint32_t>();
    head.scale = reader.get<double>();
    head.slots = reader.get<std::uint64_t>();
    head.key_fingerprint = key_fingerprint;
    require_level(reader, parameters, head.level);
    require<FormatError>(head.components >= min_components && head.components <= max_components,
                         "{}: a ciphertext of {} components; expected {} to {}", reader.place(), head.components,
                         min_components, max_components);
    require<FormatError>(
        std::isfinite(head.scale) && head.scale >= 1 && std::log2(head.scale) <= parameters.log2_q(head.level),
        "{}: scale {} is outside 1 to 2^{:.1f}, the modulus at level {}", reader.place(), head.scale,
        parameters.log2_q(head.level), head.level);
    require<FormatError>(std::has_single_bit(head.slots) && head.slots <= parameters.slots(),
                         "{}: {} slots; expected a power of two up to {}", reader.place(), head.slots,
                         parameters.slots());
    return head;
}

std::uint64_t section_length(const Parameters& parameters, const CiphertextHead& head) {
    const std::uint64_t seed = head.components == 1 ? sizeof(Seed) : 0;
    return kHeadBytes + seed + head.components * parameters.packed_rows_bytes(head.level, 0);
}

/// The key fingerprint is in the container's header.
CiphertextHead read_head(SectionReader& section, const ContainerReader& reader, const Parameters& parameters,
                         std::uint32_t min_components, std::uint32_t max_components) {
    const CiphertextHead head =
        read_fields(section, reader.header().key_fingerprint, parameters, min_components, max_components);
    require_length(section, section_length(parameters, head));
    return head;
}

template <class C>
std::string common_fingerprint(std::span<const C> ciphertexts) {
    if (ciphertexts.empty()) return {};
    for (const C& ciphertext : ciphertexts) {
        require<Error>(ciphertext.key_fingerprint == ciphertexts.front().key_fingerprint,
                       "ciphertexts of key sets {} and {} cannot share a file", ciphertexts.front().key_fingerprint,
                       ciphertext.key_fingerprint);
    }
    return ciphertexts.front().key_fingerprint;
}

template <class C>
void write_list(ByteSink& sink, const Parameters& parameters, std::string_view kind, std::span<const C> ciphertexts) {
    ContainerWriter writer(sink, make_header(kind, parameters, common_fingerprint(ciphertexts), ciphertexts.size()));
    for (const C& ciphertext : ciphertexts) write_section(writer, parameters, ciphertext);
    writer.finish();
}

}  // namespace

ContainerHeader make_header(std::string_view kind, const Parameters& parameters, std::string key_fingerprint,
                            std::uint64_t sections) {
    return {std::string(kind), parameters.literal(), parameters.fingerprint(), std::move(key_fingerprint), sections};
}

void write_parameters(ByteSink& sink, const Parameters& parameters) {
    ContainerWriter(sink, make_header(kinds::kParameters, parameters, {}, 0)).finish();
}

Parameters read_parameters(const ByteSource& source, ReadOptions options) {
    const ContainerReader reader(source, options);
    reader.expect_kind(kinds::kParameters);
    require<FormatError>(reader.sections() == 0, "'{}': parameters have no sections, this file has {}", source.name(),
                         reader.sections());
    Parameters parameters = Parameters::create(reader.header().literal);
    require<FormatError>(parameters.fingerprint() == reader.header().parameters_fingerprint,
                         "'{}': its parameters ({}) lead to fingerprint {:.12}…, but it says {:.12}…: the primes were "
                         "chosen by another version; make the file again",
                         source.name(), describe(reader.header().literal), parameters.fingerprint(),
                         reader.header().parameters_fingerprint);
    return parameters;
}

void write_public_key(ByteSink& sink, const Parameters& parameters, const PublicKey& key) {
    const auto level = static_cast<int>(key.b.limbs()) - 1;
    ContainerWriter writer(sink, make_header(kinds::kPublicKey, parameters, key.key_fingerprint, 1));
    const std::uint64_t length = sizeof(std::int32_t) + sizeof(Seed) + parameters.packed_rows_bytes(level, 0);
    writer.section(length, [&](SectionWriter& section) {
        section.put<std::int32_t>(level);
        write_seed(section, key.seed);
        write_rows(section, parameters, key.b, level, 0);
    });
    writer.finish();
}

PublicKey read_public_key(const ByteSource& source, const Parameters& parameters, ReadOptions options) {
    const ContainerReader reader(source, options);
    reader.expect_kind(kinds::kPublicKey);
    reader.expect_parameters(parameters);
    require<FormatError>(reader.sections() == 1, "'{}': a public key has one section, this file has {}", source.name(),
                         reader.sections());
    SectionReader section = reader.section(0);
    const auto level = section.get<std::int32_t>();
    require<FormatError>(level == parameters.working_level(), "{}: a public key at level {}; expected {}",
                         section.place(), level, parameters.working_level());
    require_length(section, sizeof level + sizeof(Seed) + parameters.packed_rows_bytes(level, 0));
    PublicKey key;
    key.seed = read_seed(section);
    key.b = read_rows(section, parameters, level, 0);
    section.finish();
    key.key_fingerprint = reader.header().key_fingerprint;
    key.parameters_fingerprint = parameters.fingerprint();
    key.a = RnsPolynomial(parameters.ring_dimension(), key.b.limbs());
    for (std::size_t i = 0; i < key.a.limbs(); ++i) {
        expand_uniform(key.seed, uniform_stream(0, false, i), parameters.q(static_cast<int>(i)).modulus(),
                       key.a.limb(i));
    }
    return key;
}

void write_section(ContainerWriter& writer, const Parameters& parameters, const Ciphertext& ciphertext) {
    const std::size_t components = ciphertext.components.size();
    const std::uint64_t bytes = kHeadBytes + components * parameters.packed_rows_bytes(ciphertext.level, 0);
    writer.section(bytes, [&](SectionWriter& section) {
        write_head(section, ciphertext, components);
        for (const RnsPolynomial& component : ciphertext.components) {
            write_rows(section, parameters, component, ciphertext.level, 0);
        }
    });
}

void write_section(ContainerWriter& writer, const Parameters& parameters, const SeededCiphertext& ciphertext) {
    const std::uint64_t bytes = kHeadBytes + sizeof(Seed) + parameters.packed_rows_bytes(ciphertext.level, 0);
    writer.section(bytes, [&](SectionWriter& section) {
        write_head(section, ciphertext, 1);
        write_seed(section, ciphertext.seed);
        write_rows(section, parameters, ciphertext.b, ciphertext.level, 0);
    });
}

CiphertextHead read_ciphertext_head(const ContainerReader& reader, std::size_t section_index,
                                    const Parameters& parameters) {
    SectionReader section = reader.section(section_index);
    return read_head(section, reader, parameters, 1, 3);
}

Ciphertext read_ciphertext(const ContainerReader& reader, std::size_t section_index, const Parameters& parameters) {
    SectionReader section = reader.section(section_index);
    const CiphertextHead head = read_head(section, reader, parameters, 2, 3);
    Ciphertext ciphertext{head.metadata(), {}};
    for (std::uint32_t i = 0; i < head.components; ++i) {
        ciphertext.components.push_back(read_rows(section, parameters, head.level, 0));
    }
    section.finish();
    return ciphertext;
}

SeededCiphertext read_seeded_ciphertext(const ContainerReader& reader, std::size_t section_index,
                                        const Parameters& parameters) {
    SectionReader section = reader.section(section_index);
    const CiphertextHead head = read_head(section, reader, parameters, 1, 1);
    SeededCiphertext ciphertext{head.metadata(), {}, read_seed(section)};
    ciphertext.b = read_rows(section, parameters, head.level, 0);
    section.finish();
    return ciphertext;
}

void write_ciphertexts(ByteSink& sink, const Parameters& parameters, std::span<const Ciphertext> ciphertexts) {
    write_list(sink, parameters, kinds::kCiphertexts, ciphertexts);
}

void write_seeded_ciphertexts(ByteSink& sink, const Parameters& parameters,
                              std::span<const SeededCiphertext> ciphertexts) {
    write_list(sink, parameters, kinds::kSeededCiphertexts, ciphertexts);
}

std::vector<Ciphertext> read_ciphertexts(const ByteSource& source, const Parameters& parameters, ReadOptions options) {
    const ContainerReader reader(source, options);
    reader.expect_kind(kinds::kCiphertexts);
    reader.expect_parameters(parameters);
    std::vector<Ciphertext> ciphertexts;
    for (std::size_t i = 0; i < reader.sections(); ++i) ciphertexts.push_back(read_ciphertext(reader, i, parameters));
    return ciphertexts;
}

std::vector<SeededCiphertext> read_seeded_ciphertexts(const ByteSource& source, const Parameters& parameters,
                                                      ReadOptions options) {
    const ContainerReader reader(source, options);
    reader.expect_kind(kinds::kSeededCiphertexts);
    reader.expect_parameters(parameters);
    std::vector<SeededCiphertext> ciphertexts;
    for (std::size_t i = 0; i < reader.sections(); ++i) {
        ciphertexts.push_back(read_seeded_ciphertext(reader, i, parameters));
    }
    return ciphertexts;
}

}  // namespace polyformer::ckks
