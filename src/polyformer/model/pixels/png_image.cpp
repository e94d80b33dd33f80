#include "polyformer/model/pixels/png_image.h"

#include <png.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "polyformer/model/pixels/image_limits.h"
#include "polyformer/model/pixels/image_orientation.h"
#include "polyformer/support/error.h"

namespace polyformer::model {
namespace {

constexpr std::size_t signature_bytes = 8;
constexpr std::size_t outside_data = 12;  // of a chunk: length, type, checksum

/// What the first chunk of a type holds; nothing where there is none. libpng's simple interface keeps no Exif data.
std::span<const std::byte> find_chunk(std::span<const std::byte> png, std::string_view type) {
    std::span<const std::byte> rest = png.subspan(std::min(signature_bytes, png.size()));
    while (rest.size() >= outside_data) {
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) length = length << 8 | std::to_integer<std::size_t>(rest[i]);
        if (length > rest.size() - outside_data) break;
        const auto* name = reinterpret_cast<const char*>(rest.data() + 4);
        if (std::string_view(name, 4) == type) return rest.subspan(8, length);
        rest = rest.subspan(outside_data + length);
    }
    return {};
}

}  // namespace

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
    return upright(std::move(image), tiff_orientation(find_chunk(bytes, "eXIf")));
}

}  // namespace polyformer::model
