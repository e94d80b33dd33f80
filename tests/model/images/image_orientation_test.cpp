#include "polyformer/model/pixels/image_orientation.h"

#include "tests/model/fixtures.h"
#include "tests/model/images/image_files.h"

namespace polyformer::model {
namespace {

using namespace std::string_literals;

/// A number of `bytes` bytes, the least significant one first or last.
std::string number(std::size_t value, int bytes, bool little_endian) {
    std::string out;
    for (int i = 0; i < bytes; ++i) {
        const int shift = 8 * (little_endian ? i : bytes - 1 - i);
        out.push_back(static_cast<char>(value >> shift & 0xff));
    }
    return out;
}

/// What stands in an Exif segment when only the orientation is noted (Exif 2.32, section 4.5): header of TIFF, one
/// directory with one entry of a given type (3: a short number).
std::string exif_data(int orientation, bool little_endian, int type = 3, std::size_t count = 1) {
    const auto put = [&](std::size_t value, int bytes) { return number(value, bytes, little_endian); };
    return std::string("Exif\0\0", 6) + (little_endian ? "II" : "MM") + put(42, 2) + put(8, 4) + put(1, 2) +
           put(274, 2) + put(static_cast<std::size_t>(type), 2) + put(count, 4) +
           put(static_cast<std::size_t>(orientation), 2) + put(0, 2) + put(0, 4);
}

/// A JPEG file with a segment put after its first one, as cameras that write both JFIF and Exif do.
std::string with_segment(const std::string& jpeg, const std::string& contents) {
    const std::size_t first = 4 + (static_cast<unsigned char>(jpeg[4]) << 8U) + static_cast<unsigned char>(jpeg[5]);
    return jpeg.substr(0, first) + "\xff\xe1" + number(contents.size() + 2, 2, false) + contents + jpeg.substr(first);
}

/// 2 rows of 3 pixels, "abc" over "def", in greys that JPEG keeps apart.
Image letters() {
    Image image{.height = 2, .width = 3, .values = {}};
    for (const char letter : std::string("abcdef")) {
        image.values.insert(image.values.end(), 3, static_cast<std::uint8_t>((letter - 'a') * 40 + 20));
    }
    return image;
}

std::string spelled(const Image& image) {
    std::string rows;
    for (std::size_t y = 0; y < image.height; ++y) {
        if (y > 0) rows += '/';
        for (std::size_t x = 0; x < image.width; ++x) {
            rows += static_cast<char>('a' + image.values[(y * image.width + x) * 3] / 40);
        }
    }
    return rows;
}

/// By orientation, 1 to 8: where the standard says that the stored first row and first column are seen.
const std::array<std::string, 8> kSeen = {"abc/def",  "cba/fed",  "fed/cba",  "def/abc",
                                          "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad"};

TEST(ImageOrientation, EveryWayToHoldACamera) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
        EXPECT_EQ(spelled(upright(letters(), orientation)), kSeen[orientation - 1]) << orientation;
    }
    expect_error<Error>([] { upright(letters(), 0); }, {"1 to 8", "0"});
    expect_error<Error>([] { upright(letters(), 9); }, {"1 to 8", "9"});
}

TEST(ImageOrientation, IsReadFromEitherByteOrder) {
    const std::string jpeg = encode_jpeg(letters().values, 2, 3);
    for (const bool little_endian : {false, true}) {
        for (int orientation = 1; orientation <= 8; ++orientation) {
            const std::string file = with_segment(jpeg, exif_data(orientation, little_endian));
            EXPECT_EQ(exif_orientation(std::as_bytes(std::span(file))), orientation);
            EXPECT_EQ(spelled(decode_image(std::as_bytes(std::span(file)), "photograph")), kSeen[orientation - 1]);
        }
    }
}

/// A PNG file with a chunk after its header; libpng does not look at the checksum of what it does not know.
std::string with_chunk(const std::string& png, const std::string& contents) {
    constexpr std::size_t kHeaderEnd = 33;
    return png.substr(0, kHeaderEnd) + number(contents.size(), 4, false) + "eXIf" + contents + "\0\0\0\0"s +
           png.substr(kHeaderEnd);
}

/// A WebP file in the extended form (RIFF container, Google 2012) with Exif data.
std::string with_exif(const std::string& webp, const std::string& contents) {
    const auto chunk = [](const std::string& type, const std::string& data) {
        return type + number(data.size(), 4, true) + data + std::string(data.size() % 2, '\0');
    };
    const std::string header = number(0x08, 4, true) + number(2, 3, true) + number(1, 3, true);  // Exif, 3 by 2
    const std::string body = "WEBP" + chunk("VP8X", header) + webp.substr(12) + chunk("EXIF", contents);
    return "RIFF" + number(body.size(), 4, true) + body;
}

TEST(ImageOrientation, IsReadFromPngAndWebP) {
    const Image image = letters();
    const std::string png = encode_png(image);
    const std::string webp = encode_webp(image.values, 2, 3);
    for (int orientation = 1; orientation <= 8; ++orientation) {
        const std::string exif = exif_data(orientation, orientation % 2 == 0);
        for (const std::string& contents : {exif, exif.substr(6)}) {  // with and without "Exif" before it
            for (const std::string& file : {with_chunk(png, contents), with_exif(webp, contents)}) {
                EXPECT_EQ(spelled(decode_image(std::as_bytes(std::span(file)), "photograph")), kSeen[orientation - 1]);
            }
        }
    }
    // What is no Exif data leaves the image as it is stored.
    for (const std::string contents : {"", "Exif", "II*", "MM\xff\xff\xff\xff\xff\xff"}) {
        const std::string file = with_chunk(png, contents);
        EXPECT_EQ(spelled(decode_image(std::as_bytes(std::span(file)), "photograph")), "abc/def");
    }
}

TEST(ImageOrientation, WhatCannotBeReadLeavesTheImageAsStored) {
    const std::string jpeg = encode_jpeg(letters().values, 2, 3);
    const std::string whole = exif_data(6, true);
    std::vector<std::string> segments = {
        "", "Exif", exif_data(0, true), exif_data(9, false), exif_data(6, true, 4), exif_data(6, true, 3, 0x7fffffff)};
    for (std::size_t length = 6; length < 28; ++length) segments.push_back(whole.substr(0, length));
    for (const std::string& segment : segments) {
        const std::string file = with_segment(jpeg, segment);
        EXPECT_EQ(spelled(decode_image(std::as_bytes(std::span(file)), "photograph")), "abc/def");
    }
    EXPECT_EQ(exif_orientation(std::as_bytes(std::span(jpeg))), 1);
    EXPECT_EQ(exif_orientation({}), 1);
}

}  // namespace
}  // namespace polyformer::model
