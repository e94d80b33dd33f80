// A pretrained checkpoint becomes a model's folder: read, measured on text or images, its functions replaced by
// polynomials.
//
//     importing::ImportOptions options;
//     options.checkpoint = "all-MiniLM-L6-v2";
//     options.out = "minilm";
//     options.calibrate = {"lines.txt"};
//     options.context = 64;
//     const importing::Imported imported = importing::import_checkpoint(options);  // imported.report says what it cost
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/substitution/steps/options.h"

namespace polyformer::importing {

/// What to import, and how.
struct ImportOptions {
    std::filesystem::path checkpoint;    ///< a Hugging Face folder or a GGUF file
    std::filesystem::path out;           ///< the model's folder
    std::vector<std::string> calibrate;  ///< files with a text in each line; of a model of images one folder of them
    std::size_t context = 0;             ///< most tokens of a text; not asked of a model of images
    std::size_t texts = 1000;            ///< or images, to measure
    substitution::SubstitutionOptions substitution;
    double loss = 0;              ///< what the mean loss may be; 0: the default of the output's kind
    std::string prefix = "auto";  ///< public tokens before every text: ids between commas, "none" or "auto"
    std::function<void(const std::string&)> note = [](const std::string&) {};     ///< told what was decided
    std::function<void(const std::string&)> warning = [](const std::string&) {};  ///< told what may go wrong
};

/// What came of it.
struct Imported {
    nlohmann::ordered_json report;  ///< as substitution/import_report.h has it, with "model" and, or not, "prefix"
    std::string licence;            ///< of the checkpoint; or empty

    /// What to do about a loss above the one asked for; empty when it was reached.
    std::string shortfall;
};

/// Writes the folder with its reports, or leaves it as it was. Throws Error for options that do not fit the checkpoint,
/// and whatever reading, measuring and replacing throw.
Imported import_checkpoint(const ImportOptions& options);

}  // namespace polyformer::importing
