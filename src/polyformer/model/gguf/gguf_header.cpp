#include "polyformer/model/gguf/gguf_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian");

namespace {

constexpr std::uint64_t kMaxKeys = 65536;
constexpr std::uint64_t kMaxTensors = 65536;
constexpr std::uint64_t kMaxEntries = std::uint64_t{1} << 22;  // of a list
constexpr std::uint64_t kMaxName = 256;                        // bytes
constexpr std::uint32_t kMaxRank = 4;
constexpr std::size_t kMaxAlignment = std::size_t{1} << 20;
constexpr std::size_t kListType = 9;

template <class T>
GgufValue number_from(const std::byte* bytes) {
    T number;
    std::memcpy(&number, bytes, sizeof number);
    if constexpr (std::is_floating_point_v<T>) return static_cast<double>(number);
    if constexpr (std::is_signed_v<T>) return static_cast<std::int64_t>(number);
    return static_cast<std::uint64_t>(number);
}

/// A type of metadata: its numbers in the file are the places in the table below.
struct ValueType {
    std::size_t bytes;                    ///< 0: a text or a list
    GgufValue (*read)(const std::byte*);  ///< null for those
};

constexpr std::array value_types = {
    ValueType{1, number_from<std::uint8_t>},
    ValueType{1, number_from<std::int8_t>},
    ValueType{2, number_from<std::uint16_t>},
    ValueType{2, number_from<std::int16_t>},
    ValueType{4, number_from<std::uint32_t>},
    ValueType{4, number_from<std::int32_t>},
    ValueType{4, number_from<float>},
    ValueType{1, [](const std::byte* byte) -> GgufValue { return *byte != std::byte{0}; }},
    ValueType{0, nullptr},
    ValueType{0, nullptr},
    ValueType{8, number_from<std::uint64_t>},
    ValueType{8, number_from<std::int64_t>},
    ValueType{8, number_from<double>}};

double as_double(const GgufValue& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
    if (const auto* number = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*number);
    if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
    return std::get<double>(value);
}

/// Takes the file's bytes one after another; a place that ends before it should is an error.
class Cursor {
  public:
    Cursor(std::span<const std::byte> bytes, std::string label) : bytes_(bytes), label_(std::move(label)) {}

    const std::string& label() const { return label_; }
    std::size_t place() const { return place_; }
    std::size_t left() const { return bytes_.size() - place_; }

    const std::byte* take(std::size_t count, const std::string& what) {
        require<FormatError>(count <= left(),
                             "{}: {} takes {} bytes, but {} are left: the file is truncated or damaged", label_, what,
                             count, left());
        place_ += count;
        return bytes_.data() + (place_ - count);
    }

    template <class T>
    T number(const std::string& what) {
        T value;
        std::memcpy(&value, take(sizeof value, what), sizeof value);
        return value;
    }

    /// So many things of at least `least_bytes` each are there, and no more than `most`.
    std::size_t count(const std::string& what, std::uint64_t most, std::size_t least_bytes) {
        const auto value = number<std::uint64_t>(what);
        require<FormatError>(value <= most && value <= left() / least_bytes,
                             "{}: {} is {}, but {} bytes are left and at most {} allowed: the file is damaged", label_,
                             what, value, left(), most);
        return static_cast<std::size_t>(value);
    }

    std::string_view text(const std::string& what, std::uint64_t most) {
        const std::size_t size = count("the length of " + what, most, 1);
        const std::byte* bytes = take(size, what);
        return {reinterpret_cast<const char*>(bytes), size};
    }

    std::string name(const std::string& what) {
        const std::string_view text = this->text(what, kMaxName);
        require<FormatError>(!text.empty() && is_utf8(text), "{}: {} is '{}', but must be UTF-8 and not empty", label_,
                             what, printable(text));
        return std::string(text);
    }

  private:
    std::span<const std::byte> bytes_;
    std::string label_;
    std::size_t place_ = 0;
};

constexpr std::size_t kLengthBytes = sizeof(std::uint64_t);

const ValueType& value_type(Cursor& cursor, std::uint32_t type, const std::string& what) {
    require<FormatError>(type < value_types.size(), "{}: {} has the type {}, but there are 0 to {}", cursor.label(),
                         what, type, value_types.size() - 1);
    return value_types[type];
}

GgufValue read_list(Cursor& cursor, const std::string& what) {
    const auto number = cursor.number<std::uint32_t>(what);
    require<FormatError>(number != kListType, "{}: {} is a list of lists, which is not supported", cursor.label(),
                         what);
    const ValueType& type = value_type(cursor, number, what);
    const std::string size = "the number of entries of " + what;
    if (type.read == nullptr) {
        std::vector<std::string_view> texts(cursor.count(size, kMaxEntries, kLengthBytes));
        for (std::string_view& text : texts) text = cursor.text(what, cursor.left());
        return texts;
    }
    std::vector<double> numbers(cursor.count(size, kMaxEntries, type.bytes));
    const std::byte* bytes = cursor.take(numbers.size() * type.bytes, what);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = as_double(type.read(bytes + i * type.bytes));
    return numbers;
}

GgufValue read_value(Cursor& cursor, const std::string& what) {
    const auto number = cursor.number<std::uint32_t>("the type of " + what);
    const ValueType& type = value_type(cursor, number, what);
    if (type.read != nullptr) return type.read(cursor.take(type.bytes, what));
    if (number == kListType) return read_list(cursor, what);
    return cursor.text(what, cursor.left());
}

/// An entry of the table of tensors, its offset not yet checked.
struct Entry {
    std::string name;
    GgufTensor tensor;
    std::uint64_t offset = 0;
};

/// Bytes of a tensor whose rows are whole blocks, or nothing when that is more than `most`.
std::optional<std::size_t> byte_count(const GgufTensor& tensor, std::size_t most) {
    std::size_t blocks = tensor.shape.back() / tensor.type->values;
    const std::size_t most_blocks = most / tensor.type->bytes;
    if (blocks > most_blocks) return std::nullopt;
    for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) {
        if (tensor.shape[i] > most_blocks / blocks) return std::nullopt;
        blocks *= tensor.shape[i];
    }
    return blocks * tensor.type->bytes;
}

