// JSON from a file that nobody vouches for: every field checked for presence, type and range, none unknown, none twice.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer::model {

/// Throws FormatError, naming `label`, for a syntax error, a key given twice, or nesting deeper than 64.
nlohmann::json parse_json(std::string_view text, const std::string& label);
/// The same, keys in the order of the text.
nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& label);

/// The fields of one object; `place` says in messages where it stands. Refers to `object`.
class Fields {
  public:
    /// Throws FormatError when `object` is not one; so do all below when the field is missing or of another kind.
    Fields(const nlohmann::json& object, std::string place);

    std::string text(const char* key);
    double number(const char* key);
    bool boolean(const char* key);
    /// A whole number from 0 to `most`.
    std::size_t count(const char* key, std::size_t most);
    /// At most `most_entries` whole numbers.
    std::vector<std::size_t> counts(const char* key, std::size_t most_entries);
    std::vector<double> numbers(const char* key, std::size_t most_entries);
    const nlohmann::json& array(const char* key, std::size_t most_entries);
    /// To be taken apart by another Fields.
    const nlohmann::json& object(const char* key) { return field(key); }
    /// Throws FormatError when the object has a field that was not asked for.
    void finish() const;

    const std::string& place() const { return place_; }

  private:
    const nlohmann::json& field(const char* key);

    const nlohmann::json& object_;
    std::string place_;
    std::set<std::string> known_;
};

}  // namespace polyformer::model
