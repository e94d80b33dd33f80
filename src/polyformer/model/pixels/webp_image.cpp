#include "polyformer/model/pixels/webp_image.h"

#include <webp/decode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "polyformer/model/pixels/image_limits.h"
#include "polyformer/model/pixels/image_orientation.h"
#include "polyformer/support/error.h"

namespace polyformer::model {
namespace {

constexpr std::size_t header_bytes = 12;  // "RIFF", size, "WEBP"
constexpr std::size_t chunk_header = 8;   // type, size

/// What the first chunk of a type holds; nothing where there is none.
std::span<const std::byte> find_chunk(std::span<const std::byte> webp, std::string_view type) {
    std::span<const std::byte> rest = webp.subspan(std::min(header_bytes, webp.size()));
    while (rest.size() >= chunk_header) {
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) length |= std::to_integer<std::size_t>(rest[4 + i]) << (8 * i);
        if (length > rest.size() - chunk_header) break;
        const auto* name = reinterpret_cast<const char*>(rest.data());
        if (std::string_view(name, 4) == type) return rest.subspan(chunk_header, length);
        rest = rest.subspan(std::min(rest.size(), chunk_header + length + length % 2));
    }
    return {};
}

const char* text_of(VP8StatusCode status) {
    switch (status) {
        case VP8_STATUS_OUT_OF_MEMORY:
            return "there is not enough memory";
        case VP8_STATUS_NOT_ENOUGH_DATA:
        case VP8_STATUS_SUSPENDED:
            return "it ends too early";
        case VP8_STATUS_UNSUPPORTED_FEATURE:
            return "it has a feature that is not known";
        default:
            return "its data are not as they must be";
    }
}

/// [colour + 256 · alpha]: light that is let through in that proportion, over black. As libpng's simple interface has
/// it, so that a picture is the same in both formats: a gamma of 2.2, light in eight bits.
std::array<std::uint8_t, 65536> over_black() {
    const auto to_power = [](std::size_t value, double exponent) {
        return static_cast<std::size_t>(std::lround(255 * std::pow(static_cast<double>(value) / 255, exponent)));
    };
    std::array<std::uint8_t, 65536> table{};
    for (std::size_t alpha = 1; alpha < 256; ++alpha) {
        for (std::size_t colour = 0; colour < 256; ++colour) {
            const std::size_t light = (to_power(colour, 2.2) * alpha + 127) / 255;
            const std::size_t seen = alpha == 255 ? colour : to_power(light, 1 / 2.2);
            table[colour + 256 * alpha] = static_cast<std::uint8_t>(seen);
        }
    }
    return table;
}

std::vector<std::uint8_t> without_alpha(std::span<const std::uint8_t> rgba) {
    static const std::array<std::uint8_t, 65536> table = over_black();
    std::vector<std::uint8_t> rgb;
    rgb.reserve(rgba.size() / 4 * 3);
    for (std::size_t i = 0; i + 3 < rgba.size(); i += 4) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
            rgb.push_back(table[rgba[i + channel] + std::size_t{256} * rgba[i + 3]]);
        }
    }
    return rgb;
}

}  // namespace

Image decode_webp(std::span<const std::byte> bytes, const std::string& label) {
    const auto check = [&](VP8StatusCode status) {
        require<FormatError>(status == VP8_STATUS_OK, "{} is a damaged WebP file ({}): save or fetch it again", label,
                             text_of(status));
    };
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    WebPDecoderConfig config{};
    require(WebPInitDecoderConfig(&config) != 0, "libwebp is of another version than its headers: install it anew");
    check(WebPGetFeatures(data, bytes.size(), &config.input));
    require<FormatError>(config.input.has_animation == 0, "{} is an animated WebP file: save one of its images alone",
                         label);
    Image image{.height = static_cast<std::size_t>(config.input.height),
                .width = static_cast<std::size_t>(config.input.width),
                .values = {}};
    require_size(image.height, image.width, label);
    const bool alpha = config.input.has_alpha != 0;
    const std::size_t channels = alpha ? 4 : 3;
    image.values.resize(image.height * image.width * channels);
    config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = {
        .rgba = image.values.data(), .stride = static_cast<int>(image.width * channels), .size = image.values.size()};
    check(WebPDecode(data, bytes.size(), &config));
    if (alpha) image.values = without_alpha(image.values);
    return upright(std::move(image), tiff_orientation(find_chunk(bytes, "EXIF")));
}

}  // namespace polyformer::model
