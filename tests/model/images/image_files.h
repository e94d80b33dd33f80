// Image files made by the tests themselves.
#pragma once

#include <png.h>
#include <webp/encode.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
// After <cstdio>, which it needs.
#include <jpeglib.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/model/pixels/image.h"

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

/// How many samples of each component there are in a unit, across and down: {{2, 2}, {1, 1}, {1, 1}} is 4:2:0.
using Sampling = std::vector<std::pair<int, int>>;

/// Best quality. `colours` is what the values are: JCS_RGB, JCS_GRAYSCALE or JCS_CMYK.
inline std::string encode_jpeg(const std::vector<std::uint8_t>& values, std::size_t height, std::size_t width,
                               J_COLOR_SPACE colours = JCS_RGB, const Sampling& sampling = {{1, 1}, {1, 1}, {1, 1}}) {
    jpeg_compress_struct info{};
    jpeg_error_mgr errors{};
    info.err = jpeg_std_error(&errors);  // ends the program
    jpeg_create_compress(&info);
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&info, &bytes, &size);
    info.image_height = static_cast<JDIMENSION>(height);
    info.image_width = static_cast<JDIMENSION>(width);
    info.in_color_space = colours;
    info.input_components = colours == JCS_RGB ? 3 : colours == JCS_CMYK ? 4 : 1;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 100, TRUE);
    for (std::size_t i = 0; colours == JCS_RGB && i < sampling.size(); ++i) {
        info.comp_info[i].h_samp_factor = sampling[i].first;
        info.comp_info[i].v_samp_factor = sampling[i].second;
    }
    jpeg_start_compress(&info, TRUE);
    const std::size_t stride = width * static_cast<std::size_t>(info.input_components);
    std::vector<std::uint8_t> row(stride);
    while (info.next_scanline < info.image_height) {
        std::copy_n(&values[info.next_scanline * stride], stride, row.begin());
        JSAMPROW start = row.data();
        jpeg_write_scanlines(&info, &start, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    std::string file(reinterpret_cast<const char*>(bytes), size);
    std::free(bytes);  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): libjpeg's
    return file;
}

/// Lossless: RGB, or RGBA where there are four values a pixel.
inline std::string encode_webp(const std::vector<std::uint8_t>& values, std::size_t height, std::size_t width) {
    std::uint8_t* bytes = nullptr;
    const auto w = static_cast<int>(width);
    const auto h = static_cast<int>(height);
    const bool alpha = values.size() == 4 * height * width;
    const std::size_t size = alpha ? WebPEncodeLosslessRGBA(values.data(), w, h, 4 * w, &bytes)
                                   : WebPEncodeLosslessRGB(values.data(), w, h, 3 * w, &bytes);
    const std::string file(reinterpret_cast<const char*>(bytes), size);
    WebPFree(bytes);
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
