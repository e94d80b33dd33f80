#include "polyformer/train/data/prepared_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/model/images/image_set.h"
#include "polyformer/support/error.h"
#include "polyformer/train/data/data_sources.h"
#include "tests/model/images/image_files.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::ThrowsMessage;

class PreparedImagesTest : public testing::Test {
  protected:
    void prepare_as(std::size_t height, std::size_t width) const {
        Config config;
        config.vision.emplace();
        config.vision->height = height;
        config.vision->width = width;
        prepare_images(data(), source_digests(data(), config), work(), height, width, true);
    }

    /// Three images of 2×1 pixels and two classes.
    static PreparedImages small() {
        static const std::vector<std::uint16_t> labels = {1, 0, 1};
        static const std::vector<std::uint8_t> pixels = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
        return {.height = 2,
                .width = 1,
                .classes = {"cat", "dog"},
                .source_digest = std::string(64, 'd'),
                .labels = labels,
                .pixels = pixels,
                .owner = {}};
    }

    fs::path file() const { return scratch_.path() / "train.images"; }
    fs::path data() const { return scratch_.path() / "data"; }
    fs::path work() const { return scratch_.path() / "work"; }

    void write_own(const std::string& split, const std::string& label, std::size_t count) const {
        fs::create_directories(data() / split / label);
        for (std::size_t i = 0; i < count; ++i) {
            write_file(data() / split / label / fmt::format("{}.png", i),
                       model::encode_png(model::patterned_image(4 + i, 6, i)));
        }
    }

  private:
    ScratchFolder scratch_{"prepared-images"};
};

TEST_F(PreparedImagesTest, SurviveTheirFile) {
    save_images(small(), file());
    PreparedImages copy;
    {
        const PreparedImages loaded = load_images(file());
        copy = loaded;
    }
    fs::remove(file());  // what is mapped stays
    EXPECT_EQ(copy.height, 2U);
    EXPECT_EQ(copy.width, 1U);
    EXPECT_EQ(copy.size(), 3U);
    EXPECT_EQ(copy.image_bytes(), 6U);
    EXPECT_THAT(copy.classes, ElementsAre("cat", "dog"));
    EXPECT_EQ(copy.source_digest, std::string(64, 'd'));
    EXPECT_THAT(copy.labels, ElementsAre(1, 0, 1));
    EXPECT_THAT(copy.pixels, ElementsAreArray(small().pixels));
}

TEST_F(PreparedImagesTest, NothingAppearsUnlessWhole) {
    {
        PreparedImagesWriter writer(small(), file());
        writer.write(small().pixels.first(12));
        EXPECT_THROW(writer.write(small().pixels), Error);
        EXPECT_THROW(writer.commit(), Error);
        EXPECT_FALSE(fs::exists(file()));
    }
    PreparedImages images = small();
    images.classes = {"cat"};
    EXPECT_THAT([&] { save_images(images, file()); }, ThrowsMessage<Error>(HasSubstr("label 1")));
    images = small();
    images.height = 0;
    EXPECT_THAT([&] { save_images(images, file()); }, ThrowsMessage<Error>(HasSubstr("1x0")));
    images = small();
    images.source_digest = "abc";
    EXPECT_THROW(save_images(images, file()), Error);
    images = small();
    images.classes[0] = std::string("c\0t", 3);
    EXPECT_THROW(save_images(images, file()), Error);
    EXPECT_FALSE(fs::exists(file()));
}

