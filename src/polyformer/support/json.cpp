#include "polyformer/support/json.h"

#include <algorithm>
#include <cmath>

#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer {

namespace {

constexpr int kMaxDepth = 64;

/// Refuses repeated keys, which JSON readers otherwise settle each in its own way.
template <class Json>
class DuplicateKeys {
  public:
    explicit DuplicateKeys(const std::string& label) : label_(label) {}

    bool operator()(int depth, typename Json::parse_event_t event, const Json& parsed) {
        require<FormatError>(depth <= kMaxDepth, "{}: the JSON is nested deeper than {}", label_, kMaxDepth);
        if (event == Json::parse_event_t::object_start) objects_.emplace_back();
        if (event == Json::parse_event_t::object_end) objects_.pop_back();
        if (event == Json::parse_event_t::key) {
            const auto& key = parsed.template get_ref<const std::string&>();
            require<FormatError>(objects_.back().insert(key).second, "{}: the key '{}' is given twice", label_, key);
        }
        return true;
    }

  private:
    const std::string& label_;
    std::vector<std::set<std::string>> objects_;
};

// Any exception of the library: a number that no double holds is not one of its parse errors.
template <class Json>
Json parse(std::string_view text, const std::string& label, bool with_comments = false) {
    constexpr bool throws = true;
    try {
        return Json::parse(text.begin(), text.end(), DuplicateKeys<Json>(label), throws, with_comments);
    } catch (const typename Json::exception& error) {
        std::string_view reason = error.what();  // "[json.exception.parse_error.101] parse error at line 1, ..."
        reason.remove_prefix(reason.starts_with('[') ? std::min(reason.find("] ") + 2, reason.size()) : 0);
        fail<FormatError>("{}: not valid JSON ({}); the file is damaged or not what it should be", label, reason);
    }
}

/// The same document with every string in UTF-8.
template <class Json>
Json with_valid_strings(const Json& value) {
    if (value.is_string()) return valid_utf8(value.template get_ref<const std::string&>());
    if (!value.is_structured()) return value;
    Json result = value.is_array() ? Json::array() : Json::object();
    for (const auto& [key, entry] : value.items()) {
        if (value.is_array()) {
            result.push_back(with_valid_strings(entry));
        } else {
            result[valid_utf8(key)] = with_valid_strings(entry);
        }
    }
    return result;
}

template <class Json>
std::string text_of(const Json& document, int indent) {
    try {
        return document.dump(indent);
    } catch (const typename Json::type_error&) {  // a string that is not UTF-8: rare, so that nothing is copied before
        return with_valid_strings(document).dump(indent);
    }
}

/// For messages: a number or a short text in full, of anything larger only what it is.
template <class Json>
std::string shown(const Json& value) {
    constexpr std::size_t kMost = 100;
    if (value.is_structured()) return value.type_name();
    const std::string text = text_of(value, -1);
    return text.size() <= kMost ? text : value.type_name();
}

// The value of one field, with its key and place for messages.
template <class Json>
class Value {
  public:
    Value(const Json& value, const std::string& place, const char* key) : value_(value), place_(place), key_(key) {}

    std::string text() const {
        must(value_.is_string(), "be a string");
        return value_.template get<std::string>();
    }
    double number() const {
        must(value_.is_number(), "be a number");
        return value_.template get<double>();
    }
    double number(double least, double most) const {
        const double number = this->number();
        must(std::isfinite(number) && number >= least && number <= most, "be a number from {} to {}", least, most);
        return number;
    }
    bool boolean() const {
        must(value_.is_boolean(), "be true or false");
        return value_.template get<bool>();
    }
    std::size_t count(std::size_t least, std::size_t most) const {
        const bool whole = value_.is_number_unsigned();
        must(whole && value_.template get<std::size_t>() >= least && value_.template get<std::size_t>() <= most,
             "be a whole number from {} to {}", least, most);
        return value_.template get<std::size_t>();
    }
    std::string choice(std::span<const char* const> allowed) const {
        const auto found = std::ranges::find_if(allowed, [&](const char* name) { return value_ == name; });
        must(found != allowed.end(), "be one of {}", fmt::join(allowed, ", "));
        return *found;
    }
    const Json& array(std::size_t most_entries) const {
        must(value_.is_array(), "be an array");
        require<FormatError>(value_.size() <= most_entries, "{}: '{}' has {} entries, more than the {} allowed", place_,
                             key_, value_.size(), most_entries);
        return value_;
    }
    /// `wanted` with its arguments completes "must ...".
    template <class... Args>
    void must(bool condition, fmt::format_string<Args...> wanted, Args&&... args) const {
        if (condition) return;
        fail<FormatError>("{}: '{}' must {}, found {}", place_, key_, fmt::format(wanted, std::forward<Args>(args)...),
                          shown(value_));
    }

