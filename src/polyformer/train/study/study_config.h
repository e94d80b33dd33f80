// A study: variants of one configuration, trained and measured side by side.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// One row of the tables.
struct Variant {
    std::string name;
    std::string title;
    nlohmann::ordered_json settings;  ///< what it changes in the base configuration: a merge patch (RFC 7386)
    Config config;                    ///< the base with these changes
    std::vector<std::uint64_t> seeds;
    std::string last_stage;            ///< "train", "tune", "substitute" or "convert": nothing is run after it
    bool measure_test = false;         ///< each stage on the whole test text
    bool measure_interpreter = false;  ///< the last stage once more, by the exact interpreter of model/
    bool measure_stability = false;    ///< the stages with polynomials on input unlike the training text
};

/// A table of the report: variants in its rows, stages in its columns.
struct StudyTable {
    std::string name;
    std::string title;
    std::string note;
    std::string baseline;  ///< a variant that the others are compared with; empty: none
    std::vector<std::string> variants;
    std::vector<std::string> columns;  ///< stages
};

/// A study as its file describes it.
struct StudyConfig {
    std::string title;
    std::string description;
    std::vector<Variant> variants;
    std::vector<StudyTable> tables;
};

/// Reads a study: {"title", "description", "base" (a configuration, or the path of one beside this file), "seeds",
/// "measure": {"test", "interpreter", "stability"}, "variants": [{"name", "title", "set", "seeds", "last_stage",
/// "measure"}], "tables": [{"name", "title", "note", "baseline", "variants", "columns"}]}. Every variant's
/// configuration is checked; all are of language models or all of image models. Throws FormatError naming the file, the
/// place, the value and what is allowed.
StudyConfig load_study(const std::filesystem::path& file);

}  // namespace polyformer::train
