#include "polyformer/train/report/study_document.h"

#include <cmath>
#include <cstdlib>
#include <set>

#include "polyformer/support/error.h"

namespace polyformer::train {
namespace {

using nlohmann::ordered_json;

// A value for messages, cut to one line: the file may be hostile.
std::string shown(const ordered_json& value) {
    std::string text = value.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
}

void check_named(const ordered_json& object, const char* key, const std::string& place) {
    require<FormatError>(object.is_object(), "study: {} is {}, not an object", place, shown(object));
    const auto found = object.find(key);
    require<FormatError>(found != object.end() && found->is_string(), "study: {} has no text as its \"{}\" but {}",
                         place, key, found == object.end() ? "nothing" : shown(*found));
}

void check_array(const ordered_json& object, const char* key, const std::string& place) {
    const auto found = object.find(key);
    require<FormatError>(found == object.end() || found->is_array(), "study: \"{}\" of {} is {}, not an array", key,
                         place, found == object.end() ? "" : shown(*found));
}

void check_names(const ordered_json& object, const char* key, const std::string& place) {
    check_array(object, key, place);
    for (const ordered_json& name : entries(object, key)) {
        require<FormatError>(name.is_string(), "study: \"{}\" of {} has {} among its names", key, place, shown(name));
    }
}

void check_runs(const ordered_json& variant, const std::string& place) {
    check_array(variant, "runs", place);
    std::size_t r = 0;
    for (const ordered_json& run : entries(variant, "runs")) {
        const std::string run_place = fmt::format("run {} of {}", r++, place);
        check_named(run, "status", run_place);
        check_array(run, "stages", run_place);
        std::size_t s = 0;
        for (const ordered_json& stage : entries(run, "stages")) {
            check_named(stage, "name", fmt::format("stage {} of {}", s++, run_place));
        }
    }
}

}  // namespace

const ordered_json& entries(const ordered_json& object, const char* key) {
    static const ordered_json none = ordered_json::array();
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

std::optional<double> finite_number(const ordered_json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number()) return std::nullopt;
    const double value = found->get<double>();
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string text_of(const ordered_json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void check_study(const ordered_json& study) {
    check_named(study, "format", "the document");
    require<FormatError>(study["format"] == "polyformer-study",
                         "study: the format is {}, not \"polyformer-study\": not a file of polyformer study",
                         shown(study["format"]));
    const auto version = study.find("version");
    require<FormatError>(version != study.end() && *version == 1,
                         "study: version {} of the format is not known here, only 1: use the program that wrote it",
                         version == study.end() ? "(none)" : shown(*version));
    const auto measure = study.find("measure");
    require<FormatError>(measure == study.end() || *measure == perplexity_measure || *measure == accuracy_measure,
                         "study: the measure is {}, but only \"{}\" and \"{}\" are known here",
                         measure == study.end() ? "" : shown(*measure), perplexity_measure, accuracy_measure);
    check_array(study, "variants", "the study");
    std::set<std::string> names;
    std::size_t v = 0;
    for (const ordered_json& variant : entries(study, "variants")) {
        const std::string place = fmt::format("variant {}", v++);
        check_named(variant, "name", place);
        require<FormatError>(names.insert(variant["name"].get<std::string>()).second,
                             "study: two variants have the name {}", shown(variant["name"]));
        check_runs(variant, fmt::format("{} ({})", place, shown(variant["name"])));
    }
    check_array(study, "tables", "the study");
    std::size_t t = 0;
    for (const ordered_json& table : entries(study, "tables")) {
        const std::string place = fmt::format("table {}", t++);
        check_named(table, "name", place);
        check_names(table, "variants", place);
        check_names(table, "columns", place);
    }
}

void round_numbers(nlohmann::ordered_json& value, int digits) {
    if (value.is_number_float()) {
        const double number = value.get<double>();
        // strtod, since stod throws for numbers as small or large as a double can be.
        if (std::isfinite(number)) value = std::strtod(fmt::format("{:.{}g}", number, digits).c_str(), nullptr);
        if (!std::isfinite(value.get<double>())) value = nullptr;
    } else if (value.is_structured()) {
        for (nlohmann::ordered_json& inner : value) round_numbers(inner, digits);
    }
}

}  // namespace polyformer::train
