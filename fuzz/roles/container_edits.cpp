#include "fuzz/roles/container_edits.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <random>
#include <utility>

#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/ring/uniform_stream.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t capacity);

namespace polyformer::fuzz {

namespace {

/// A copied section of keys is large: more of them would only take time.
constexpr std::size_t kMostSections = 64;

template <class T>
void store(std::vector<std::byte>& body, std::size_t offset, T value) {
    if (body.size() < sizeof value || offset > body.size() - sizeof value) return;
    std::memcpy(body.data() + offset, &value, sizeof value);
}

template <class T>
void append(std::vector<std::byte>& bytes, T value) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

/// Bytes of N residues for each row; none for rows that the parameters do not have.
std::size_t rows_bytes(const ckks::Parameters& parameters, std::int32_t level, std::int32_t special) {
    const bool possible =
        level >= 0 && level <= parameters.max_level() && special >= 0 && special <= parameters.special_count();
    return possible ? parameters.packed_rows_bytes(level, special) : 0;
}

/// The section that an edit is to change, or a new one.
Section& chosen(Program& program, Container& container) {
    if (container.sections.size() < kMostSections && program.byte() % 4 == 0) {
        return container.sections.emplace_back();
    }
    if (container.sections.empty()) container.sections.emplace_back();
    return container.sections[program.index(container.sections.size())];
}

void edit_header(Program& program, ckks::ContainerHeader& header) {
    ckks::ParametersLiteral& literal = header.literal;
    const std::array integers{&literal.base_prime_bits, &literal.scale_bits, &literal.working_levels,
                              &literal.special_prime_bits, &literal.special_primes};
    const auto change = [&](std::string& text) {
        if (text.empty()) return;
        text[program.index(text.size())] = static_cast<char>(program.byte());
    };
    switch (program.byte() % 7) {
        case 0:
            *integers[program.index(integers.size())] = program.integer();
            break;
        case 1:
            literal.ring_dimension = program.count();
            break;
        case 2:
            change(header.kind);
            break;
        case 3:
            change(header.parameters_fingerprint);
            break;
        case 4:
            change(header.key_fingerprint);
            break;
        case 5:
            header.sections = program.count();
            break;
        default:
            literal.bootstrapping.emplace().log2_message_ratio = program.number(11);
    }
}

void edit_body(Program& program, Section& section) {
    std::vector<std::byte>& body = section.body;
    // Heads are short: most edits go there.
    const std::size_t end = program.byte() % 4 == 0 ? body.size() : std::min<std::size_t>(body.size(), 64);
    const std::size_t offset = end == 0 ? 0 : program.index(end);
    switch (program.byte() % 8) {
        case 0:
            store(body, offset / 4 * 4, program.integer());
            break;
        case 1:
            store(body, offset / 8 * 8, program.count());
            break;
        case 2: {
            double value = 0;
            if (offset + sizeof value <= body.size()) std::memcpy(&value, body.data() + offset / 8 * 8, sizeof value);
            store(body, offset / 8 * 8, program.number(value));
            break;
        }
        case 3:
            store(body, offset, program.byte());
            break;
        case 4:
            body.resize(offset);
            break;
        case 5:
            body.insert(body.end(), program.index(256), std::byte{program.byte()});
            break;
        case 6:
            std::fill(body.begin() + static_cast<std::ptrdiff_t>(offset), body.end(), std::byte{program.byte()});
            break;
        default:
            section.length_error = program.integer();
    }
}

}  // namespace

std::uint8_t Program::byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
}

std::uint32_t Program::word() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8U | byte();
    return value;
}

std::int32_t Program::integer() {
    constexpr std::array<std::int32_t, 20> kEdges{0,
                                                  1,
                                                  -1,
                                                  2,
                                                  3,
                                                  4,
                                                  5,
                                                  6,
                                                  7,
                                                  8,
                                                  16,
                                                  255,
                                                  256,
                                                  511,
                                                  512,
                                                  1023,
                                                  1024,
                                                  1 << 20,
                                                  std::numeric_limits<std::int32_t>::max(),
                                                  std::numeric_limits<std::int32_t>::min()};
    const std::uint8_t choice = byte();
    return choice < 224 ? kEdges[choice % kEdges.size()] : static_cast<std::int32_t>(word());
}

std::int32_t Program::up_to(int limit) {
    return byte() % 16 == 15 ? integer() : byte() % (limit + 2);
}

std::uint64_t Program::count() {
    const std::uint64_t low = static_cast<std::uint32_t>(integer());
    return byte() % 8 == 0 ? low << 32U | word() : low;
}

double Program::number(double around) {
    using Limits = std::numeric_limits<double>;
    const std::array values{Limits::quiet_NaN(),
                            Limits::infinity(),
                            -Limits::infinity(),
                            1e300,
                            -1e300,
                            1e-300,
                            0.0,
                            -0.0,
                            -around,
                            1.0,
                            around * 2,
                            around / 2,
                            around * (1 + 0x1p-31),
                            around * (1 + 0x1p-29),
                            Limits::denorm_min(),
                            Limits::max()};
    return values[index(values.size())];
}

