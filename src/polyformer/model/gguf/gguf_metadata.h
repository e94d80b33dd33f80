// What a GGUF file says of its model: values under keys such as "llama.block_count".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace polyformer::model {

/// All of the format's types: integers by their sign, floats, and lists of numbers or of texts. Texts lie in the file.
using GgufValue = std::variant<bool, std::uint64_t, std::int64_t, double, std::string_view, std::vector<double>,
                               std::vector<std::string_view>>;

/// Values by key, each read with its type and its limits. All below throw FormatError naming file, key, what was found
/// and what is allowed. Refers to the file's bytes.
class GgufMetadata {
  public:
    explicit GgufMetadata(std::string label) : label_(std::move(label)) {}
    /// Throws FormatError for a key that is there already.
    void add(const std::string& key, GgufValue value);

    const std::string& label() const { return label_; }
    const std::map<std::string, GgufValue>& values() const { return values_; }
    bool contains(const std::string& key) const { return values_.contains(key); }

    // What must be there.

    /// A whole number.
    std::size_t count(const std::string& key, std::size_t least, std::size_t most) const;
    std::string_view text(const std::string& key) const;
    const std::vector<std::string_view>& texts(const std::string& key) const;
    const std::vector<double>& numbers(const std::string& key) const;

    // What may be left out.

    std::size_t count(const std::string& key, std::size_t least, std::size_t most, std::size_t otherwise) const;
    double number(const std::string& key, double least, double most, double otherwise) const;
    bool flag(const std::string& key, bool otherwise) const;
    std::string_view text(const std::string& key, std::string_view otherwise) const;

  private:
    template <class T>
    const T& value(const std::string& key, const char* kind) const;

    std::string label_;
    std::map<std::string, GgufValue> values_;
};

}  // namespace polyformer::model
