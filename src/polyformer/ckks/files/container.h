// The frame that every serialised object shares: a header that says what it is and what it belongs to, then sections,
// each with its length before it and its checksum behind it. All little-endian.
//
//   header   magic (8 bytes), version, kind, parameter literal, parameter fingerprint, key fingerprint,
//            number of sections, BLAKE2b-256 of all that
//   section  length (8 bytes), that many bytes, BLAKE2b-256 of section number, length and bytes
//
// The checksums find damage, not malice: whoever can write the file can write them. So everything read is checked again
// for what it means.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/files/container_header.h"
#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/support/system/digest.h"

namespace polyformer::ckks {

/// How to read.
struct ReadOptions {
    /// False only in fuzz targets: no mutated input would otherwise get past the checksums to the checks behind them.
    bool verify_checksums = true;
};

/// The body of one section, while it is written.
class SectionWriter {
  public:
    /// Writes the length at once.
    SectionWriter(ByteSink& sink, std::uint64_t number, std::uint64_t length);

    /// Throws Error beyond the announced length, and what the sink throws.
    void write(std::span<const std::byte> bytes);
    /// A number as it lies in memory. Throws like write().
    template <class T>
    void put(T value) {
        static_assert(std::is_arithmetic_v<T>);
        write(std::as_bytes(std::span(&value, 1)));
    }
    /// Throws Error unless exactly the announced length was written.
    void finish();

  private:
    ByteSink* sink_;
    Blake2b hasher_;
    std::uint64_t remaining_;
};

/// Writes a header, then sections in order. `sink` must outlive the writer.
class ContainerWriter {
  public:
    /// Writes the header at once. Throws Error for a kind or a fingerprint that is too long for its field.
    ContainerWriter(ByteSink& sink, const ContainerHeader& header);

    /// One section of `length` bytes, which `body` writes. Throws Error when it writes another number, and for one
    /// section more than the header says.
    void section(std::uint64_t length, const std::function<void(SectionWriter&)>& body);
    /// Throws Error unless as many sections were written as the header says.
    void finish() const;

  private:
    ByteSink* sink_;
    std::uint64_t announced_;
    std::uint64_t written_ = 0;
};

/// The body of one section, while it is read.
class SectionReader {
  public:
    SectionReader(const ByteSource& source, std::uint64_t number, std::uint64_t offset, std::uint64_t length,
                  ReadOptions options);

    /// Throws FormatError when the section ends before `out` is full.
    void read(std::span<std::byte> out);
    /// The next `count` bytes, shared with the source if it can. Throws like read().
    SharedBytes share(std::size_t count);
    /// A number as put() wrote it. Throws like read().
    template <class T>
    T get() {
        static_assert(std::is_arithmetic_v<T>);
        T value{};
        read(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
    std::uint64_t length() const { return length_; }                 ///< bytes
    std::uint64_t remaining() const { return length_ - position_; }  ///< bytes not yet read
    /// "section 3 of 'keys.bin'", for errors.
    std::string place() const;
    /// Throws FormatError when bytes are left over or the checksum is wrong.
    void finish();

  private:
    void require_remaining(std::size_t count) const;
    void take(std::span<const std::byte> bytes);

    const ByteSource* source_;
    std::uint64_t number_;
    std::uint64_t offset_;
    std::uint64_t length_;
    std::uint64_t position_ = 0;
    ReadOptions options_;
    Blake2b hasher_;
};

/// A container whose header and section lengths have been checked.
class ContainerReader {
  public:
    /// Throws FormatError when this is no container, one of another version, damaged in its header, cut short, or
    /// followed by anything else. `source` must outlive the reader.
    explicit ContainerReader(const ByteSource& source, ReadOptions options = {});

    const ContainerHeader& header() const { return header_; }

    /// Throws FormatError, naming both kinds, unless this is a `kind`.
    void expect_kind(std::string_view kind) const;
    /// Throws FormatError, describing both sets, unless this was made for `parameters`.
    void expect_parameters(const Parameters& parameters) const;

    std::size_t sections() const { return places_.size(); }
    /// `index` below sections(). May be called from several threads.
    SectionReader section(std::size_t index) const;

  private:
    struct Place {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    const ByteSource* source_;
    ReadOptions options_;
    ContainerHeader header_;
    std::vector<Place> places_;
};

}  // namespace polyformer::ckks
