#include "polyformer/model/gguf/gguf_metadata.h"

#include <cmath>
#include <optional>

#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

/// For messages, shortened.
std::string described(const GgufValue& value) {
    constexpr std::size_t kShown = 40;
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* number = std::get_if<std::uint64_t>(&value)) return std::to_string(*number);
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return "'" + printable(text->substr(0, kShown)) + "'";
    }
    if (const auto* list = std::get_if<std::vector<double>>(&value)) return fmt::format("{} numbers", list->size());
    return fmt::format("{} texts", std::get<std::vector<std::string_view>>(value).size());
}

std::optional<std::uint64_t> whole_number(const GgufValue& value) {
    if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number;
    const auto* number = std::get_if<std::int64_t>(&value);
    return number != nullptr && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

}  // namespace

void GgufMetadata::add(const std::string& key, GgufValue value) {
    require<FormatError>(values_.emplace(key, std::move(value)).second, "{}: the key '{}' is there twice", label_,
                         printable(key));
}

template <class T>
const T& GgufMetadata::value(const std::string& key, const char* kind) const {
    const auto found = values_.find(key);
    require<FormatError>(found != values_.end(), "{}: the key '{}' is missing: convert the model anew", label_, key);
    const T* value = std::get_if<T>(&found->second);
    require<FormatError>(value != nullptr, "{}: '{}' is {}, but must be {}", label_, key, described(found->second),
                         kind);
    return *value;
}

std::size_t GgufMetadata::count(const std::string& key, std::size_t least, std::size_t most) const {
    const auto found = values_.find(key);
    require<FormatError>(found != values_.end(), "{}: the key '{}' is missing: convert the model anew", label_, key);
    const std::optional<std::uint64_t> number = whole_number(found->second);
    require<FormatError>(number && *number >= least && *number <= most,
                         "{}: '{}' is {}, but must be a whole number from {} to {}", label_, key,
                         described(found->second), least, most);
    return static_cast<std::size_t>(*number);
}

std::string_view GgufMetadata::text(const std::string& key) const {
    return value<std::string_view>(key, "a text");
}

const std::vector<std::string_view>& GgufMetadata::texts(const std::string& key) const {
    return value<std::vector<std::string_view>>(key, "a list of texts");
}

const std::vector<double>& GgufMetadata::numbers(const std::string& key) const {
    return value<std::vector<double>>(key, "a list of numbers");
}

std::size_t GgufMetadata::count(const std::string& key, std::size_t least, std::size_t most,
                                std::size_t otherwise) const {
    return contains(key) ? count(key, least, most) : otherwise;
}

double GgufMetadata::number(const std::string& key, double least, double most, double otherwise) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return otherwise;
    double number = NAN;
    if (const auto* value = std::get_if<double>(&found->second)) number = *value;
    if (const auto* value = std::get_if<std::uint64_t>(&found->second)) number = static_cast<double>(*value);
    if (const auto* value = std::get_if<std::int64_t>(&found->second)) number = static_cast<double>(*value);
    require<FormatError>(number >= least && number <= most, "{}: '{}' is {}, but must be a number from {} to {}",
                         label_, key, described(found->second), least, most);
    return number;
}

bool GgufMetadata::flag(const std::string& key, bool otherwise) const {
    return contains(key) ? value<bool>(key, "true or false") : otherwise;
}

std::string_view GgufMetadata::text(const std::string& key, std::string_view otherwise) const {
    return contains(key) ? text(key) : otherwise;
}

}  // namespace polyformer::model
