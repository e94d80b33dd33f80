#include "polyformer/model/images/image.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string_view>
#include <utility>

#include "polyformer/model/images/image_orientation.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {
namespace {

constexpr std::size_t most_file_bytes = std::size_t{1} << 28;

void require_size(std::size_t height, std::size_t width, const std::string& label) {
    require<FormatError>(height > 0 && width > 0 && height <= kMaxImageSide && width <= kMaxImageSide &&
                             height * width <= kMaxImagePixels,
                         "{} is {}x{} pixels; an image may have up to {} a side and {} in all: make it smaller", label,
                         width, height, kMaxImageSide, kMaxImagePixels);
}

bool begins_with(std::span<const std::byte> bytes, std::string_view signature) {
    return bytes.size() >= signature.size() &&
           std::equal(signature.begin(), signature.end(), bytes.begin(),
                      [](char c, std::byte byte) { return std::byte{static_cast<unsigned char>(c)} == byte; });
}

Image decode_png(std::span<const std::byte> bytes, const std::string& label) {
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    const std::unique_ptr<png_image, decltype(&png_image_free)> release(&png, png_image_free);
    const auto check = [&](int succeeded) {
        require<FormatError>(succeeded != 0 && !PNG_IMAGE_FAILED(png),
                             "{} is a damaged PNG file ({}): save or fetch it again", label,
                             static_cast<const char*>(png.message));
    };
    check(png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()));
    require_size(png.height, png.width, label);
    png.format = PNG_FORMAT_RGB;
    png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    Image image{.height = png.height, .width = png.width, .values = {}};
    image.values.resize(image.height * image.width * 3);
    const png_color black{};
    check(png_image_finish_read(&png, &black, image.values.data(), 0, nullptr));
    return image;
}

struct DestroyDecompressor {
    void operator()(void* handle) const { tjDestroy(handle); }
};

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& label) {
    const std::unique_ptr<void, DestroyDecompressor> jpeg(tjInitDecompress());
    require(jpeg != nullptr, "libjpeg-turbo cannot be set up: {}", tjGetErrorStr2(nullptr));
    const auto check = [&](int code) {
        require<FormatError>(code == 0, "{} is a damaged JPEG file ({}): save or fetch it again", label,
                             tjGetErrorStr2(jpeg.get()));
    };
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    int width = 0;
    int height = 0;
    int subsampling = 0;
    int colours = 0;
    check(tjDecompressHeader3(jpeg.get(), data, bytes.size(), &width, &height, &subsampling, &colours));
    require<FormatError>(colours != TJCS_CMYK && colours != TJCS_YCCK,
                         "{} is a JPEG file in CMYK, the colours of printing: save it as RGB", label);
    require_size(static_cast<std::size_t>(height), static_cast<std::size_t>(width), label);
    Image image{.height = static_cast<std::size_t>(height), .width = static_cast<std::size_t>(width), .values = {}};
    image.values.resize(image.height * image.width * 3);
    // A file cut short is only a warning to libjpeg, its missing part grey; and thousands of scans only slow.
    check(tjDecompress2(jpeg.get(), data, bytes.size(), image.values.data(), width, 0, height, TJPF_RGB,
                        TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS));
    return upright(std::move(image), exif_orientation(bytes));
}

/// What of a row (or column) goes into one pixel of the result.
struct Taps {
    std::size_t first = 0;
    std::vector<float> weights;  ///< they add up to 1
};

