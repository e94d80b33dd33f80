// Finds the images of a folder, in each of the layouts that open_image_set() describes.
#pragma once

#include <filesystem>
#include <string>

#include "polyformer/model/images/image_set.h"

namespace polyformer::model {

/// How a folder holds its images; `none`: in no way that is known.
enum class ImageLayout { cifar, tiny_imagenet, own, none };

/// Known by what lies in the folder; what cannot be read is not there.
ImageLayout layout_of(const std::filesystem::path& directory);

/// The images of `split`, "train", "valid" or "test", at least one. Throws as open_image_set() does.
ImageSet read_image_set(const std::filesystem::path& directory, const std::string& split);

}  // namespace polyformer::model
