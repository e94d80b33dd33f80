#include "polyformer/model/images/image_set.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "tests/model/fixtures.h"
#include "tests/model/images/image_files.h"

namespace polyformer::model {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

void write_below(const fs::path& file, const std::string& contents) {
    fs::create_directories(file.parent_path());
    write_file(file, contents);
}

/// Images whose first value is their number.
std::string numbered_png(std::size_t number) {
    Image image = patterned_image(3, 4);
    image.values[0] = static_cast<std::uint8_t>(number);
    return encode_png(image);
}

std::vector<std::size_t> labels_of(const ImageSet& set) {
    std::vector<std::size_t> labels(set.size());
    for (std::size_t i = 0; i < set.size(); ++i) labels[i] = set.label(i);
    return labels;
}

/// The first value of each image.
std::vector<int> numbers_of(const ImageSet& set) {
    std::vector<int> numbers(set.size());
    for (std::size_t i = 0; i < set.size(); ++i) numbers[i] = set.image(i).values.at(0);
    return numbers;
}

class ImageSetTest : public testing::Test {
  protected:
    /// CIFAR-100's layout: of each class `a_class` images, class by class; red 3·number, green and blue constant.
    void write_cifar(std::size_t a_class) {
        std::string names;
        for (int i = 0; i < 100; ++i) names += fmt::format("class-{}\n", i);
        write_file(folder() / "fine_label_names.txt", names);
        std::string records;
        for (std::size_t i = 0; i < 100 * a_class; ++i) {
            const std::size_t label = i % 100;
            records += static_cast<char>(label / 5);
            records += static_cast<char>(label);
            std::string red(1024, static_cast<char>(i / 100));
            red[33] = '\x63';  // row 1, column 1
            records += red + std::string(1024, '\x01') + std::string(1024, '\x02');
        }
        write_file(folder() / "train.bin", records);
        write_file(folder() / "test.bin", records.substr(0, 100 * 3074));
    }

    void write_tiny_imagenet() {
        write_file(folder() / "wnids.txt", "n00000003\nn00000001\nn00000002\n");
        write_file(folder() / "words.txt",
                   "n00000001\tcrane, a bird\nn00000002\tcrane\nn00000003\tgoldfish, Carassius auratus\nn4\tmore\n");
        for (std::size_t label = 1; label <= 3; ++label) {
            const std::string number = fmt::format("n0000000{}", label);
            for (std::size_t i = 0; i < 3; ++i) {
                write_below(folder() / "train" / number / "images" / fmt::format("{}_{}.JPEG", number, i),
                            numbered_png(10 * label + i));
            }
        }
        write_below(folder() / "val/images/val_0.JPEG", numbered_png(7));
        write_below(folder() / "val/images/val_1.JPEG", numbered_png(8));
        write_below(folder() / "val/val_annotations.txt",
                    "val_1.JPEG\tn00000002\t0\t1\t2\t3\nval_0.JPEG\tn00000003\t4\t5\t6\t7\n");
    }

    void write_own(const std::string& split, const std::string& label, std::size_t count) {
        fs::create_directories(folder() / split / label);
        for (std::size_t i = 0; i < count; ++i) {
            write_file(folder() / split / label / fmt::format("{:03}.png", i), numbered_png(i));
        }
    }

    const fs::path& folder() const { return scratch_.path(); }
    ImageSet open(const std::string& split) const { return open_image_set(folder(), split); }

    /// Opening `split` fails with all of `parts` in the message.
    template <class E>
    void expect_refused(const std::string& split, const std::vector<std::string>& parts) const {
        expect_error<E>([&] { open(split); }, parts);
    }

