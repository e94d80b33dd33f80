// A structure-aware mutator of containers. The input of a fuzz target is a program of edits: it changes fields, lengths
// and the order of sections of a sound file, and all checksums are made anew. So the inputs stay short, libFuzzer's own
// mutations apply to them, and nothing is refused merely for a checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "polyformer/ckks/files/container_header.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::fuzz {

/// A program of edits, byte by byte; zeros behind its end.
class Program {
  public:
    Program(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}
    bool finished() const { return bytes_.empty(); }
    std::uint8_t byte();
    std::uint32_t word();
    /// Often one of those at the edges of what is allowed.
    std::int32_t integer();
    /// Most often in [0, limit + 1]: what is allowed, and one more.
    std::int32_t up_to(int limit);
    std::uint64_t count();
    /// Often NaN, infinite, huge or tiny; else near `around`.
    double number(double around);
    /// How many edits: mostly one or two, since each of more is likely to have the file refused for itself.
    int edits();
    /// Below `count`, which is positive.
    std::size_t index(std::size_t count);

  private:
    std::span<const std::uint8_t> bytes_;
};

/// One section; `length` is what stands before it, and tells the truth unless an edit says otherwise.
struct Section {
    std::vector<std::byte> body;
    std::int64_t length_error = 0;
};

/// A file taken apart.
struct Container {
    ckks::ContainerHeader header;
    std::vector<Section> sections;
    std::vector<std::byte> appended;
};

/// Of a sound file.
Container take_apart(std::span<const std::byte> file);
/// With all checksums as they must be.
std::vector<std::byte> put_together(const Container& container);

/// One edit that any container can take: a field of the header or of a section, its length, the order of sections.
void edit(Program& program, Container& container);
/// Writes the head of a key of any role, level, special primes and digits over a section, or into a new one, most often
/// with a body of the length that it asks for.
void edit_key(Program& program, const ckks::Parameters& parameters, Container& container);
/// The same for a ciphertext: level, components, scale, slots.
void edit_ciphertext(Program& program, const ckks::Parameters& parameters, Container& container);

}  // namespace polyformer::fuzz
