// Labelled images as pixels of one size in a file, so that the trainer decodes none and resizes none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "polyformer/support/system/atomic_file.h"

namespace polyformer::train {

/// Images of one size with their labels, in memory or mapped from a file.
struct PreparedImages {
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<std::string> classes;       ///< names; every label is an index into them
    std::string source_digest;              ///< of the image set, 64 hexadecimal digits
    std::span<const std::uint16_t> labels;  ///< (N)
    std::span<const std::uint8_t> pixels;   ///< (N, 3, height, width): planes of red, green and blue
    std::shared_ptr<const void> owner;      ///< keeps both alive; empty where another owns them

    std::size_t size() const { return labels.size(); }
    std::size_t image_bytes() const { return 3 * height * width; }
};

/// Writes prepared images whose pixels come some at a time: they need never be in memory as a whole.
class PreparedImagesWriter {
  public:
    /// `about` gives all but `pixels` and `owner`. Throws IoError; Error when it could not be read again: sizes or
    /// classes out of range, labels that are no classes.
    PreparedImagesWriter(const PreparedImages& about, const std::filesystem::path& file);

    /// Appends the pixels of whole images. Throws IoError.
    void write(std::span<const std::uint8_t> pixels);
    /// Puts the file in its place, atomically; without this it never appears. Throws IoError; Error when there are more
    /// or fewer images than labels.
    void commit();

  private:
    AtomicFile out_;
    std::uint64_t missing_;  // bytes
};

/// Writes them atomically. Throws as the writer does.
void save_images(const PreparedImages& images, const std::filesystem::path& file);

/// Maps the file; its pixels are read as they are used. Throws IoError, or FormatError naming the file and what is
/// wrong with it.
PreparedImages load_images(const std::filesystem::path& file);

/// Makes train.images, valid.images and so on in `work`, one for each of source_digests(), each unless it is there
/// already and made from these images in this size. Throws as model::open_image_set() does; FormatError naming an image
/// that cannot be read; Interrupted.
void prepare_images(const std::filesystem::path& data, const nlohmann::ordered_json& digests,
                    const std::filesystem::path& work, std::size_t height, std::size_t width, bool quiet);

}  // namespace polyformer::train
