#include "polyformer/model/pixels/image.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>

#include "tests/model/fixtures.h"
#include "tests/model/images/image_files.h"

namespace polyformer::model {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;

Image decode(const std::string& file) {
    return decode_image(std::as_bytes(std::span(file)), "picture");
}

TEST(Image, PngIsReadAsItWasWritten) {
    const ScratchDirectory scratch;
    for (const auto& [height, width] : {std::pair(1, 1), std::pair(3, 7), std::pair(33, 2)}) {
        const Image image = patterned_image(height, width);
        write_file(scratch.path() / "a.jpg", encode_png(image));  // what counts is the content
        const Image read = read_image(scratch.path() / "a.jpg");
        EXPECT_EQ(read.height, image.height);
        EXPECT_EQ(read.width, image.width);
        EXPECT_EQ(read.values, image.values);
    }
}

TEST(Image, GreyscaleIsExpanded) {
    EXPECT_THAT(decode(encode_png({0, 100, 255}, 1, 3, PNG_FORMAT_GRAY)).values,
                ElementsAre(0, 0, 0, 100, 100, 100, 255, 255, 255));
    const Image jpeg = decode(encode_jpeg(std::vector<std::uint8_t>(64, 77), 8, 8, JCS_GRAYSCALE));
    EXPECT_EQ(jpeg.values.size(), 3U * 64);
    EXPECT_THAT(jpeg.values, Each(77));
}

TEST(Image, PalettesAreExpanded) {
    const std::vector<std::uint8_t> palette = {255, 0, 0, 0, 255, 0, 10, 20, 30};
    EXPECT_THAT(decode(encode_png({2, 0, 1}, 1, 3, PNG_FORMAT_RGB_COLORMAP, palette)).values,
                ElementsAre(10, 20, 30, 255, 0, 0, 0, 255, 0));
}

TEST(Image, TransparentPixelsAreLaidOverBlack) {
    const std::string file = encode_png({200, 100, 50, 255, 200, 100, 50, 0}, 1, 2, PNG_FORMAT_RGBA);
    EXPECT_THAT(decode(file).values, ElementsAre(200, 100, 50, 0, 0, 0));
    const std::string half = encode_png({200, 100, 50, 128}, 1, 1, PNG_FORMAT_RGBA);
    EXPECT_THAT(decode(half).values, Each(testing::AllOf(testing::Gt(0), testing::Lt(200))));
}

TEST(Image, SixteenBitsBecomeEight) {
    const std::vector<std::uint16_t> linear = {0, 65535, 0};
    std::vector<std::uint8_t> bytes(6);
    std::memcpy(bytes.data(), linear.data(), bytes.size());
    EXPECT_THAT(decode(encode_png(bytes, 1, 1, PNG_FORMAT_LINEAR_RGB)).values, ElementsAre(0, 255, 0));
}

TEST(Image, JpegIsReadAboutAsItWasWritten) {
    Image image{.height = 13, .width = 21, .values = {}};
    for (std::size_t i = 0; i < 13 * 21; ++i) {
        const auto x = static_cast<std::uint8_t>(i % 21);
        const auto y = static_cast<std::uint8_t>(i / 21);
        image.values.insert(image.values.end(),
                            {static_cast<std::uint8_t>(x * 10), static_cast<std::uint8_t>(y * 15), 90});
    }
    // 4:4:4, 4:2:0, 4:2:2, 4:4:0, 4:1:1, and what no camera writes but the standard allows.
    const std::vector<Sampling> samplings{{{1, 1}, {1, 1}, {1, 1}}, {{2, 2}, {1, 1}, {1, 1}}, {{2, 1}, {1, 1}, {1, 1}},
                                          {{1, 2}, {1, 1}, {1, 1}}, {{4, 1}, {1, 1}, {1, 1}}, {{1, 4}, {1, 1}, {1, 1}},
                                          {{2, 2}, {2, 1}, {1, 2}}, {{3, 1}, {1, 1}, {1, 1}}, {{1, 1}, {2, 2}, {1, 1}},
                                          {{4, 2}, {1, 1}, {1, 1}}};
    for (const Sampling& sampling : samplings) {
        const Image read = decode(encode_jpeg(image.values, 13, 21, JCS_RGB, sampling));
        ASSERT_EQ(read.values.size(), image.values.size());
        for (std::size_t i = 0; i < image.values.size(); ++i) EXPECT_NEAR(read.values[i], image.values[i], 24) << i;
    }
}

TEST(Image, FilesCutShortAreRefused) {
    const Image image = patterned_image(16, 16);
    const std::string png = encode_png(image);
    const std::string jpeg = encode_jpeg(image.values, 16, 16);
    for (std::size_t length = 0; length < png.size() - 12; ++length) {  // the last chunk, IEND, is empty
        EXPECT_THROW(decode(png.substr(0, length)), FormatError) << length;
    }
    for (std::size_t length = 0; length < jpeg.size() - 2; ++length) {
        EXPECT_THROW(decode(jpeg.substr(0, length)), FormatError) << length;
    }
    expect_error<FormatError>([&] { decode(png.substr(0, 60)); }, {"picture", "damaged PNG"});
    expect_error<FormatError>([&] { decode(jpeg.substr(0, jpeg.size() / 2)); }, {"picture", "damaged JPEG"});
}

TEST(Image, SamplingThatLibjpegDoesNotKnowIsNotCalledDamage) {
    const std::vector<std::uint8_t> values(3 * 64, 90);
    std::string file = encode_jpeg(values, 8, 8, JCS_RGB, {{3, 1}, {1, 1}, {1, 1}});
    const std::size_t frame = file.find("\xff\xc0");
    ASSERT_NE(frame, std::string::npos);
    file[frame + 14] = 0x21;  // two samples of the second component to three of the first, which libjpeg does not write
    expect_error<FormatError>([&] { decode(file); }, {"picture", "kind that is not read here", "save it as"});
}

TEST(Image, WebPIsReadAsItWasWritten) {
    const Image image = patterned_image(9, 14);
    const Image read = decode(encode_webp(image.values, 9, 14));
    EXPECT_EQ(read.height, 9U);
    EXPECT_EQ(read.width, 14U);
    EXPECT_EQ(read.values, image.values);
    const std::string file = encode_webp(image.values, 9, 14);
    for (std::size_t length = 0; length + 1 < file.size(); ++length) {
        EXPECT_THROW(decode(file.substr(0, length)), FormatError) << length;
    }
    expect_error<FormatError>([&] { decode(file.substr(0, file.size() / 2)); }, {"picture", "WebP", "too early"});
    expect_error<FormatError>([&] { decode("RIFF....WEBPVP8 and more than that of it"); }, {"picture", "WebP"});
}

TEST(Image, TransparencyIsTheSameInPngAndWebP) {
    std::vector<std::uint8_t> values;
    for (std::size_t i = 0; i < 64; ++i) {
        values.insert(values.end(), {static_cast<std::uint8_t>(i * 4), 200, static_cast<std::uint8_t>(255 - i),
                                     static_cast<std::uint8_t>(i * 4 + 1)});
    }
    const Image png = decode(encode_png(values, 8, 8, PNG_FORMAT_RGBA));
    const Image webp = decode(encode_webp(values, 8, 8));
    for (std::size_t i = 0; i < png.values.size(); ++i) EXPECT_NEAR(webp.values[i], png.values[i], 1) << i;
}

/// data/images: see scripts/golden-images.
TEST(Image, FilesOfOtherProgramsAreReadAsPillowReadsThem) {
    const std::filesystem::path folder = std::filesystem::path(POLYFORMER_TEST_DATA) / "images";
    const auto expected = nlohmann::json::parse(read_file(folder / "expected.json"));
    ASSERT_GE(expected.size(), 13U);
    for (const auto& [name, picture] : expected.items()) {
        const Image read = read_image(folder / name);
        const auto digits = picture.at("values").get<std::string>();
        ASSERT_EQ(read.height, picture.at("height")) << name;
        ASSERT_EQ(read.width, picture.at("width")) << name;
        ASSERT_EQ(2 * read.values.size(), digits.size()) << name;
        // Both may round a colour of a lossy file in their own way, chroma most.
        const int slack = name.ends_with(".png") || name.starts_with("lossless") ? 0 : 3;
        for (std::size_t i = 0; i < read.values.size(); ++i) {
            ASSERT_NEAR(read.values[i], std::stoi(digits.substr(2 * i, 2), nullptr, 16), slack) << name << ", " << i;
        }
    }
    expect_error<FormatError>([&] { read_image(folder / "animated.webp"); }, {"animated.webp", "animated WebP"});
}

TEST(Image, DamageIsFoundByChecksums) {
    std::string png = encode_png(patterned_image(16, 16));
    png[png.size() / 2] = static_cast<char>(png[png.size() / 2] ^ 0x55);
    EXPECT_THROW(decode(png), FormatError);
}

TEST(Image, SizesAreCheckedBeforeAnythingIsAllocated) {
    // The first chunk of a PNG file, IHDR, has width and height at 16, its checksum at 29.
    const auto with_size = [](std::uint32_t width, std::uint32_t height) {
        std::string png = encode_png(patterned_image(2, 2));
        for (int i = 0; i < 4; ++i) {
            png[16 + i] = static_cast<char>(width >> (24 - 8 * i));
            png[20 + i] = static_cast<char>(height >> (24 - 8 * i));
        }
        std::uint32_t checksum = 0xffffffffU;
        for (std::size_t i = 12; i < 29; ++i) {
            checksum ^= static_cast<unsigned char>(png[i]);
            for (int bit = 0; bit < 8; ++bit) checksum = (checksum >> 1) ^ (0xedb88320U & (0U - (checksum & 1)));
        }
        for (int i = 0; i < 4; ++i) png[29 + i] = static_cast<char>(~checksum >> (24 - 8 * i));
        return png;
    };
    expect_error<FormatError>([&] { decode(with_size(20000, 10)); }, {"20000x10", "16384"});
    expect_error<FormatError>([&] { decode(with_size(16384, 16384)); }, {"16384x16384", "67108864"});

    std::string jpeg = encode_jpeg(std::vector<std::uint8_t>(3 * 64, 1), 8, 8);
    const std::size_t frame = jpeg.find("\xff\xc0");  // height and width stand 5 bytes on
    ASSERT_NE(frame, std::string::npos);
    jpeg.replace(frame + 5, 4, "\xf0\x00\xf0\x00", 4);
    expect_error<FormatError>([&] { decode(jpeg); }, {"61440x61440"});
}

TEST(Image, OtherKindsAreRefusedByName) {
    const std::string cmyk = encode_jpeg(std::vector<std::uint8_t>(4 * 64, 1), 8, 8, JCS_CMYK);
    expect_error<FormatError>([&] { decode(cmyk); }, {"picture", "CMYK", "RGB"});
    expect_error<FormatError>([] { decode("GIF89a and more"); }, {"picture", "neither a PNG nor a JPEG nor a WebP"});
    expect_error<FormatError>([] { decode(""); }, {"neither"});
    expect_error<IoError>([] { read_image("/nowhere/cat.png"); }, {"/nowhere/cat.png"});
}

TEST(ImageResized, TheRightSizeIsLeftAlone) {
    const Image image = patterned_image(5, 6);
    EXPECT_EQ(resized(image, 5, 6).values, image.values);
}

TEST(ImageResized, PixelsAreMeansOfWhatTheyCover) {
    // 4×4 → 2×2: each of the values 0..15 (times 4) in a block of four.
    Image image{.height = 4, .width = 4, .values = {}};
    for (int i = 0; i < 16; ++i) image.values.insert(image.values.end(), 3, static_cast<std::uint8_t>(i * 4));
    EXPECT_THAT(resized(image, 2, 2).values, ElementsAre(10, 10, 10, 18, 18, 18, 42, 42, 42, 50, 50, 50));
    // 3 → 2 pixels of 1.5: (0 + 4/2)/1.5 of each row, (4/2 + 8)/1.5; rows alike.
    Image thirds{.height = 3, .width = 3, .values = {}};
    for (int i = 0; i < 9; ++i) thirds.values.insert(thirds.values.end(), 3, static_cast<std::uint8_t>(i % 3 * 30));
    EXPECT_THAT(resized(thirds, 2, 2).values, ElementsAre(10, 10, 10, 50, 50, 50, 10, 10, 10, 50, 50, 50));
}

TEST(ImageResized, TheLongerSideIsCutEvenly) {
    Image image{.height = 2, .width = 6, .values = {}};
    for (int i = 0; i < 12; ++i) image.values.insert(image.values.end(), 3, static_cast<std::uint8_t>(i % 6));
    EXPECT_THAT(resized(image, 2, 2).values, ElementsAre(2, 2, 2, 3, 3, 3, 2, 2, 2, 3, 3, 3));
    Image tall{.height = 6, .width = 2, .values = {}};
    for (int i = 0; i < 12; ++i) tall.values.insert(tall.values.end(), 3, static_cast<std::uint8_t>(i / 2));
    EXPECT_THAT(resized(tall, 2, 2).values, ElementsAre(2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3));
}

TEST(ImageResized, SmallImagesAreInterpolated) {
    const Image image{.height = 1, .width = 2, .values = {0, 0, 0, 100, 100, 100}};
    // Of the middle 1×1, as the longer side is cut: from x = 0.5 to 1.5 in four steps.
    const Image larger = resized(image, 4, 4);
    for (std::size_t y = 0; y < 4; ++y) {
        const std::vector<std::uint8_t> row(larger.values.begin() + static_cast<std::ptrdiff_t>(y * 12),
                                            larger.values.begin() + static_cast<std::ptrdiff_t>(y * 12 + 12));
        EXPECT_THAT(row, ElementsAreArray({13, 13, 13, 38, 38, 38, 63, 63, 63, 88, 88, 88}));
    }
    EXPECT_THAT(resized({.height = 1, .width = 1, .values = {7, 8, 9}}, 1, 3).values,
                ElementsAre(7, 8, 9, 7, 8, 9, 7, 8, 9));
}

TEST(ImageResized, FlatImagesStayFlatAtAnySize) {
    const Image image{.height = 37, .width = 53, .values = std::vector<std::uint8_t>(37 * 53 * 3, 201)};
    for (const auto& [height, width] : {std::pair(32, 32), std::pair(7, 100), std::pair(36, 53), std::pair(1, 1)}) {
        EXPECT_THAT(resized(image, height, width).values, Each(201));
    }
}

TEST(ImageResized, ImpossibleSizesAreRefused) {
    const Image image = patterned_image(2, 2);
    expect_error<Error>([&] { resized(image, 0, 4); }, {"2x2", "4x0"});
    expect_error<Error>([&] { resized(image, 4, 20000); }, {"20000"});
    expect_error<Error>([] { resized({.height = 2, .width = 2, .values = {1, 2, 3}}, 1, 1); }, {"3 values", "12"});
}

}  // namespace
}  // namespace polyformer::model
