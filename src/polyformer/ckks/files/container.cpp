#include "polyformer/ckks/files/container.h"

#include <algorithm>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

ContainerHeader read_header(const ByteSource& source, ReadOptions options) {
    check_beginning(source);
    std::vector<std::byte> bytes(header_bytes() + sizeof(Digest));
    source.read_at(0, bytes);
    const auto fields = std::span(bytes).first(header_bytes());
    if (options.verify_checksums) {
        Blake2b hasher;
        hasher.update(fields);
        require<FormatError>(std::ranges::equal(hasher.finish(), std::span(bytes).subspan(header_bytes())),
                             "'{}': checksum mismatch in the header: the file is damaged; fetch or make it again",
                             source.name());
    }
    return parse_header(fields, source.name());
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
    const std::vector<std::byte> fields = header_fields(header);
    Blake2b hasher;
    hasher.update(fields);
    sink_->write(fields);
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

void SectionReader::require_remaining(std::size_t count) const {
    require<FormatError>(count <= remaining(), "{} ends {} bytes early: it was cut short or is not what it says",
                         place(), count - remaining());
}

void SectionReader::take(std::span<const std::byte> bytes) {
    if (options_.verify_checksums) hasher_.update(bytes);
    position_ += bytes.size();
}

void SectionReader::read(std::span<std::byte> out) {
    require_remaining(out.size());
    source_->read_at(offset_ + position_, out);
    take(out);
}

SharedBytes SectionReader::share(std::size_t count) {
    require_remaining(count);
    SharedBytes bytes = source_->share(offset_ + position_, count);
    take(bytes.span());
    return bytes;
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

}  // namespace polyformer::ckks