/// Of `to` pixels, each `scale` wide, in the middle of `from` pixels.
std::vector<Taps> taps_along(std::size_t from, std::size_t to, double scale) {
    const double start = (static_cast<double>(from) - scale * static_cast<double>(to)) / 2;
    const double last = static_cast<double>(from) - 1;
    std::vector<Taps> all(to);
    for (std::size_t i = 0; i < to; ++i) {
        const double begin = start + scale * static_cast<double>(i);
        if (scale <= 1) {
            const double middle = std::clamp(begin + scale / 2 - 0.5, 0.0, last);
            const double below = std::floor(middle);
            const auto part = static_cast<float>(middle - below);
            all[i].first = static_cast<std::size_t>(below);
            all[i].weights = part > 0 ? std::vector<float>{1 - part, part} : std::vector<float>{1};
            continue;
        }
        const double from_edge = std::max(begin, 0.0);
        const double to_edge = std::min(begin + scale, last + 1);
        all[i].first = static_cast<std::size_t>(from_edge);
        for (double pixel = std::floor(from_edge); pixel < to_edge; ++pixel) {
            const double covered = std::min(pixel + 1, to_edge) - std::max(pixel, from_edge);
            all[i].weights.push_back(static_cast<float>(covered / (to_edge - from_edge)));
        }
    }
    return all;
}

/// Rows [first row that is used, ...), each brought to its new width.
std::vector<float> shorten_rows(const Image& image, const std::vector<Taps>& columns, std::size_t first,
                                std::size_t rows) {
    std::vector<float> values(rows * columns.size() * 3);
    for (std::size_t y = 0; y < rows; ++y) {
        const std::uint8_t* row = &image.values[(first + y) * image.width * 3];
        float* out = &values[y * columns.size() * 3];
        for (const Taps& taps : columns) {
            std::array<float, 3> sum{};
            for (std::size_t k = 0; k < taps.weights.size(); ++k) {
                for (std::size_t c = 0; c < 3; ++c) {
                    sum[c] += taps.weights[k] * static_cast<float>(row[(taps.first + k) * 3 + c]);
                }
            }
            out = std::copy(sum.begin(), sum.end(), out);
        }
    }
    return values;
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, const std::string& label) {
    if (begins_with(bytes, "\x89PNG\r\n\x1a\n")) return decode_png(bytes, label);
    if (begins_with(bytes, "\xff\xd8\xff")) return decode_jpeg(bytes, label);
    fail<FormatError>("{} is neither a PNG nor a JPEG file: convert it to one of them", label);
}

Image read_image(const std::filesystem::path& file) {
    const std::string contents = read_file(file, most_file_bytes);
    return decode_image(std::as_bytes(std::span(contents)), "'" + file.string() + "'");
}

Image resized(const Image& image, std::size_t height, std::size_t width) {
    for (const std::size_t side : {image.height, image.width, height, width}) {
        require(side > 0 && side <= kMaxImageSide,
                "an image of {}x{} cannot become one of {}x{}: every side must be 1 to {}", image.width, image.height,
                width, height, kMaxImageSide);
    }
    require(image.values.size() == image.height * image.width * 3, "an image of {}x{} pixels has {} values, not {}",
            image.width, image.height, image.values.size(), image.height * image.width * 3);
    if (image.height == height && image.width == width) return image;

    const double scale = std::min(static_cast<double>(image.height) / static_cast<double>(height),
                                  static_cast<double>(image.width) / static_cast<double>(width));
    const std::vector<Taps> columns = taps_along(image.width, width, scale);
    const std::vector<Taps> rows = taps_along(image.height, height, scale);
    const std::size_t first = rows.front().first;
    const std::size_t end = rows.back().first + rows.back().weights.size();
    const std::vector<float> narrow = shorten_rows(image, columns, first, end - first);

    const std::size_t stride = width * 3;
    Image result{.height = height, .width = width, .values = {}};
    result.values.reserve(height * stride);
    std::vector<float> sum(stride);
    for (const Taps& taps : rows) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (std::size_t k = 0; k < taps.weights.size(); ++k) {
            const float* row = &narrow[(taps.first + k - first) * stride];
            for (std::size_t i = 0; i < stride; ++i) sum[i] += taps.weights[k] * row[i];
        }
        for (const float value : sum) {
            result.values.push_back(static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L)));
        }
    }
    return result;
}

}  // namespace polyformer::model
