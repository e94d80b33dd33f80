// GGUF files made by hand, for what no converter writes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace polyformer::model {

/// Numbers of the format's types of metadata.
enum GgufType : std::uint32_t {
    kGgufInt8 = 1,
    kGgufUint32 = 4,
    kGgufInt32 = 5,
    kGgufFloat32 = 6,
    kGgufBool = 7,
    kGgufText = 8,
    kGgufList = 9,
};

/// Bytes one after another.
class GgufBytes {
  public:
    template <class T>
    GgufBytes& number(T value) {
        static_assert(std::is_arithmetic_v<T>);
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    GgufBytes& text(std::string_view text) {
        number(std::uint64_t{text.size()});
        bytes_.append(text);
        return *this;
    }
    /// Version 3.
    GgufBytes& start(std::uint64_t tensors, std::uint64_t pairs) {
        bytes_ += "GGUF";
        return number(std::uint32_t{3}).number(tensors).number(pairs);
    }
    GgufBytes& pair(std::string_view key, std::string_view value) {
        return text(key).number(std::uint32_t{kGgufText}).text(value);
    }
    GgufBytes& pair(std::string_view key, const char* value) { return pair(key, std::string_view(value)); }
    GgufBytes& pair(std::string_view key, std::uint32_t value) {
        return text(key).number(std::uint32_t{kGgufUint32}).number(value);
    }
    GgufBytes& pair(std::string_view key, float value) {
        return text(key).number(std::uint32_t{kGgufFloat32}).number(value);
    }
    GgufBytes& pair(std::string_view key, bool value) {
        return text(key).number(std::uint32_t{kGgufBool}).number(static_cast<std::uint8_t>(value));
    }
    GgufBytes& pair(std::string_view key, const std::vector<std::string>& values) {
        text(key).number(std::uint32_t{kGgufList}).number(std::uint32_t{kGgufText});
        number(std::uint64_t{values.size()});
        for (const std::string& value : values) text(value);
        return *this;
    }
    GgufBytes& pair(std::string_view key, const std::vector<float>& values) {
        text(key).number(std::uint32_t{kGgufList}).number(std::uint32_t{kGgufFloat32});
        number(std::uint64_t{values.size()});
        for (const float value : values) number(value);
        return *this;
    }
    /// Sizes from the innermost on, as the file has them.
    GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& sizes, std::uint32_t type,
                      std::uint64_t offset) {
        text(name).number(static_cast<std::uint32_t>(sizes.size()));
        for (const std::uint64_t size : sizes) number(size);
        return number(type).number(offset);
    }
    /// Zeros up to a multiple of 32, then `data`.
    GgufBytes& data(std::string_view data) {
        bytes_.resize((bytes_.size() + 31) / 32 * 32);
        bytes_.append(data);
        return *this;
    }

    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

}  // namespace polyformer::model
