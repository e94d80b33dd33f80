// What tells one folder of texts or images from another, for caches of what is made of them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// All that decides what prepare() makes of the folder `data`, in 64 hexadecimal digits a split: {"train", "valid"}
/// and, where there is one, {"test"}. Of texts it is their bytes; of images names, labels and bytes of their files.
/// Reads all of them. Throws as model::corpus_file() and model::open_image_set() do.
nlohmann::ordered_json source_digests(const std::filesystem::path& data, const Config& config);

}  // namespace polyformer::train
