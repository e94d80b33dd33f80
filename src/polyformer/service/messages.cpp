#include "polyformer/service/messages.h"

#include <algorithm>
#include <array>
#include <span>

#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"

namespace polyformer::service {

namespace {

constexpr std::size_t kFingerprintDigits = 64;

void write_fingerprint(ckks::SectionWriter& section, const std::string& fingerprint) {
    require(fingerprint.size() == kFingerprintDigits, "fingerprint '{}' has {} digits; expected {}", fingerprint,
            fingerprint.size(), kFingerprintDigits);
    section.write(std::as_bytes(std::span(fingerprint)));
}

std::string read_fingerprint(ckks::SectionReader& section) {
    std::string fingerprint(kFingerprintDigits, '\0');
    section.read(std::as_writable_bytes(std::span(fingerprint)));
    const bool hexadecimal =
        std::ranges::all_of(fingerprint, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    require<FormatError>(hexadecimal, "{}: a fingerprint that is not hexadecimal", section.place());
    return fingerprint;
}

/// A container of this kind for these parameters with the section of the message's fields and some ciphertexts.
ckks::ContainerReader open_message(const ckks::ByteSource& source, std::string_view kind,
                                   const ckks::Parameters& parameters, ckks::ReadOptions options) {
    ckks::ContainerReader reader(source, options);
    reader.expect_kind(kind);
    reader.expect_parameters(parameters);
    require<FormatError>(reader.sections() >= 2,
                         "'{}' has {} sections; an {} has one for its fields and one for each "
                         "ciphertext",
                         source.name(), reader.sections(), kind);
    return reader;
}

template <class Write>
std::size_t save(const std::filesystem::path& path, Write write) {
    ckks::FileSink sink(path);
    write(sink);
    sink.commit();
    return sink.written();
}

}  // namespace

void write_request(ckks::ByteSink& sink, const ckks::Parameters& parameters, const Request& request) {
    ckks::ContainerWriter writer(
        sink, ckks::make_header(kRequestKind, parameters, request.key_fingerprint, 1 + request.inputs.size()));
    writer.section(2 * sizeof(std::uint64_t) + 2 * kFingerprintDigits, [&](ckks::SectionWriter& section) {
        section.put<std::uint64_t>(request.tokens);
        section.put<std::uint64_t>(request.images);
        write_fingerprint(section, request.model_fingerprint);
        write_fingerprint(section, request.plan_fingerprint);
    });
    for (const ckks::SeededCiphertext& input : request.inputs) ckks::write_section(writer, parameters, input);
    writer.finish();
}

Request read_request(const ckks::ByteSource& source, const ckks::Parameters& parameters, ckks::ReadOptions options) {
    const ckks::ContainerReader reader = open_message(source, kRequestKind, parameters, options);
    Request request;
    request.key_fingerprint = reader.header().key_fingerprint;
    ckks::SectionReader fields = reader.section(0);
    request.tokens = fields.get<std::uint64_t>();
    request.images = fields.get<std::uint64_t>();
    request.model_fingerprint = read_fingerprint(fields);
    request.plan_fingerprint = read_fingerprint(fields);
    fields.finish();
    for (std::size_t i = 1; i < reader.sections(); ++i) {
        request.inputs.push_back(ckks::read_seeded_ciphertext(reader, i, parameters));
    }
    return request;
}

void write_reply(ckks::ByteSink& sink, const ckks::Parameters& parameters, const Reply& reply) {
    ckks::ContainerWriter writer(
        sink, ckks::make_header(kReplyKind, parameters, reply.key_fingerprint, 1 + reply.outputs.size()));
    writer.section(2 * sizeof(std::uint64_t) + kFingerprintDigits, [&](ckks::SectionWriter& section) {
        section.put<std::uint64_t>(reply.tokens);
        section.put<std::uint64_t>(reply.images);
        write_fingerprint(section, reply.plan_fingerprint);
    });
    for (const ckks::Ciphertext& output : reply.outputs) ckks::write_section(writer, parameters, output);
    writer.finish();
}

Reply read_reply(const ckks::ByteSource& source, const ckks::Parameters& parameters, ckks::ReadOptions options) {
    const ckks::ContainerReader reader = open_message(source, kReplyKind, parameters, options);
    Reply reply;
    reply.key_fingerprint = reader.header().key_fingerprint;
    ckks::SectionReader fields = reader.section(0);
    reply.tokens = fields.get<std::uint64_t>();
    reply.images = fields.get<std::uint64_t>();
    reply.plan_fingerprint = read_fingerprint(fields);
    fields.finish();
    for (std::size_t i = 1; i < reader.sections(); ++i) {
        reply.outputs.push_back(ckks::read_ciphertext(reader, i, parameters));
    }
    return reply;
}

std::size_t save_request(const std::filesystem::path& path, const ckks::Parameters& parameters,
                         const Request& request) {
    return save(path, [&](ckks::ByteSink& sink) { write_request(sink, parameters, request); });
}

Request load_request(const std::filesystem::path& path, const ckks::Parameters& parameters) {
    return read_request(ckks::FileSource(path), parameters);
}

std::size_t save_reply(const std::filesystem::path& path, const ckks::Parameters& parameters, const Reply& reply) {
    return save(path, [&](ckks::ByteSink& sink) { write_reply(sink, parameters, reply); });
}

Reply load_reply(const std::filesystem::path& path, const ckks::Parameters& parameters) {
    return read_reply(ckks::FileSource(path), parameters);
}

}  // namespace polyformer::service
