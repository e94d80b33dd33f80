// Labelled images, one split of a folder: what an image model learns from and is measured on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/model/pixels/image.h"
#include "polyformer/support/system/mapped_file.h"

namespace polyformer::model {

/// Files of a data set that are no images by their names' ends, and those where no image belongs.
struct SkippedFiles {
    std::size_t count = 0;
    std::vector<std::string> first;  ///< the names of some
};

/// "3 files are left out, since ...: A, B, ..."; empty where there are none.
std::string describe(const SkippedFiles& skipped);

/// An index of images; their pixels are read when they are asked for.
class ImageSet {
  public:
    std::size_t size() const { return entries_.size(); }
    const std::vector<std::string>& classes() const { return classes_; }
    /// Index into classes().
    std::size_t label(std::size_t index) const { return entries_[index].label; }
    /// For messages: "FOLDER/test.bin, record 17", or the image's file.
    std::string name(std::size_t index) const;
    /// In its own size. May be called from several threads. Throws IoError or FormatError, naming it.
    Image image(std::size_t index) const;
    /// What lies among the images and is not taken for one; hidden files are not counted.
    const SkippedFiles& skipped() const { return skipped_; }
    /// Whether two sets are the same, by 64 hexadecimal digits: BLAKE2b-256 over classes, labels, and each file's name
    /// and bytes. Reads all of them, on all threads. Throws IoError.
    std::string digest() const;

  private:
    friend class ImageSetReader;

    /// Where an image lies.
    struct Entry {
        std::string name;        ///< of its file, below the folder
        std::size_t record = 0;  ///< in a file of many
        std::size_t label = 0;
    };

    std::filesystem::path directory_;
    std::vector<std::string> classes_;
    std::vector<Entry> entries_;
    SkippedFiles skipped_;
    std::shared_ptr<const MappedFile> records_;  ///< CIFAR's, else null
};

/// Whether the folder has one of the layouts that open_image_set() knows.
bool is_image_folder(const std::filesystem::path& directory);

/// Whether open_image_set() would find images of `split` there, as far as files and folders tell.
bool has_image_split(const std::filesystem::path& directory, const std::string& split);

/// Opens the images of `split` ("train", "valid" or "test") in a folder of one of three layouts, known by what lies in
/// it:
/// - CIFAR-100's binary version: train.bin and test.bin of records of 2 labels and 3 planes of 32×32,
///   fine_label_names.txt;
/// - Tiny-ImageNet: wnids.txt, words.txt, train/WNID/images/*.JPEG; val/images with val/val_annotations.txt is "test";
///   classes in the order of their WordNet numbers;
/// - one's own: SPLIT/CLASS/*.{png,jpg,jpeg,webp}, classes in the order of their names.
/// Without images of its own, "valid" is every 50th image of each class of the training set, from the first on, and
/// "train" the rest. Throws Error for another split; IoError when the folder has none of the layouts or lacks what
/// belongs to it; FormatError naming file, record or line and value: a file of another size, a label that is no class,
/// a class with too few images, splits of different classes.
ImageSet open_image_set(const std::filesystem::path& directory, const std::string& split);

/// For each class of a data set its place among a model's, whose order may be another. Throws FormatError naming
/// `folder` and the class that the model does not know.
std::vector<std::size_t> match_classes(const std::vector<std::string>& model, const std::vector<std::string>& data,
                                       const std::string& folder);

/// Which `count` images stand for all `size` of a set, ascending: drawn at random, so that classes come up whatever the
/// set's order is, and the same ones every time.
std::vector<std::size_t> picked_images(std::size_t count, std::size_t size);

}  // namespace polyformer::model
