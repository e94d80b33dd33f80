#include "polyformer/model/pixels/image.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "polyformer/model/pixels/jpeg_image.h"
#include "polyformer/model/pixels/png_image.h"
#include "polyformer/model/pixels/webp_image.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {
namespace {

constexpr std::size_t most_file_bytes = std::size_t{1} << 28;

bool begins_with(std::span<const std::byte> bytes, std::string_view signature) {
    return bytes.size() >= signature.size() &&
           std::equal(signature.begin(), signature.end(), bytes.begin(),
                      [](char c, std::byte byte) { return std::byte{static_cast<unsigned char>(c)} == byte; });
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
    if (begins_with(bytes, "RIFF") && begins_with(bytes.subspan(std::min<std::size_t>(8, bytes.size())), "WEBP")) {
        return decode_webp(bytes, label);
    }
    fail<FormatError>("{} is neither a PNG nor a JPEG nor a WebP file: convert it to one of them", label);
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