Entry read_entry(Cursor& cursor, std::size_t file_bytes) {
    Entry entry{.name = cursor.name("a tensor's name"), .tensor = {}, .offset = 0};
    const std::string what = "tensor '" + printable(entry.name) + "'";
    const auto rank = cursor.number<std::uint32_t>(what);
    require<FormatError>(rank >= 1 && rank <= kMaxRank, "{}: {} has {} dimensions, but there can be 1 to {}",
                         cursor.label(), what, rank, kMaxRank);
    for (std::uint32_t i = 0; i < rank; ++i) {
        const auto size = cursor.number<std::uint64_t>(what);
        require<FormatError>(size >= 1, "{}: {} has a dimension of 0", cursor.label(), what);
        entry.tensor.shape.insert(entry.tensor.shape.begin(), size);  // the file's first is the innermost
    }
    const auto number = cursor.number<std::uint32_t>(what);
    const WeightType* type = find_weight_type(number);
    require<FormatError>(type != nullptr && type->decode != nullptr,
                         "{}: {} has the type {}, but only {} can be read: make the file anew in one of these "
                         "(llama-quantize --allow-requantize)",
                         cursor.label(), what, type == nullptr ? std::to_string(number) : type->name,
                         known_weight_types());
    entry.tensor.type = type;
    const std::size_t row = entry.tensor.shape.back();
    require<FormatError>(row % type->values == 0, "{}: {} has rows of {} values, but {} keeps {} in a block",
                         cursor.label(), what, row, type->name, type->values);
    const std::optional<std::size_t> bytes = byte_count(entry.tensor, file_bytes);
    require<FormatError>(bytes.has_value(),
                         "{}: {} of shape [{}] takes more than the file's {} bytes: the file is truncated or damaged",
                         cursor.label(), what, fmt::join(entry.tensor.shape, ", "), file_bytes);
    entry.tensor.bytes = *bytes;
    entry.offset = cursor.number<std::uint64_t>(what);
    return entry;
}

std::uint32_t read_version(Cursor& cursor) {
    const std::string_view magic(reinterpret_cast<const char*>(cursor.take(4, "the format's name")), 4);
    require<FormatError>(magic == "GGUF", "{}: this is no GGUF file: it begins with '{}'", cursor.label(),
                         printable(magic));
    const auto version = cursor.number<std::uint32_t>("the version");
    require<FormatError>(version < 0x10000, "{}: the file is big-endian: convert it on this machine", cursor.label());
    require<FormatError>(version == 2 || version == 3,
                         "{}: version {} of GGUF cannot be read, 2 and 3 can: convert the model anew", cursor.label(),
                         version);
    return version;
}

}  // namespace

GgufHeader parse_gguf(std::span<const std::byte> bytes, const std::string& label) {
    Cursor cursor(bytes, label);
    read_version(cursor);
    constexpr std::size_t kLeastTensor = kLengthBytes + 1 + 4 + 8 + 4 + 8;
    constexpr std::size_t kLeastPair = kLengthBytes + 1 + 4 + 1;
    const std::size_t tensors = cursor.count("the number of tensors", kMaxTensors, kLeastTensor);
    const std::size_t pairs = cursor.count("the number of metadata", kMaxKeys, kLeastPair);
    GgufHeader header{.metadata = GgufMetadata(label), .tensors = {}};
    for (std::size_t i = 0; i < pairs; ++i) {
        const std::string key = cursor.name("a key");
        header.metadata.add(key, read_value(cursor, "'" + printable(key) + "'"));
    }
    const std::size_t alignment = header.metadata.count("general.alignment", 1, kMaxAlignment, 32);
    require<FormatError>(std::has_single_bit(alignment), "{}: 'general.alignment' is {}, but must be a power of two",
                         label, alignment);

    std::vector<Entry> entries;
    for (std::size_t i = 0; i < tensors; ++i) entries.push_back(read_entry(cursor, bytes.size()));
    const auto aligned = [&](std::size_t place) { return (place + alignment - 1) / alignment * alignment; };
    const std::size_t data = aligned(cursor.place());
    std::size_t expected = 0;
    for (Entry& entry : entries) {
        require<FormatError>(entry.offset == expected,
                             "{}: tensor '{}' begins at byte {} of the data, but the one before it ends at {}: tensors "
                             "may neither overlap nor leave holes",
                             label, printable(entry.name), entry.offset, expected);
        entry.tensor.begin = data + expected;
        const std::size_t end = entry.tensor.begin + entry.tensor.bytes;
        require<FormatError>(end <= bytes.size(),
                             "{}: tensor '{}' ends at byte {}, but the file has {}: it is truncated", label,
                             printable(entry.name), end, bytes.size());
        expected = aligned(expected + entry.tensor.bytes);
        require<FormatError>(header.tensors.emplace(entry.name, std::move(entry.tensor)).second,
                             "{}: tensor '{}' is there twice", label, printable(entry.name));
    }
    return header;
}

}  // namespace polyformer::model
