// Image files made by the tests themselves.
#pragma once

#include <png.h>
#include <turbojpeg.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "polyformer/model/images/image.h"

namespace polyformer::model {

/// A file in memory.
inline std::string encode_png(const std::vector<std::uint8_t>& values, std::size_t height, std::size_t width,
                              std::uint32_t format, const std::vector<std::uint8_t>& palette = {}) {
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    png.height = static_cast<std::uint32_t>(height);
    png.width = static_cast<std::uint32_t>(width);
    png.format = format;
    png.colormap_entries = static_cast<std::uint32_t>(palette.size() / 3);
    const void* colours = palette.empty() ? nullptr : palette.data();
    png_alloc_size_t size = 0;
    if (png_image_write_to_memory(&png, nullptr, &size, 0, values.data(), 0, colours) == 0) {
        throw std::runtime_error(png.message);
    }
    std::string file(size, '\0');
    if (png_image_write_to_memory(&png, file.data(), &size, 0, values.data(), 0, colours) == 0) {
        throw std::runtime_error(png.message);
    }
    file.resize(size);
    return file;
}

inline std::string encode_png(const Image& image) {
    return encode_png(image.values, image.height, image.width, PNG_FORMAT_RGB);
}

/// `format` is one of TJPF, `sampling` one of TJSAMP; best quality.
inline std::string encode_jpeg(const std::vector<std::uint8_t>& values, std::size_t height, std::size_t width,
                               int format = TJPF_RGB, int sampling = TJSAMP_444) {
    tjhandle jpeg = tjInitCompress();
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    const int code = tjCompress2(jpeg, values.data(), static_cast<int>(width), 0, static_cast<int>(height), format,
                                 &bytes, &size, sampling, 100, 0);
    const std::string file(reinterpret_cast<const char*>(bytes), code == 0 ? size : 0);
    tjFree(bytes);
    tjDestroy(jpeg);
    if (code != 0) throw std::runtime_error("tjCompress2 failed");
    return file;
}

/// Every value different from its neighbours, the same for the same seed.
inline Image patterned_image(std::size_t height, std::size_t width, std::size_t seed = 0) {
    Image image{.height = height, .width = width, .values = {}};
    for (std::size_t i = 0; i < height * width * 3; ++i) {
        image.values.push_back(static_cast<std::uint8_t>(i * 37 + seed * 11 + i / 7));
    }
    return image;
}

}  // namespace polyformer::model
