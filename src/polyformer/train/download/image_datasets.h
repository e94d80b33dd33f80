// The image sets that `polyformer data` fetches, and how they get into a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "polyformer/train/download/fetch_options.h"

namespace polyformer::train {

/// A set of labelled images, and how to tell that it is the one that was published.
struct ImageDataSet {
    std::string name;  ///< what the command line calls it
    std::string title;
    std::string license;
    std::string url;                       ///< of the archive
    std::string sha256;                    ///< of the archive, 64 hexadecimal digits
    std::uint64_t most_archive_bytes = 0;  ///< no archive of it is larger
    std::uint64_t most_file_bytes = 0;     ///< nor any of its files
    std::vector<std::string> files;        ///< what is taken, below the archive's folder; '*' is any part of a name
    std::size_t classes = 0;
    std::size_t train_a_class = 0;  ///< images, those that validate among them
    std::size_t test_a_class = 0;
    std::size_t side = 0;        ///< of each image, in pixels
    bool subsets_exist = false;  ///< fewer images of each class are accepted, and said to be so
};

/// All that are known.
std::span<const ImageDataSet> image_data_sets();

/// The one of that name; nullptr when there is none.
const ImageDataSet* find_image_data_set(const std::string& name);

/// What a split holds.
struct ImageCounts {
    std::string split;  ///< "train" (with what validates) or "test"
    std::size_t images = 0;
    std::size_t fewest = 0;  ///< of a class
    std::size_t most = 0;
    std::size_t published = 0;  ///< of each class
};

/// An image set that has been written, and how much of the published one it is.
struct FetchedImages {
    std::string source;  ///< a URL, a path, or "already there"
    std::size_t classes = 0;
    std::vector<ImageCounts> splits;
    bool is_published_archive = false;  ///< by its checksum
    bool is_subset = false;
};

/// Fills `options.out` with an image set, in the layout that model::open_image_set() reads: from the archive at its
/// official home, from a copy of that archive, packed in any way, or from a folder that holds it. All of it is checked
/// (classes, images of each class, every image readable and of its size) before the first file appears; nothing that is
/// there is replaced. Throws FormatError with expected and found when something is not what was published or an archive
/// is hostile, IoError when something is missing or cannot be fetched or written.
FetchedImages fetch_images(const ImageDataSet& data_set, const FetchOptions& options);

}  // namespace polyformer::train