TEST_F(PreparedImagesTest, DamagedFilesAreRefused) {
    save_images(small(), file());
    const std::string good = read_file(file());
    for (std::size_t length = 0; length < good.size(); ++length) {
        write_file(file(), good.substr(0, length));
        EXPECT_THROW(load_images(file()), FormatError) << length;
    }
    write_file(file(), good + '\0');
    EXPECT_THROW(load_images(file()), FormatError);
    // Height, width, images, classes and bytes of names follow each other from byte 72 on.
    for (std::size_t field = 72; field < 112; field += 8) {
        for (const std::uint64_t value :
             {std::uint64_t{0}, std::uint64_t{3000}, ~std::uint64_t{0}, std::uint64_t{1} << 32}) {
            std::string bad = good;
            bad.replace(field, 8, reinterpret_cast<const char*>(&value), 8);
            write_file(file(), bad);
            EXPECT_THROW(load_images(file()), FormatError) << field << " " << value;
        }
    }
    std::string bad = good;
    bad[112 + 3] = '-';  // "cat-dog"
    write_file(file(), bad);
    EXPECT_THAT([&] { load_images(file()); }, ThrowsMessage<FormatError>(HasSubstr("2 classes, but names 1")));
    bad = good;
    bad[112 + 8 + 4] = 2;
    write_file(file(), bad);
    EXPECT_THAT([&] { load_images(file()); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("label of image 2 is 2"), HasSubstr(file().string()))));
    EXPECT_THROW(load_images(work()), IoError);
}

TEST_F(PreparedImagesTest, AreMadeFromAFolder) {
    for (const char* label : {"cat", "dog"}) {
        write_own("train", label, 4);
        write_own("test", label, 1);
    }
    prepare_as(3, 5);
    const PreparedImages train = load_images(work() / "train.images");
    EXPECT_EQ(train.size(), 6U);
    EXPECT_EQ(load_images(work() / "valid.images").size(), 2U);
    EXPECT_EQ(load_images(work() / "test.images").size(), 2U);
    EXPECT_THAT(train.labels, ElementsAre(0, 0, 0, 1, 1, 1));
    EXPECT_THAT(train.classes, ElementsAre("cat", "dog"));
    const model::Image first = model::resized(model::patterned_image(5, 6, 1), 3, 5);
    for (std::size_t channel = 0; channel < 3; ++channel) {
        for (std::size_t i = 0; i < 15; ++i) {
            EXPECT_EQ(train.pixels[channel * 15 + i], first.values[i * 3 + channel]);
        }
    }
}

TEST_F(PreparedImagesTest, AreMadeAnewOnlyWhenSomethingChanged) {
    write_own("train", "cat", 3);
    write_own("train", "dog", 3);
    const auto prepared_at = [&] { return fs::last_write_time(work() / "train.images"); };
    const auto prepare = [&](std::size_t side) { prepare_as(side, side); };
    prepare(4);
    EXPECT_FALSE(fs::exists(work() / "test.images"));
    const fs::file_time_type long_ago = prepared_at() - std::chrono::hours(1);
    fs::last_write_time(work() / "train.images", long_ago);
    prepare(4);
    EXPECT_EQ(prepared_at(), long_ago);
    prepare(5);
    EXPECT_NE(prepared_at(), long_ago);
    EXPECT_EQ(load_images(work() / "train.images").height, 5U);

    fs::last_write_time(work() / "train.images", long_ago);
    write_file(data() / "train/cat/2.png", read_file(data() / "train/dog/1.png"));  // another image under its name
    prepare(5);
    EXPECT_NE(prepared_at(), long_ago);

    fs::last_write_time(work() / "train.images", long_ago);
    fs::remove(data() / "train/cat/2.png");
    prepare(5);
    EXPECT_EQ(load_images(work() / "train.images").size(), 3U);

    write_file(work() / "train.images", "damaged");
    prepare(5);
    EXPECT_EQ(load_images(work() / "train.images").size(), 3U);
}

TEST_F(PreparedImagesTest, AnImageThatCannotBeReadIsNamed) {
    write_own("train", "cat", 3);
    write_own("train", "dog", 3);
    write_file(data() / "train/dog/1.png", "none");
    EXPECT_THAT([&] { prepare_as(4, 4); }, ThrowsMessage<FormatError>(HasSubstr("train/dog/1.png")));
    EXPECT_FALSE(fs::exists(work() / "train.images"));
}

}  // namespace
}  // namespace polyformer::train
