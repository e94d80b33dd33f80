// preprocessor_config.json of a Hugging Face folder: how an image becomes what the model takes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/model/families/vision/vision_family.h"
#include "polyformer/model/images/image_input.h"

namespace polyformer::model {

/// Without classes; of the size that the folder says, or the model's where it does not. `notes` gets what is done in
/// another way than `transformers` does it, and what was decided where the folder does not say. Throws FormatError
/// naming the field for images that are not square and for colours that are scaled otherwise than to [0, 1].
ImageInput read_image_preprocessing(const std::filesystem::path& folder, const VisionShape& shape,
                                    std::vector<std::string>& notes);

}  // namespace polyformer::model