  private:
    const Json& value_;
    const std::string& place_;
    const char* key_;
};

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& label) {
    return parse<nlohmann::json>(text, label);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& label) {
    return parse<nlohmann::ordered_json>(text, label);
}

nlohmann::ordered_json parse_configuration(std::string_view text, const std::string& label) {
    return parse<nlohmann::ordered_json>(text, label, true);
}

std::string to_text(const nlohmann::json& document, int indent) {
    return text_of(document, indent);
}

std::string to_text(const nlohmann::ordered_json& document, int indent) {
    return text_of(document, indent);
}

template <class Json>
JsonFields<Json>::JsonFields(const Json& object, std::string place) : object_(object), place_(std::move(place)) {
    require<FormatError>(object.is_object(), "{}: must be an object, found {}", place_, object.type_name());
}

template <class Json>
const Json* JsonFields<Json>::find(const char* key) {
    known_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
}

template <class Json>
const Json& JsonFields<Json>::field(const char* key) {
    const Json* found = find(key);
    require<FormatError>(found != nullptr, "{}: the field '{}' is missing", place_, key);
    return *found;
}

template <class Json>
std::string JsonFields<Json>::text(const char* key) {
    return Value<Json>(field(key), place_, key).text();
}

template <class Json>
double JsonFields<Json>::number(const char* key) {
    return Value<Json>(field(key), place_, key).number();
}

template <class Json>
bool JsonFields<Json>::boolean(const char* key) {
    return Value<Json>(field(key), place_, key).boolean();
}

template <class Json>
std::size_t JsonFields<Json>::count(const char* key, std::size_t most) {
    return Value<Json>(field(key), place_, key).count(0, most);
}

template <class Json>
std::vector<std::size_t> JsonFields<Json>::counts(const char* key, std::size_t most_entries) {
    std::vector<std::size_t> result;
    for (const Json& entry : array(key, most_entries)) {
        Value<Json>(entry, place_, key).must(entry.is_number_unsigned(), "hold whole numbers");
        result.push_back(entry.template get<std::size_t>());
    }
    return result;
}

template <class Json>
std::vector<double> JsonFields<Json>::numbers(const char* key, std::size_t most_entries) {
    std::vector<double> result;
    for (const Json& entry : array(key, most_entries)) {
        Value<Json>(entry, place_, key).must(entry.is_number(), "hold numbers");
        result.push_back(entry.template get<double>());
    }
    return result;
}

template <class Json>
const Json& JsonFields<Json>::array(const char* key, std::size_t most_entries) {
    return Value<Json>(field(key), place_, key).array(most_entries);
}

template <class Json>
void JsonFields<Json>::read(const char* key, double& value, double least, double most) {
    if (const Json* found = find(key)) value = Value<Json>(*found, place_, key).number(least, most);
}

template <class Json>
void JsonFields<Json>::read(const char* key, std::size_t& value, std::size_t least, std::size_t most) {
    if (const Json* found = find(key)) value = Value<Json>(*found, place_, key).count(least, most);
}

template <class Json>
void JsonFields<Json>::read(const char* key, bool& value) {
    if (const Json* found = find(key)) value = Value<Json>(*found, place_, key).boolean();
}

template <class Json>
void JsonFields<Json>::read(const char* key, std::string& value) {
    if (const Json* found = find(key)) value = Value<Json>(*found, place_, key).text();
}

template <class Json>
void JsonFields<Json>::choose(const char* key, std::string& value, std::span<const char* const> allowed) {
    if (const Json* found = find(key)) value = Value<Json>(*found, place_, key).choice(allowed);
}

template <class Json>
void JsonFields<Json>::finish() const {
    for (const auto& [key, value] : object_.items()) {
        require<FormatError>(
            known_.contains(key),
            "{}: unknown key '{}' (known here: {}); is it misspelt, or was the file written by a newer "
            "version, or changed by hand?",
            place_, key, fmt::join(known_, ", "));
    }
}

template class JsonFields<nlohmann::json>;
template class JsonFields<nlohmann::ordered_json>;

}  // namespace polyformer