int Program::edits() {
    return std::array{1, 1, 1, 2, 2, 3, 4, 8}[index(8)];
}

std::size_t Program::index(std::size_t count) {
    return (count <= 256 ? byte() : word()) % count;
}

Container take_apart(std::span<const std::byte> file) {
    const ckks::MemorySource source(file);
    const ckks::ContainerReader reader(source);
    Container container{reader.header(), {}, {}};
    for (std::size_t i = 0; i < reader.sections(); ++i) {
        ckks::SectionReader section = reader.section(i);
        std::vector<std::byte> body(section.length());
        section.read(body);
        container.sections.push_back({std::move(body)});
    }
    return container;
}

std::vector<std::byte> put_together(const Container& container) {
    std::vector<std::byte> file = ckks::header_fields(container.header);
    Blake2b header;
    header.update(file);
    const Digest digest = header.finish();
    file.insert(file.end(), digest.begin(), digest.end());
    std::uint64_t number = 0;
    for (const Section& section : container.sections) {
        const std::uint64_t length = section.body.size() + static_cast<std::uint64_t>(section.length_error);
        append(file, length);
        file.insert(file.end(), section.body.begin(), section.body.end());
        Blake2b hash;
        hash.update(std::as_bytes(std::span(&number, 1)));
        hash.update(std::as_bytes(std::span(&length, 1)));
        hash.update(section.body);
        const Digest checksum = hash.finish();
        file.insert(file.end(), checksum.begin(), checksum.end());
        ++number;
    }
    file.insert(file.end(), container.appended.begin(), container.appended.end());
    return file;
}

void edit(Program& program, Container& container) {
    std::vector<Section>& sections = container.sections;
    const std::uint8_t choice = program.byte() % 16;
    if (choice == 0) {
        edit_header(program, container.header);
        return;
    }
    if (choice == 1) {
        container.appended.push_back(std::byte{program.byte()});
        return;
    }
    if (sections.empty()) return;
    const std::size_t index = program.index(sections.size());
    if (choice <= 3) {
        std::swap(sections[index], sections[program.index(sections.size())]);
    } else if (choice <= 5) {
        sections.erase(sections.begin() + static_cast<std::ptrdiff_t>(index));
    } else if (choice <= 7 && sections.size() < kMostSections) {
        sections.push_back(sections[index]);
    } else {
        edit_body(program, sections[index]);
    }
    // A header that counts wrongly ends all further reading: that is an edit of its own.
    if (choice <= 7 && program.byte() % 16 != 0) container.header.sections = sections.size();
}

void edit_key(Program& program, const ckks::Parameters& parameters, Container& container) {
    Section& section = chosen(program, container);
    container.header.sections = container.sections.size();
    const auto role = static_cast<std::uint32_t>(program.byte() % 6);
    const std::int32_t step = role == 4 ? program.up_to(200) : program.byte() % 8 == 7 ? program.integer() : 0;
    const std::int32_t level = program.up_to(parameters.max_level());
    const std::int32_t special = program.up_to(parameters.special_count());
    const std::int32_t limbs = program.up_to(parameters.special_count());
    section = {};
    append(section.body, role);
    for (const std::int32_t field : {step, level, special, limbs}) append(section.body, field);
    const std::size_t digits = level >= 0 && level <= parameters.max_level() && limbs >= 1
                                   ? static_cast<std::size_t>((level + std::min(limbs, 1000)) / std::min(limbs, 1000))
                                   : 1;
    section.body.resize(section.body.size() + sizeof(ckks::Seed) + digits * rows_bytes(parameters, level, special));
}

void edit_ciphertext(Program& program, const ckks::Parameters& parameters, Container& container) {
    Section& section = chosen(program, container);
    container.header.sections = container.sections.size();
    const std::int32_t level = program.up_to(parameters.max_level());
    const std::uint32_t components = program.byte() % 5;
    const bool canonical = program.byte() % 2 == 0 && level >= 0 && level <= parameters.max_level();
    const double scale = canonical ? parameters.scale(level) : program.number(parameters.scale(0));
    const std::uint64_t slots = program.byte() % 2 == 0 ? parameters.slots() : program.count();
    // The residues stay where they were, so that some decrypt to what they are.
    std::vector<std::byte>& body = section.body;
    body.resize(24 + (components == 1 ? sizeof(ckks::Seed) : 0) + components * rows_bytes(parameters, level, 0));
    store(body, 0, level);
    store(body, 4, components);
    store(body, 8, scale);
    store(body, 16, slots);
}

}  // namespace polyformer::fuzz

/// Half of all programs are random throughout: libFuzzer's own are short and alike, and seldom say all of a key's
/// shape.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t capacity,
                                               unsigned seed) {
    std::minstd_rand random(seed);
    if (random() % 2 == 0) return LLVMFuzzerMutate(data, size, capacity);
    constexpr std::size_t kLength = 64;
    const std::size_t length = std::min(kLength, capacity);
    std::generate_n(data, length, [&] { return static_cast<std::uint8_t>(random() >> 8U); });
    return length;
}
