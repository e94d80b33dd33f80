#include "polyformer/model/graph/json_fields.h"

#include "polyformer/support/error.h"

namespace polyformer::model {

using nlohmann::json;

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

// Any exception of the library: a number that no double holds is none of its parse errors.
template <class Json>
Json parse(std::string_view text, const std::string& label) {
    try {
        return Json::parse(text.begin(), text.end(), DuplicateKeys<Json>(label));
    } catch (const typename Json::exception& error) {
        fail<FormatError>("{}: not valid JSON ({}); the file is damaged or not what it should be", label, error.what());
    }
}

}  // namespace

json parse_json(std::string_view text, const std::string& label) {
    return parse<json>(text, label);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& label) {
    return parse<nlohmann::ordered_json>(text, label);
}

Fields::Fields(const json& object, std::string place) : object_(object), place_(std::move(place)) {
    require<FormatError>(object.is_object(), "{}: must be an object, found {}", place_, object.type_name());
}

const json& Fields::field(const char* key) {
    known_.insert(key);
    const auto found = object_.find(key);
    require<FormatError>(found != object_.end(), "{}: the field '{}' is missing", place_, key);
    return *found;
}

std::string Fields::text(const char* key) {
    const json& value = field(key);
    require<FormatError>(value.is_string(), "{}: '{}' must be a string, found {}", place_, key, value.type_name());
    return value.get<std::string>();
}

double Fields::number(const char* key) {
    const json& value = field(key);
    require<FormatError>(value.is_number(), "{}: '{}' must be a number, found {}", place_, key, value.type_name());
    return value.get<double>();
}

bool Fields::boolean(const char* key) {
    const json& value = field(key);
    require<FormatError>(value.is_boolean(), "{}: '{}' must be true or false, found {}", place_, key,
                         value.type_name());
    return value.get<bool>();
}

std::size_t Fields::count(const char* key, std::size_t most) {
    const json& value = field(key);
    require<FormatError>(value.is_number_unsigned() && value.get<std::size_t>() <= most,
                         "{}: '{}' must be a whole number from 0 to {}, found {}", place_, key, most, value.dump());
    return value.get<std::size_t>();
}

std::vector<std::size_t> Fields::counts(const char* key, std::size_t most_entries) {
    std::vector<std::size_t> result;
    for (const json& value : array(key, most_entries)) {
        require<FormatError>(value.is_number_unsigned(), "{}: '{}' must hold whole numbers, found {}", place_, key,
                             value.dump());
        result.push_back(value.get<std::size_t>());
    }
    return result;
}

std::vector<double> Fields::numbers(const char* key, std::size_t most_entries) {
    std::vector<double> result;
    for (const json& value : array(key, most_entries)) {
        require<FormatError>(value.is_number(), "{}: '{}' must hold numbers, found {}", place_, key, value.dump());
        result.push_back(value.get<double>());
    }
    return result;
}

const json& Fields::array(const char* key, std::size_t most_entries) {
    const json& value = field(key);
    require<FormatError>(value.is_array(), "{}: '{}' must be an array, found {}", place_, key, value.type_name());
    require<FormatError>(value.size() <= most_entries, "{}: '{}' has {} entries, more than the {} allowed", place_, key,
                         value.size(), most_entries);
    return value;
}

void Fields::finish() const {
    for (const auto& [key, value] : object_.items()) {
        require<FormatError>(known_.contains(key),
                             "{}: the field '{}' is not known here; was the file written by a newer "
                             "version, or changed by hand?",
                             place_, key);
    }
}

}  // namespace polyformer::model
