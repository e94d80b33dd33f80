#include "polyformer/model/graph/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/small_floats.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"

namespace polyformer::model {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

namespace {

using nlohmann::json;

constexpr std::size_t kMaxHeaderBytes = 100'000'000;  // as in the reference implementation
constexpr std::size_t kMaxRank = 8;
constexpr const char* kMetadata = "__metadata__";
constexpr const char* kChecksum = "blake2b_256";

/// How a value is stored: https://github.com/huggingface/safetensors calls it dtype.
struct ElementType {
    const char* name;
    std::size_t bytes;
    double (*value)(const std::byte*);
};

template <class Bits>
Bits bits_at(const std::byte* bytes) {
    Bits bits;
    std::memcpy(&bits, bytes, sizeof bits);  // at any address
    return bits;
}

// Those without a way to their value are no weights.
constexpr std::array element_types = {
    ElementType{"F32", 4, [](const std::byte* bytes) -> double { return bits_at<float>(bytes); }},
    ElementType{"F16", 2,
                [](const std::byte* bytes) -> double { return float_of_half(bits_at<std::uint16_t>(bytes)); }},
    ElementType{"BF16", 2,
                [](const std::byte* bytes) -> double { return float_of_bfloat16(bits_at<std::uint16_t>(bytes)); }},
    ElementType{"F64", 8, [](const std::byte* bytes) { return bits_at<double>(bytes); }},
    ElementType{"BOOL", 1, nullptr},
    ElementType{"U8", 1, nullptr},
    ElementType{"I8", 1, nullptr},
    ElementType{"F8_E5M2", 1, nullptr},
    ElementType{"F8_E4M3", 1, nullptr},
    ElementType{"I16", 2, nullptr},
    ElementType{"U16", 2, nullptr},
    ElementType{"I32", 4, nullptr},
    ElementType{"U32", 4, nullptr},
    ElementType{"I64", 8, nullptr},
    ElementType{"U64", 8, nullptr},
};

const ElementType* find_type(std::string_view name) {
    const auto* known = std::ranges::find(element_types, name, &ElementType::name);
    return known == element_types.end() ? nullptr : known;
}

void require_weights(const ElementType* type, const std::string& place, std::string_view name) {
    require<FormatError>(type != nullptr && type->value != nullptr,
                         "{}: the type is '{}', but weights are F32, F16, BF16 or F64: convert the file first", place,
                         name);
}

std::string place_of(const std::string& label, const std::string& name) {
    return fmt::format("{}: tensor '{}'", label, name);
}

/// One tensor's place in the data section: [begin, end) in bytes.
struct Entry {
    std::string name;
    const ElementType* type = nullptr;
    std::vector<std::size_t> shape;
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// So many bytes for each element, or nothing when that is more than `limit`, however large the dimensions.
std::optional<std::size_t> byte_count(std::span<const std::size_t> shape, std::size_t element, std::size_t limit) {
    if (std::ranges::find(shape, std::size_t{0}) != shape.end()) return 0;
    std::size_t count = element;
    for (const std::size_t dimension : shape) {
        if (dimension > limit / count) return std::nullopt;
        count *= dimension;
    }
    return count;
}

/// What a file may hold.
enum class Types { weights, any };

Entry parse_entry(const std::string& name, const json& value, Types types, std::size_t data_bytes,
                  const std::string& label) {
    Fields fields(value, place_of(label, name));
    const std::string type = fields.text("dtype");
    const ElementType* known = find_type(type);
    if (known == nullptr || types == Types::weights) require_weights(known, fields.place(), type);
    Entry entry{.name = name, .type = known, .shape = fields.counts("shape", kMaxRank), .begin = 0, .end = 0};
    const std::vector<std::size_t> offsets = fields.counts("data_offsets", 2);
    fields.finish();
    require<FormatError>(
        offsets.size() == 2 && offsets[0] <= offsets[1] && offsets[1] <= data_bytes,
        "{}: the data offsets [{}] are not a range within the {} bytes of data; is the file truncated?", fields.place(),
        fmt::join(offsets, ", "), data_bytes);
    entry.begin = offsets[0];
    entry.end = offsets[1];
    require<FormatError>(byte_count(entry.shape, entry.type->bytes, data_bytes) == entry.end - entry.begin,
                         "{}: the shape [{}] does not fill the {} bytes that its offsets give it", fields.place(),
                         fmt::join(entry.shape, ", "), entry.end - entry.begin);
    return entry;
}

/// The format requires the data to be covered without holes or overlaps.
void check_coverage(std::vector<Entry> entries, std::size_t data_bytes, const std::string& label) {
    std::ranges::sort(
        entries, [](const Entry& a, const Entry& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    std::size_t covered = 0;
    for (const Entry& entry : entries) {
        require<FormatError>(entry.begin == covered,
                             "{}: tensor '{}' begins at byte {} of the data, but the one before "
                             "it ends at {}; tensors may neither overlap nor leave holes",
                             label, entry.name, entry.begin, covered);
        covered = entry.end;
    }
    require<FormatError>(covered == data_bytes,
                         "{}: the tensors cover {} of {} bytes of data; is the file foreign or "
                         "damaged?",
                         label, covered, data_bytes);
}

void check_checksum(const json& header, std::span<const std::byte> data, const std::string& label) {
    if (!header.contains(kMetadata)) return;
    const json& metadata = header.at(kMetadata);
    require<FormatError>(metadata.is_object(), "{}: '{}' must be an object, found {}", label, kMetadata,
                         metadata.type_name());
    if (!metadata.contains(kChecksum)) return;
    Blake2b hash;
    hash.update(data);
    const std::string found = to_hex(hash.finish());
    require<FormatError>(metadata.at(kChecksum) == found,
                         "{}: the data's checksum is {}, but the header says {}; the "
                         "file was damaged: copy it again",
                         label, found, metadata.at(kChecksum).dump());
}

std::vector<float> values_of(const Entry& entry, std::span<const std::byte> data, const std::string& label) {
    std::vector<float> values;
    values.reserve((entry.end - entry.begin) / entry.type->bytes);
    for (std::size_t at = entry.begin; at < entry.end; at += entry.type->bytes) {
        const double value = entry.type->value(&data[at]);
        require<FormatError>(!std::isfinite(value) || std::abs(value) <= std::numeric_limits<float>::max(),
                             "{}: tensor '{}' has the value {} at index {}, which is beyond float32", label, entry.name,
                             value, values.size());
        values.push_back(static_cast<float>(value));
    }
    return values;
}

void check_finite(std::span<const float> values, const std::string& name, const std::string& label) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        require<FormatError>(std::isfinite(values[i]),
                             "{}: tensor '{}' has the value {} at index {}; weights must be "
                             "finite",
                             label, name, values[i], i);
    }
}

/// What a file's first bytes say.
struct Header {
    std::vector<Entry> entries;
    std::span<const std::byte> data;  ///< what the entries' offsets refer to
    json document;
};

Header parse_header(std::span<const std::byte> bytes, Types types, const std::string& label) {
    std::uint64_t header_bytes = 0;
    require<FormatError>(bytes.size() >= sizeof header_bytes, "{}: {} bytes are too few for a safetensors file", label,
                         bytes.size());
    std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
    bytes = bytes.subspan(sizeof header_bytes);
    require<FormatError>(
        header_bytes <= bytes.size() && header_bytes <= kMaxHeaderBytes,
        "{}: the header claims {} bytes, but {} are left (and {} allowed); this is no safetensors file, "
        "or it was truncated",
        label, header_bytes, bytes.size(), kMaxHeaderBytes);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), header_bytes);
    Header header{.entries = {}, .data = bytes.subspan(header_bytes), .document = parse_json(text, label)};
    require<FormatError>(header.document.is_object(), "{}: the header must be a JSON object, found {}", label,
                         header.document.type_name());
    for (const auto& [name, value] : header.document.items()) {
        if (name == kMetadata) continue;
        header.entries.push_back(parse_entry(name, value, types, header.data.size(), label));
    }
    check_coverage(header.entries, header.data.size(), label);
    return header;
}

}  // namespace

FloatTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& label) {
    Header header = parse_header(bytes, Types::weights, label);
    check_checksum(header.document, header.data, label);

    FloatTensors tensors;
    for (Entry& entry : header.entries) {
        FloatTensor tensor{std::move(entry.shape), values_of(entry, header.data, label)};
        check_finite(tensor.values, entry.name, label);
        tensors.emplace(std::move(entry.name), std::move(tensor));
    }
    return tensors;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : label_(path.string()), file_(path) {
    const Header header = parse_header(file_.bytes(), Types::any, label_);
    const std::size_t start = file_.bytes().size() - header.data.size();
    for (const Entry& entry : header.entries) {
        shapes_.emplace(entry.name, entry.shape);
        places_.emplace(entry.name, TensorPlace{entry.type->name, start + entry.begin, start + entry.end});
    }
}

FloatTensor SafetensorsFile::read(const std::string& name) const {
    const auto place = places_.find(name);
    require(place != places_.end(), "{}: there is no tensor '{}'", label_, name);
    const ElementType* type = find_type(place->second.type);
    require_weights(type, place_of(label_, name), place->second.type);
    const Entry entry{.name = name, .type = type, .shape = {}, .begin = place->second.begin, .end = place->second.end};
    FloatTensor tensor{shapes_.at(name), values_of(entry, file_.bytes(), label_)};
    check_finite(tensor.values, name, label_);
    return tensor;
}

FloatTensors read_safetensors(const std::filesystem::path& path) {
    const std::string contents = read_file(path);
    return parse_safetensors(std::as_bytes(std::span(contents)), path.string());
}

void write_safetensors(const FloatTensorViews& tensors, const std::filesystem::path& path) {
    nlohmann::ordered_json header;
    header[kMetadata] = {};  // first, as is the custom
    Blake2b hash;
    std::size_t offset = 0;
    for (const auto& [name, tensor] : tensors) {
        require(byte_count(tensor.shape, sizeof(float), tensor.values.size_bytes()) == tensor.values.size_bytes(),
                "tensor '{}': the shape [{}] does not fit {} values", name, fmt::join(tensor.shape, ", "),
                tensor.values.size());
        check_finite(tensor.values, name, path.string());
        hash.update(std::as_bytes(tensor.values));
        const std::size_t end = offset + tensor.values.size_bytes();
        header[name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
        offset = end;
    }
    header[kMetadata] = {{kChecksum, to_hex(hash.finish())}};
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');

    AtomicFile file(path);
    const std::uint64_t header_bytes = text.size();
    file.write(std::as_bytes(std::span(&header_bytes, 1)));
    file.write(std::as_bytes(std::span(text)));
    for (const auto& [name, tensor] : tensors) file.write(std::as_bytes(tensor.values));
    file.commit();
}

}  // namespace polyformer::model
