#include "polyformer/train/data/prepared_images.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "polyformer/model/images/image_set.h"
#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/mapped_file.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;

// Header, names of classes, zeros up to a multiple of 8 bytes, 16-bit labels, pixels; numbers are little-endian.
// To be raised, too, whenever the same files give other pixels.
constexpr std::string_view magic = "PFIMAG02";
constexpr std::uint64_t most_images = std::uint64_t{1} << 32;
constexpr std::uint64_t most_classes = 65536;
constexpr std::uint64_t most_name_bytes = std::uint64_t{1} << 26;
constexpr std::size_t images_a_batch = 512;

struct Header {
    std::array<char, 8> magic{};
    std::array<char, 64> source_digest{};
    std::uint64_t height = 0;
    std::uint64_t width = 0;
    std::uint64_t images = 0;
    std::uint64_t classes = 0;
    std::uint64_t name_bytes = 0;  // each name ends in a zero
};
static_assert(sizeof(Header) == 8 + 64 + 5 * 8);

bool is_possible(const Header& header) {
    return header.height > 0 && header.height <= model::kMaxImageSide && header.width > 0 &&
           header.width <= model::kMaxImageSide && header.images > 0 && header.images <= most_images &&
           header.classes > 0 && header.classes <= most_classes && header.name_bytes <= most_name_bytes;
}

std::uint64_t padded_size(std::uint64_t bytes) {
    return (bytes + 7) / 8 * 8;
}

std::uint64_t pixel_bytes(const Header& header) {
    return header.images * 3 * header.height * header.width;
}

/// Of a possible header: no product or sum overflows.
std::uint64_t file_bytes(const Header& header) {
    return sizeof(Header) + padded_size(header.name_bytes) + header.images * sizeof(std::uint16_t) +
           pixel_bytes(header);
}

/// Throws FormatError unless `names` are as many as the header says, each with its zero.
std::vector<std::string> split_names(std::string_view names, const Header& header, const fs::path& file) {
    std::vector<std::string> classes;
    for (std::size_t begin = 0; begin < names.size();) {
        const std::size_t end = std::min(names.find('\0', begin), names.size());
        classes.emplace_back(names.substr(begin, end - begin));
        begin = end + 1;
    }
    require<FormatError>(classes.size() == header.classes && names.ends_with('\0'),
                         "{} promises {} classes, but names {}: delete it, and 'polyformer train' makes it anew",
                         file.string(), header.classes, classes.size());
    return classes;
}

/// Planes of red, green and blue.
void write_planes(const model::Image& image, std::span<std::uint8_t> planes) {
    const std::size_t plane = image.height * image.width;
    for (std::size_t i = 0; i < plane; ++i) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
            planes[channel * plane + i] = image.values[i * 3 + channel];
        }
    }
}

bool is_current(const fs::path& target, const PreparedImages& about) {
    if (!fs::exists(target)) return false;
    try {
        const PreparedImages images = load_images(target);
        return images.source_digest == about.source_digest && images.height == about.height &&
               images.width == about.width;
    } catch (const FormatError&) {
        return false;  // of an older version, or damaged: nothing is lost by making it anew
    }
}

void prepare_split(const model::ImageSet& set, const std::string& digest, const fs::path& target, std::size_t height,
                   std::size_t width, bool quiet) {
    std::vector<std::uint16_t> labels(set.size());
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint16_t>(set.label(i));
    const PreparedImages about{.height = height,
                               .width = width,
                               .classes = set.classes(),
                               .source_digest = digest,
                               .labels = labels,
                               .pixels = {},
                               .owner = {}};
    if (is_current(target, about)) return;

    Progress progress(fmt::format("Preparing {}", target.filename().string()), static_cast<double>(set.size()), quiet);
    PreparedImagesWriter writer(about, target);
    std::vector<std::uint8_t> pixels;
    for (std::size_t begin = 0; begin < set.size(); begin += images_a_batch) {
        const std::size_t count = std::min(images_a_batch, set.size() - begin);
        pixels.resize(count * about.image_bytes());
        parallel_for(count, [&](std::size_t i) {
            const model::Image image = model::resized(set.image(begin + i), height, width);
            write_planes(image, std::span(pixels).subspan(i * about.image_bytes(), about.image_bytes()));
        });
        writer.write(pixels);
        check_interruption();
        progress.update(static_cast<double>(begin + count));
    }
    writer.commit();
    progress.finish(fmt::format("{} images of {} classes", set.size(), set.classes().size()));
}

}  // namespace

