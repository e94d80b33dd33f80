// A checkpoint of images, imported.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/substitution/steps/options.h"

namespace polyformer::importing {

/// What to import, and what to measure it on.
struct ImageImport {
    std::filesystem::path folder;  ///< the checkpoint's
    std::filesystem::path out;     ///< the model's
    std::filesystem::path images;  ///< labelled or not: a folder that model::open_image_set() takes
    std::size_t count = 1000;      ///< images to measure, besides those held out
    substitution::SubstitutionOptions substitution;
    std::function<void(const std::string&)> note = [](const std::string&) {};  ///< told what was decided, for people
};

/// Whether the folder's config.json is of a model of images. Throws FormatError when it is damaged.
bool is_image_checkpoint(const std::filesystem::path& folder);

/// Writes the model's folder; the report as substitution::Substituted has it. Throws what model::read_vision(),
/// model::open_image_set() and substitution::substitute() do.
nlohmann::ordered_json import_images(const ImageImport& options);

}  // namespace polyformer::importing
