#include "polyformer/service/messages.h"

#include <algorithm>
#include <span>

#include "polyformer/ckks/files/serialization.h"
#include "polyformer/service/request_check.h"
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

/// The number of texts, their lengths and the mark.
std::uint64_t asked_bytes(std::uint64_t texts) {
    return (1 + texts) * sizeof(std::uint64_t) + sizeof(Mark);
}

void write_asked(ckks::SectionWriter& section, const Asked& asked) {
    section.put<std::uint64_t>(asked.lengths.size());
    for (const std::size_t length : asked.lengths) section.put<std::uint64_t>(length);
    section.write(std::as_bytes(std::span(asked.mark)));
}

/// The first fields of a section, in which `others` bytes of other fields follow. Messages carry no version: their
/// fields have the length that the number of texts gives them, and had others before.
Asked read_asked(ckks::SectionReader& section, const ckks::Parameters& parameters, std::uint64_t others) {
    require<FormatError>(section.length() >= asked_bytes(1) + others,
                         "{}: the message's fields take {} bytes, which is too few: it was made by another version of "
                         "Polyformer, make it again with this one",
                         section.place(), section.length());
    const auto texts = section.get<std::uint64_t>();
    require<FormatError>(
        texts >= 1 && texts <= parameters.slots() && section.length() == asked_bytes(texts) + others,
        "{}: the message's fields take {} bytes, which is not what {} text(s) or image(s) take: it was made by another "
        "version of Polyformer, make it again with this one",
        section.place(), section.length(), texts);
    Asked asked;
    for (std::uint64_t text = 0; text < texts; ++text) asked.lengths.push_back(section.get<std::uint64_t>());
    section.read(std::as_writable_bytes(std::span(asked.mark)));
    return asked;
}

/// Of a container that open_message() has let pass: all but the ciphertexts.
Request read_request_fields(const ckks::ContainerReader& reader, const ckks::Parameters& parameters) {
    ckks::SectionReader fields = reader.section(0);
    Asked asked = read_asked(fields, parameters, 2 * kFingerprintDigits);
    Request request;
    request.lengths = std::move(asked.lengths);
    request.mark = asked.mark;
    request.key_fingerprint = reader.header().key_fingerprint;
    request.model_fingerprint = read_fingerprint(fields);
    request.plan_fingerprint = read_fingerprint(fields);
    fields.finish();
    return request;
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
    writer.section(asked_bytes(request.lengths.size()) + 2 * kFingerprintDigits, [&](ckks::SectionWriter& section) {
        write_asked(section, request.asked());
        write_fingerprint(section, request.model_fingerprint);
        write_fingerprint(section, request.plan_fingerprint);
    });
    for (const ckks::SeededCiphertext& input : request.inputs) ckks::write_section(writer, parameters, input);
    writer.finish();
}

Request read_request(const ckks::ByteSource& source, const ExpectedRequest& expected, ckks::ReadOptions options) {
    const ckks::Parameters& parameters = expected.frame.parameters;
    const ckks::ContainerReader reader = open_message(source, kRequestKind, parameters, options);
    Request request = read_request_fields(reader, parameters);
    check_request_fields(expected, request, reader.sections() - 1);
    for (std::size_t i = 1; i < reader.sections(); ++i) {
        check_request_input(expected, ckks::read_ciphertext_head(reader, i, parameters));
    }
    for (std::size_t i = 1; i < reader.sections(); ++i) {
        request.inputs.push_back(ckks::read_seeded_ciphertext(reader, i, parameters));
    }
    return request;
}

void write_reply(ckks::ByteSink& sink, const ckks::Parameters& parameters, const Reply& reply) {
    ckks::ContainerWriter writer(
        sink, ckks::make_header(kReplyKind, parameters, reply.key_fingerprint, 1 + reply.outputs.size()));
    writer.section(asked_bytes(reply.asked.lengths.size()) + kFingerprintDigits, [&](ckks::SectionWriter& section) {
        write_asked(section, reply.asked);
        write_fingerprint(section, reply.plan_fingerprint);
    });
    for (const ckks::Ciphertext& output : reply.outputs) ckks::write_section(writer, parameters, output);
    writer.finish();
}

ReplyReader::ReplyReader(const ckks::ByteSource& source, const ckks::Parameters& parameters, ckks::ReadOptions options)
    : parameters_(parameters), reader_(open_message(source, kReplyKind, parameters, options)) {
    ckks::SectionReader fields = reader_.section(0);
    fields_.key_fingerprint = reader_.header().key_fingerprint;
    fields_.asked = read_asked(fields, parameters, kFingerprintDigits);
    fields_.plan_fingerprint = read_fingerprint(fields);
    fields.finish();
}

ckks::CiphertextHead ReplyReader::head(std::size_t index) const {
    return ckks::read_ciphertext_head(reader_, 1 + index, parameters_);
}

Reply ReplyReader::read() const {
    Reply reply = fields_;
    for (std::size_t i = 1; i < reader_.sections(); ++i) {
        reply.outputs.push_back(ckks::read_ciphertext(reader_, i, parameters_));
    }
    return reply;
}

Reply read_reply(const ckks::ByteSource& source, const ckks::Parameters& parameters, ckks::ReadOptions options) {
    return ReplyReader(source, parameters, options).read();
}

std::size_t save_request(const std::filesystem::path& path, const ckks::Parameters& parameters,
                         const Request& request) {
    return save(path, [&](ckks::ByteSink& sink) { write_request(sink, parameters, request); });
}

std::size_t save_reply(const std::filesystem::path& path, const ckks::Parameters& parameters, const Reply& reply) {
    return save(path, [&](ckks::ByteSink& sink) { write_reply(sink, parameters, reply); });
}

Asked load_asked(const std::filesystem::path& path, const ckks::Parameters& parameters) {
    return asked_in(ckks::FileSource(path), parameters);
}

Asked asked_in(const ckks::ByteSource& source, const ckks::Parameters& parameters) {
    return read_request_fields(open_message(source, kRequestKind, parameters, {}), parameters).asked();
}

}  // namespace polyformer::service