PreparedImagesWriter::PreparedImagesWriter(const PreparedImages& about, const fs::path& file) : out_(file) {
    std::string names;
    for (const std::string& name : about.classes) names += name + '\0';
    names.append(padded_size(names.size()) - names.size(), '\0');
    Header header{.height = about.height,
                  .width = about.width,
                  .images = about.size(),
                  .classes = about.classes.size(),
                  .name_bytes = 0};
    for (const std::string& name : about.classes) {
        require(name.find('\0') == std::string::npos, "the class '{}' has a zero byte in its name", name);
        header.name_bytes += name.size() + 1;
    }
    require(is_possible(header),
            "{} images of {}x{} pixels and {} classes cannot be kept: one of these is 0 or too many", header.images,
            header.width, header.height, header.classes);
    require(about.source_digest.size() == header.source_digest.size(), "a digest has {} digits, not {}",
            header.source_digest.size(), about.source_digest.size());
    for (const std::uint16_t label : about.labels) {
        require(label < header.classes, "the label {} is none of {} classes", label, header.classes);
    }
    std::copy(magic.begin(), magic.end(), header.magic.begin());
    std::copy(about.source_digest.begin(), about.source_digest.end(), header.source_digest.begin());
    missing_ = pixel_bytes(header);
    out_.write(std::as_bytes(std::span(&header, 1)));
    out_.write(std::as_bytes(std::span<const char>(names)));
    out_.write(std::as_bytes(about.labels));
}

void PreparedImagesWriter::write(std::span<const std::uint8_t> pixels) {
    require(pixels.size() <= missing_, "{} bytes of pixels where {} are still missing", pixels.size(), missing_);
    out_.write(std::as_bytes(pixels));
    missing_ -= pixels.size();
}

void PreparedImagesWriter::commit() {
    require(missing_ == 0, "{} bytes of pixels are still missing", missing_);
    out_.commit();
}

void save_images(const PreparedImages& images, const fs::path& file) {
    PreparedImagesWriter writer(images, file);
    writer.write(images.pixels);
    writer.commit();
}

PreparedImages load_images(const fs::path& file) {
    const auto mapping = std::make_shared<const MappedFile>(file);
    std::span<const std::byte> bytes = mapping->bytes();
    Header header;
    if (bytes.size() >= sizeof(header)) std::memcpy(&header, bytes.data(), sizeof(header));
    require<FormatError>(std::string_view(header.magic.data(), header.magic.size()) == magic,
                         "{} holds no prepared images of this version: delete it, and 'polyformer train' makes it anew",
                         file.string());
    require<FormatError>(is_possible(header) && file_bytes(header) == bytes.size(),
                         "{} promises {} images of {}x{} pixels and {} classes, but has {} bytes: delete it, and "
                         "'polyformer train' makes it anew",
                         file.string(), header.images, header.width, header.height, header.classes, bytes.size());
    bytes = bytes.subspan(sizeof(header));
    const std::string_view names(reinterpret_cast<const char*>(bytes.data()), header.name_bytes);
    PreparedImages images{.height = header.height,
                          .width = header.width,
                          .classes = split_names(names, header, file),
                          .source_digest = std::string(header.source_digest.data(), header.source_digest.size()),
                          .labels = {},
                          .pixels = {},
                          .owner = mapping};
    bytes = bytes.subspan(padded_size(header.name_bytes));
    images.labels = {reinterpret_cast<const std::uint16_t*>(bytes.data()), header.images};
    bytes = bytes.subspan(images.labels.size_bytes());
    images.pixels = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    const auto foreign = std::find_if(images.labels.begin(), images.labels.end(),
                                      [&](std::uint16_t label) { return label >= header.classes; });
    require<FormatError>(foreign == images.labels.end(),
                         "{}: the label of image {} is {}, but there are {} classes: delete the file, and 'polyformer "
                         "train' makes it anew",
                         file.string(), foreign - images.labels.begin(), foreign == images.labels.end() ? 0 : *foreign,
                         header.classes);
    return images;
}

void prepare_images(const fs::path& data, const nlohmann::ordered_json& digests, const fs::path& work,
                    std::size_t height, std::size_t width, bool quiet) {
    make_directory(work);
    for (const auto& [split, digest] : digests.items()) {
        const model::ImageSet set = model::open_image_set(data, split);
        const std::string skipped = describe(set.skipped());
        if (!quiet && !skipped.empty()) to_stderr("{} split: {}\n", split, skipped);
        prepare_split(set, digest, work / (split + ".images"), height, width, quiet);
    }
}

}  // namespace polyformer::train