  private:
    ScratchDirectory scratch_;
};

TEST_F(ImageSetTest, CifarIsReadRecordByRecord) {
    write_cifar(2);
    const ImageSet test = open("test");
    EXPECT_EQ(test.size(), 100U);
    EXPECT_EQ(test.classes().size(), 100U);
    EXPECT_EQ(test.classes()[17], "class-17");
    EXPECT_EQ(test.label(17), 17U);
    EXPECT_EQ(test.name(17), (folder() / "test.bin").string() + ", record 17");
    const Image image = test.image(17);
    EXPECT_EQ(image.height, 32U);
    EXPECT_EQ(image.width, 32U);
    EXPECT_EQ(image.values.size(), 3072U);
    EXPECT_EQ(image.values[(32 + 1) * 3], 0x63);
    EXPECT_EQ(image.values[(32 + 1) * 3 + 1], 1);
    EXPECT_EQ(image.values[(32 + 1) * 3 + 2], 2);
}

TEST_F(ImageSetTest, EveryFiftiethImageOfAClassIsHeldOut) {
    write_cifar(102);
    const ImageSet train = open("train");
    const ImageSet valid = open("valid");
    EXPECT_EQ(valid.size(), 300U);
    EXPECT_EQ(train.size(), 102U * 100 - 300);
    for (std::size_t i = 0; i < valid.size(); ++i) {
        EXPECT_EQ(valid.label(i), i % 100);
        EXPECT_EQ(valid.image(i).values[0], i / 100 * 50);
    }
    EXPECT_EQ(train.image(0).values[0], 1);
}

TEST_F(ImageSetTest, DamagedCifarIsRefusedByPlaceAndValue) {
    write_cifar(2);
    const std::string good = read_file(folder() / "train.bin");
    write_file(folder() / "train.bin", good.substr(0, good.size() - 1));
    expect_refused<FormatError>("train", {"train.bin", "614799 bytes", "3074"});
    write_file(folder() / "train.bin", "");
    expect_refused<FormatError>("train", {"train.bin", "0 bytes"});
    std::string bad = good;
    bad[5 * 3074 + 1] = 100;
    write_file(folder() / "train.bin", bad);
    expect_refused<FormatError>("valid", {"train.bin, record 5", "100 (fine)"});
    bad = good;
    bad[7 * 3074] = 20;
    write_file(folder() / "train.bin", bad);
    expect_refused<FormatError>("train", {"record 7", "20 (coarse)"});
    fs::remove(folder() / "train.bin");
    expect_refused<IoError>("train", {"train.bin"});
    EXPECT_FALSE(has_image_split(folder(), "train"));
    EXPECT_TRUE(has_image_split(folder(), "test"));

    write_file(folder() / "fine_label_names.txt", "apple\npear\n");
    expect_refused<FormatError>("test", {"fine_label_names.txt", "2 classes", "100"});
    fs::remove(folder() / "fine_label_names.txt");
    expect_refused<IoError>("test", {"fine_label_names.txt"});
}

TEST_F(ImageSetTest, TinyImageNetIsReadByItsLists) {
    write_tiny_imagenet();
    const ImageSet test = open("test");
    EXPECT_THAT(test.classes(), ElementsAre("crane, a bird (n00000001)", "crane (n00000002)", "goldfish"));
    EXPECT_THAT(labels_of(test), ElementsAre(1, 2));
    EXPECT_THAT(numbers_of(test), ElementsAre(8, 7));
    EXPECT_EQ(test.name(0), (folder() / "val/images/val_1.JPEG").string());
    EXPECT_THAT(numbers_of(open("valid")), ElementsAre(10, 20, 30));
    const ImageSet train = open("train");
    EXPECT_THAT(labels_of(train), ElementsAre(0, 0, 1, 1, 2, 2));
    EXPECT_THAT(numbers_of(train), ElementsAre(11, 12, 21, 22, 31, 32));
    EXPECT_EQ(train.classes(), test.classes());
}

TEST_F(ImageSetTest, DamagedTinyImageNetIsRefused) {
    write_tiny_imagenet();
    const fs::path annotations = folder() / "val/val_annotations.txt";
    write_file(annotations, "val_0.JPEG\tn00000009\t1\n");
    expect_refused<FormatError>("test", {"val_annotations.txt, line 1", "n00000009", "3 classes"});
    write_file(annotations, "val_0.JPEG\tn00000001\nval_1.JPEG\n");
    expect_refused<FormatError>("test", {"line 2", "no label"});
    write_file(annotations, "val_7.JPEG\tn00000001\n");
    expect_refused<IoError>("test", {"val_7.JPEG"});
    write_file(annotations, "../../words.txt\tn00000001\n");
    expect_refused<FormatError>("test", {"'../../words.txt'", "no file name"});
    write_file(annotations, "");
    expect_refused<FormatError>("test", {"names no images"});
    fs::remove_all(folder() / "val");
    expect_refused<IoError>("test", {"val_annotations.txt"});
    EXPECT_FALSE(has_image_split(folder(), "test"));

    fs::remove_all(folder() / "train/n00000002/images");
    expect_refused<IoError>("train", {"n00000002/images"});
    fs::create_directories(folder() / "train/n00000002/images");
    expect_refused<FormatError>("train", {"crane (n00000002)", "0 images"});
    write_file(folder() / "words.txt", "n00000001\tcrane\nn00000003\tgoldfish\n");
    expect_refused<FormatError>("train", {"words.txt", "n00000002"});
    write_file(folder() / "wnids.txt", "n00000001\nn00000001\n");
    expect_refused<FormatError>("train", {"wnids.txt", "2 classes", "only 1"});
    write_file(folder() / "wnids.txt", "n00000001\n../n1\n");
    expect_refused<FormatError>("train", {"wnids.txt", "'../n1'"});
}

TEST_F(ImageSetTest, OnesOwnImagesAreReadByFolder) {
    write_own("train", "dog", 3);
    write_own("train", "cat", 2);
    write_own("test", "cat", 1);
    write_own("test", "dog", 1);
    write_file(folder() / "train/dog/notes.txt", "no image");
    write_file(folder() / "train/dog/004.JPG", encode_jpeg(std::vector<std::uint8_t>(192, 200), 8, 8));
    write_file(folder() / "train/dog/.hidden.png", "no image");
    const ImageSet train = open("train");
    EXPECT_THAT(train.classes(), ElementsAre("cat", "dog"));
    EXPECT_THAT(labels_of(train), ElementsAre(0, 1, 1, 1));
    EXPECT_THAT(numbers_of(train), ElementsAre(1, 1, 2, 200));
    EXPECT_THAT(numbers_of(open("valid")), ElementsAre(0, 0));
    EXPECT_THAT(labels_of(open("test")), ElementsAre(0, 1));

    write_own("valid", "cat", 1);
    write_own("valid", "dog", 2);
    EXPECT_EQ(open("train").size(), 6U);  // nothing is held out now
    EXPECT_THAT(labels_of(open("valid")), ElementsAre(0, 1, 1));
}

TEST_F(ImageSetTest, WhatIsLeftOutIsCountedAndNamed) {
    write_own("train", "cat", 2);
    write_own("train", "dog", 2);
    EXPECT_EQ(open("train").skipped().count, 0U);
    EXPECT_EQ(describe(open("train").skipped()), "");
    for (const char* name : {"train/cat/b.gif", "train/cat/a.tiff", "train/dog/notes.txt", "train/lost.png"}) {
        write_file(folder() / name, "");
    }
    fs::create_directories(folder() / "train/dog/more.png");  // a folder
    write_file(folder() / "train/dog/.hidden", "");
    const ImageSet set = open("train");
    EXPECT_EQ(set.skipped().count, 5U);
    EXPECT_THAT(set.skipped().first, ElementsAre("train/lost.png", "train/cat/a.tiff", "train/cat/b.gif"));
    EXPECT_THAT(describe(set.skipped()), testing::HasSubstr("5 file(s) are left out"));
    EXPECT_THAT(describe(set.skipped()), testing::EndsWith("train/cat/b.gif, ..."));
}

TEST_F(ImageSetTest, ClassesHaveNamesThatAreText) {
    write_own("train", "cat", 2);
    for (const char* name : {"caf\xe9", "red\x1b[31m"}) {
        write_own("train", name, 2);
        expect_refused<FormatError>("train", {"plain text in UTF-8", "rename"});
        fs::remove_all(folder() / "train" / name);
    }
}

TEST_F(ImageSetTest, WebPImagesAreRead) {
    write_own("train", "cat", 2);
    write_own("train", "dog", 2);
    write_file(folder() / "train/dog/z.WebP", encode_webp(std::vector<std::uint8_t>(192, 77), 8, 8));
    EXPECT_THAT(numbers_of(open("train")).back(), 77);
}

TEST_F(ImageSetTest, OnesOwnImagesMustFitTogether) {
    expect_refused<IoError>("train", {folder().string(), "SPLIT/CLASS"});
    EXPECT_FALSE(is_image_folder(folder()));
    write_own("train", "cat", 2);
    EXPECT_TRUE(is_image_folder(folder()));
    expect_refused<FormatError>("train", {"1 classes", "2 to"});
    write_own("train", "dog", 1);
    expect_refused<FormatError>("train", {"'dog'", "1 images", "at least 2"});
    expect_refused<IoError>("test", {"no folder test"});
    EXPECT_FALSE(has_image_split(folder(), "test"));
    EXPECT_TRUE(has_image_split(folder(), "valid"));
    write_own("test", "cat", 1);
    write_own("test", "wolf", 1);
    expect_refused<FormatError>("test", {"test and train", "'dog'", "only one"});
    fs::remove_all(folder() / "test");
    write_own("test", "cat", 0);
    write_own("test", "dog", 0);
    expect_refused<FormatError>("test", {"no images for 'test'"});
    expect_refused<Error>("val", {"'val'", "train, valid or test"});
}

TEST_F(ImageSetTest, DamagedImagesAreNamed) {
    write_own("train", "cat", 2);
    write_own("train", "dog", 2);
    write_file(folder() / "train/dog/001.png", "no image at all");
    const ImageSet set = open("train");
    expect_error<FormatError>([&] { set.image(1); }, {"train/dog/001.png", "neither a PNG nor a JPEG"});
}

TEST_F(ImageSetTest, DigestsTellSetsApart) {
    write_own("train", "cat", 3);
    write_own("train", "dog", 3);
    const std::string before = open("train").digest();
    EXPECT_EQ(before.size(), 64U);
    EXPECT_EQ(open("train").digest(), before);
    EXPECT_NE(open("valid").digest(), before);
    fs::rename(folder() / "train/dog/002.png", folder() / "train/cat/003.png");
    const std::string moved = open("train").digest();
    EXPECT_NE(moved, before);
    std::string image = read_file(folder() / "train/cat/003.png");
    image.back() = static_cast<char>(image.back() + 1);  // as many bytes
    write_file(folder() / "train/cat/003.png", image);
    EXPECT_NE(open("train").digest(), moved);
}

TEST_F(ImageSetTest, DigestsOfCifarSeeEveryByte) {
    write_cifar(2);
    const std::string before = open("test").digest();
    std::string bytes = read_file(folder() / "test.bin");
    bytes[3000] = static_cast<char>(bytes[3000] + 1);
    write_file(folder() / "test.bin", bytes);
    EXPECT_NE(open("test").digest(), before);
}

TEST(PickedImages, AreDistinctAndOfManyClassesInAnyOrder) {
    const std::vector<std::size_t> picked = picked_images(40, 10000);
    ASSERT_EQ(picked.size(), 40U);
    EXPECT_TRUE(std::ranges::is_sorted(picked, std::less_equal<>()));  // so none comes twice
    EXPECT_LT(picked.back(), 10000U);
    std::set<std::size_t> by_turns;
    std::set<std::size_t> sorted;
    for (const std::size_t index : picked) {
        by_turns.insert(index % 100);  // classes one after the other
        sorted.insert(index / 100);    // or class by class
    }
    EXPECT_GT(by_turns.size(), 25U);
    EXPECT_GT(sorted.size(), 25U);
    EXPECT_EQ(picked_images(40, 10000), picked);
    EXPECT_THAT(picked_images(3, 3), ElementsAre(0, 1, 2));
    EXPECT_THAT(picked_images(9, 3), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace polyformer::model
