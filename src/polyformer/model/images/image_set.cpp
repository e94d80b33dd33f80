#include "polyformer/model/images/image_set.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "polyformer/model/images/cifar_records.h"
#include "polyformer/model/images/image_set_reader.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {

namespace fs = std::filesystem;

std::string describe(const SkippedFiles& skipped) {
    if (skipped.count == 0) return {};
    return fmt::format("{} file(s) are left out, as images are SPLIT/CLASS/NAME.png, .jpg, .jpeg or .webp: {}{}",
                       skipped.count, fmt::join(skipped.first, ", "),
                       skipped.count > skipped.first.size() ? ", ..." : "");
}

std::string ImageSet::name(std::size_t index) const {
    const Entry& entry = entries_[index];
    const std::string file = (directory_ / entry.name).string();
    return records_ ? fmt::format("{}, record {}", file, entry.record) : file;
}

Image ImageSet::image(std::size_t index) const {
    const Entry& entry = entries_[index];
    if (!records_) return read_image(directory_ / entry.name);
    const std::span<const std::byte> planes = records_->bytes().subspan(entry.record * cifar_record + 2);
    Image image{.height = cifar_side, .width = cifar_side, .values = std::vector<std::uint8_t>(3 * cifar_plane)};
    for (std::size_t channel = 0; channel < 3; ++channel) {
        for (std::size_t i = 0; i < cifar_plane; ++i) {
            image.values[i * 3 + channel] = std::to_integer<std::uint8_t>(planes[channel * cifar_plane + i]);
        }
    }
    return image;
}

std::string ImageSet::digest() const {
    std::vector<std::string> contents(records_ ? 0 : entries_.size());
    parallel_for(contents.size(), [&](std::size_t i) { contents[i] = blake2b_of_file(directory_ / entries_[i].name); });
    Blake2b hash;
    // With their lengths: names may hold anything.
    const auto update = [&](const std::string& name) {
        const std::string length = fmt::format("{} ", name.size());
        hash.update(std::as_bytes(std::span<const char>(length)));
        hash.update(std::as_bytes(std::span<const char>(name)));
    };
    update(fmt::format("{} classes, {} images", classes_.size(), entries_.size()));
    for (const std::string& name : classes_) update(name);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const Entry& entry = entries_[i];
        update(entry.name);
        update(fmt::format("{} {} {}", entry.record, entry.label, records_ ? std::string() : contents[i]));
    }
    if (records_) hash.update(records_->bytes());
    return to_hex(hash.finish());
}

bool is_image_folder(const fs::path& directory) {
    return layout_of(directory) != ImageLayout::none;
}

bool has_image_split(const fs::path& directory, const std::string& split) {
    const bool test = split == "test";
    std::error_code unreadable;  // the same as not there
    switch (layout_of(directory)) {
        case ImageLayout::cifar:
            return fs::is_regular_file(directory / (test ? "test.bin" : "train.bin"), unreadable);
        case ImageLayout::tiny_imagenet:
            return fs::is_directory(directory / (test ? "val" : "train"), unreadable);
        case ImageLayout::own:
            return fs::is_directory(directory / split, unreadable) ||
                   (split == "valid" && fs::is_directory(directory / "train", unreadable));
        case ImageLayout::none:
            break;
    }
    return false;
}

ImageSet open_image_set(const fs::path& directory, const std::string& split) {
    require(split == "train" || split == "valid" || split == "test", "unknown split '{}': choose train, valid or test",
            split);
    return read_image_set(directory, split);
}

std::vector<std::size_t> picked_images(std::size_t count, std::size_t size) {
    std::vector<std::size_t> all(size);
    std::iota(all.begin(), all.end(), std::size_t{0});
    if (count >= size) return all;
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + random() % (size - i)]);
    all.resize(count);
    std::ranges::sort(all);
    return all;
}

std::vector<std::size_t> match_classes(const std::vector<std::string>& model, const std::vector<std::string>& data,
                                       const std::string& folder) {
    require<FormatError>(model.size() == data.size(),
                         "the model tells {} classes apart, but '{}' has {}: give the data set that it was made for",
                         model.size(), folder, data.size());
    std::vector<std::size_t> places;
    for (const std::string& name : data) {
        const auto found = std::find(model.begin(), model.end(), name);
        require<FormatError>(found != model.end(),
                             "'{}' has a class '{}' that the model does not know: give the data set that it was made "
                             "for (its classes are {}, ...)",
                             folder, name,
                             fmt::join(std::span(model).first(std::min<std::size_t>(3, model.size())), ", "));
        places.push_back(static_cast<std::size_t>(found - model.begin()));
    }
    return places;
}

}  // namespace polyformer::model
