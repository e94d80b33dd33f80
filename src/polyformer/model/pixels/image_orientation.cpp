#include "polyformer/model/pixels/image_orientation.h"

#include <libexif/exif-data.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "polyformer/support/error.h"

namespace polyformer::model {
namespace {

struct ReleaseExif {
    void operator()(ExifData* data) const { exif_data_unref(data); }
};

}  // namespace

int exif_orientation(std::span<const std::byte> jpeg) {
    const std::unique_ptr<ExifData, ReleaseExif> exif(exif_data_new());
    require(exif != nullptr, "libexif cannot be set up: there is no memory left");
    // By default the library adds what a file lacks and mends what it finds; we want what is there.
    exif_data_unset_option(exif.get(), EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    exif_data_load_data(exif.get(), reinterpret_cast<const unsigned char*>(jpeg.data()),
                        static_cast<unsigned int>(jpeg.size()));
    const ExifEntry* entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->components != 1 || entry->size < 2) return 1;
    const int orientation = exif_get_short(entry->data, exif_data_get_byte_order(exif.get()));
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

int tiff_orientation(std::span<const std::byte> exif) {
    constexpr std::string_view kBefore("Exif\0\0", 6);
    constexpr std::size_t kMost = std::size_t{1} << 20;  // the orientation stands at the beginning
    if (exif.empty()) return 1;
    const std::string_view given(reinterpret_cast<const char*>(exif.data()), std::min(exif.size(), kMost));
    std::string whole(given.starts_with(kBefore) ? "" : kBefore);
    whole += given;
    return exif_orientation(std::as_bytes(std::span(whole)));
}

Image upright(Image stored, int orientation) {
    require(orientation >= 1 && orientation <= 8, "an image's orientation is 1 to 8, not {}", orientation);
    if (orientation == 1) return stored;
    const bool transposed = orientation >= 5;
    const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool from_the_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    Image seen{.height = transposed ? stored.width : stored.height,
               .width = transposed ? stored.height : stored.width,
               .values = {}};
    seen.values.resize(stored.values.size());
    auto out = seen.values.begin();
    for (std::size_t y = 0; y < seen.height; ++y) {
        for (std::size_t x = 0; x < seen.width; ++x) {
            const std::size_t along = transposed ? x : y;  // row of the stored image, counted from where it begins
            const std::size_t across = transposed ? y : x;
            const std::size_t row = from_below ? stored.height - 1 - along : along;
            const std::size_t column = from_the_right ? stored.width - 1 - across : across;
            out = std::copy_n(&stored.values[(row * stored.width + column) * 3], 3, out);
        }
    }
    return seen;
}

}  // namespace polyformer::model
