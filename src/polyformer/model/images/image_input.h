// How an image becomes what a graph takes: the client's part of an image model, as the embedding is of a language
// model.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/pixels/image.h"

namespace polyformer::model {

/// Normalisation, patches and the order of tokens; and what the classes are called.
struct ImageInput {
    std::size_t height = 32;  ///< of the images that the model was trained on; others are resized
    std::size_t width = 32;
    std::size_t patch = 4;                         ///< pixels from one patch to the next, in both directions
    std::size_t kernel = 4;                        ///< side of the square that each patch covers, patch + 2·margin
    std::array<double, 3> mean = {0.5, 0.5, 0.5};  ///< of red, green and blue in [0, 1]
    std::array<double, 3> deviation = {0.25, 0.25, 0.25};
    /// Sides of square blocks of patches that are consecutive tokens, ascending, each a divisor of the next: what
    /// windows and merges need. Empty: row by row.
    std::vector<std::size_t> blocks;
    std::vector<std::string> classes;  ///< names, in the order of the logits
    /// Rows of zeros before the patches, where the graph puts tokens of its own: one for the class.
    std::size_t extra_tokens = 0;

    std::size_t rows() const { return height / patch; }  ///< of the grid of patches
    std::size_t columns() const { return width / patch; }
    std::size_t tokens() const { return extra_tokens + rows() * columns(); }
    std::size_t features() const { return 3 * kernel * kernel; }

    /// The image resized, normalised and cut: (T, features), feature (channel·kernel + y)·kernel + x; 0 beyond the
    /// image's border.
    Tensor patches(const Image& image) const;
    /// The same of a normalised image in planes, (3, height, width). Throws Error for another number of values.
    Tensor patches(std::span<const float> planes) const;
};

/// Throws Error naming the value that is out of range or does not fit the others.
void validate(const ImageInput& input);

/// place[token] = row · columns + column of a rows × columns grid, in blocks as ImageInput has them: the outermost
/// blocks row by row, those within them row by row, and so on down to single patches. Throws Error when blocks do not
/// divide each other or the grid.
std::vector<std::size_t> token_order(std::size_t rows, std::size_t columns, const std::vector<std::size_t>& blocks);

/// image.json in a model's folder.
inline constexpr const char* image_input_file = "image.json";
void save_image_input(const ImageInput& input, const std::filesystem::path& directory);
/// Throws FormatError naming `label`, the key, what was expected and what was found.
ImageInput image_input_from_json(std::string_view text, const std::string& label);
/// The same from the file, which must be the folder's own (support/folders/manifest.h); `directory` must exist for
/// saving.
ImageInput load_image_input(const std::filesystem::path& directory);

}  // namespace polyformer::model
