// Reads JSON from files that are not trusted: every field is checked for presence, type and range; unknown and repeated
// keys are errors.
//
//   const nlohmann::json document = parse_json(text, "plan.json");
//   Fields fields(document, "plan.json");
//   const std::size_t context = fields.count("context", 65536);
//   fields.finish();
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer {

/// Throws FormatError, naming `label`, for a syntax error, a key given twice, or nesting deeper than 64.
nlohmann::json parse_json(std::string_view text, const std::string& label);
/// The same, keys in the order of the text.
nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& label);
/// The same for configurations, which people write: with comments, // to the end of a line or between /* and */.
nlohmann::ordered_json parse_configuration(std::string_view text, const std::string& label);

/// The document as text, for files and machines; `indent` spaces a level, -1: all in one line. Never throws for
/// strings: what is not UTF-8 in them, keys and values, becomes what valid_utf8() makes of it (support/text.h).
std::string to_text(const nlohmann::json& document, int indent = -1);
std::string to_text(const nlohmann::ordered_json& document, int indent = -1);

/// The fields of one object. All below throw FormatError naming the place, the key, what was found and what is allowed.
/// Refers to the object.
template <class Json>
class JsonFields {
  public:
    /// `place` tells readers of messages where the object is. Throws FormatError when `object` is not an object.
    JsonFields(const Json& object, std::string place);

    // What must be there: a missing field is an error.

    std::string text(const char* key);
    double number(const char* key);
    bool boolean(const char* key);
    /// A whole number from 0 to `most`.
    std::size_t count(const char* key, std::size_t most);
    /// At most `most_entries` whole numbers.
    std::vector<std::size_t> counts(const char* key, std::size_t most_entries);
    std::vector<double> numbers(const char* key, std::size_t most_entries);
    const Json& array(const char* key, std::size_t most_entries);
    /// To be taken apart by another JsonFields.
    const Json& object(const char* key) { return field(key); }

    // What may be left out: `value` then stays as it is.

    void read(const char* key, double& value, double least, double most);
    void read(const char* key, std::size_t& value, std::size_t least, std::size_t most);
    void read(const char* key, bool& value);
    void read(const char* key, std::string& value);
    /// One of the names in `allowed`.
    void choose(const char* key, std::string& value, std::span<const char* const> allowed);
    /// Calls read_section(JsonFields&) on the object under `key`, and refuses what it did not ask for.
    template <class Read>
    void section(const char* key, const Read& read_section) {
        const Json* found = find(key);
        if (found == nullptr) return;
        JsonFields inner(*found, fmt::format("{}.{}", place_, key));
        read_section(inner);
        inner.finish();
    }
    /// The value of a key, or null: for parts with a form of their own.
    const Json* find(const char* key);

    /// Throws FormatError when the object has a field that was not asked for.
    void finish() const;

    const std::string& place() const { return place_; }

  private:
    const Json& field(const char* key);

    const Json& object_;
    std::string place_;
    std::set<std::string> known_;
};

extern template class JsonFields<nlohmann::json>;
extern template class JsonFields<nlohmann::ordered_json>;

/// Of files that our programs write for each other.
using Fields = JsonFields<nlohmann::json>;
/// Of configurations that people write.
using Settings = JsonFields<nlohmann::ordered_json>;

}  // namespace polyformer
