#include "polyformer/train/download/image_datasets.h"

#include <algorithm>
#include <string>
#include <vector>

#include "polyformer/model/images/image_set.h"
#include "tests/model/images/image_files.h"
#include "tests/train/download/archive_files.h"
#include "tests/train/download/download_fixture.h"

namespace polyformer::train {
namespace {

/// Two toys: "cifar" in CIFAR-100's layout with 3 and 1 images a class, "tiny" in Tiny-ImageNet's with 3 and 1 of 4 and
/// 2 published.
class ImageDataSetsTest : public FolderTest {
  protected:
    static ImageDataSet cifar() {
        ImageDataSet set = *find_image_data_set("cifar-100");
        set.train_a_class = 3;
        set.test_a_class = 1;
        return set;
    }

    static ImageDataSet tiny() {
        ImageDataSet set = *find_image_data_set("tiny-imagenet");
        set.classes = 2;
        set.train_a_class = 4;
        set.test_a_class = 2;
        set.side = 8;
        return set;
    }

    static std::vector<Entry> cifar_files() {
        std::string fine;
        for (int i = 0; i < 100; ++i) fine += fmt::format("class-{}\n", i);
        std::string records;
        for (std::size_t i = 0; i < 300; ++i) {
            records += static_cast<char>(i % 100 / 5);
            records += static_cast<char>(i % 100);
            records += std::string(3072, static_cast<char>(i));
        }
        return {{"cifar-100-binary/coarse_label_names.txt", "fish\n"},
                {"cifar-100-binary/fine_label_names.txt", fine},
                {"cifar-100-binary/train.bin", records},
                {"cifar-100-binary/test.bin", records.substr(0, 100 * 3074)}};
    }

    static std::vector<Entry> tiny_files() {
        std::vector<Entry> files = {{"t/wnids.txt", "n02\nn01\n"},
                                    {"t/words.txt", "n01\tcat\nn02\tdog\n"},
                                    {"t/val/val_annotations.txt", "val_0.JPEG\tn01\nval_1.JPEG\tn02\n"},
                                    {"t/test/images/test_0.JPEG", "not taken"},
                                    {"t/train/n01/n01_boxes.txt", "not taken"}};
        for (const char* name : {"train/n01/images/a.JPEG", "train/n01/images/b.JPEG", "train/n01/images/c.JPEG",
                                 "train/n02/images/a.JPEG", "train/n02/images/b.JPEG", "train/n02/images/c.JPEG",
                                 "val/images/val_0.JPEG", "val/images/val_1.JPEG"}) {
            files.push_back({std::string("t/") + name, model::encode_jpeg(model::patterned_image(8, 8).values, 8, 8)});
        }
        return files;
    }

    fs::path out() const { return root() / "out"; }

    FetchedImages fetch_from(const ImageDataSet& set, const fs::path& from) const {
        return fetch_images(set, {.out = out(), .from = from, .quiet = true});
    }
    FetchedImages fetch_from(const ImageDataSet& set, const std::vector<Entry>& entries,
                             const std::string& name = "set.tar.gz") const {
        write_archive(root() / name, entries);
        return fetch_from(set, root() / name);
    }

    std::vector<std::string> names_in_out() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::recursive_directory_iterator(out())) {
            if (entry.is_regular_file()) names.push_back(entry.path().lexically_relative(out()).string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    /// Refused with these words, and nothing is left in `out`.
    template <class E = FormatError>
    void expect_refused(const ImageDataSet& set, const std::vector<Entry>& entries, const std::string& words) const {
        EXPECT_THAT([&] { fetch_from(set, entries); }, ThrowsMessage<E>(HasSubstr(words)));
        EXPECT_THAT(names_in_out(), IsEmpty());
    }
};

TEST_F(ImageDataSetsTest, TableIsWellFormed) {
    for (const ImageDataSet& set : image_data_sets()) {
        EXPECT_EQ(find_image_data_set(set.name), &set);
        EXPECT_EQ(set.url.substr(0, 8), "https://");
        EXPECT_THAT(set.sha256, SizeIs(64));
    }
    EXPECT_EQ(find_image_data_set("cifar-1000"), nullptr);
}

TEST_F(ImageDataSetsTest, ComesFromItsHomeOnceAndForAll) {
    write_archive(root() / "cifar-100-binary.tar.gz", cifar_files());
    const std::string bytes = read_file(root() / "cifar-100-binary.tar.gz");
    const LocalServer server(bytes, {.breaks = 1, .bytes_to_break = 100});
    ImageDataSet set = cifar();
    set.url = server.url("cifar-100-binary.tar.gz");
    set.sha256 = sha256_of_file(root() / "cifar-100-binary.tar.gz");
    const FetchedImages fetched = fetch_from(set, "");
    EXPECT_EQ(fetched.source, set.url);
    EXPECT_TRUE(fetched.is_published_archive);
    EXPECT_FALSE(fetched.is_subset);
    ASSERT_THAT(fetched.splits, SizeIs(2));
    EXPECT_EQ(fetched.splits[0].images, 300U);
    EXPECT_EQ(fetched.splits[1].fewest, 1U);
    EXPECT_THAT(names_in_out(), ElementsAre("coarse_label_names.txt", "fine_label_names.txt", "test.bin", "train.bin"));
    EXPECT_FALSE(fs::exists(out() / ".unpacked"));
    EXPECT_THAT(server.requests(), ElementsAre(0, 100));
    EXPECT_EQ(fetch_from(set, "").source, "already there");
    EXPECT_THAT(server.requests(), SizeIs(2));
}

TEST_F(ImageDataSetsTest, ComesFromArchivesOfEveryKindAndFromFolders) {
    for (const char* kind : {"set.zip", "set.tar", "set.tar.xz", "set.tar.zst"}) {
        const FetchedImages fetched = fetch_from(cifar(), cifar_files(), kind);
        EXPECT_FALSE(fetched.is_published_archive);
        EXPECT_EQ(read_file(out() / "train.bin"), cifar_files()[2].contents);
        fs::remove_all(out());
    }
    for (const Entry& entry : cifar_files()) {
        fs::create_directories((root() / "folder" / entry.name).parent_path());
        write_file(root() / "folder" / entry.name, entry.contents);
    }
    for (const char* folder : {"folder", "folder/cifar-100-binary"}) {
        EXPECT_EQ(fetch_from(cifar(), root() / folder).splits[0].images, 300U);
        EXPECT_EQ(read_file(out() / "test.bin"), cifar_files()[3].contents);
        fs::remove_all(out());
    }
}

TEST_F(ImageDataSetsTest, SubsetsAreAcceptedWhereTheyExist) {
    const FetchedImages fetched = fetch_from(tiny(), tiny_files());
    EXPECT_TRUE(fetched.is_subset);
    EXPECT_EQ(fetched.splits[0].most, 3U);
    EXPECT_EQ(fetched.splits[0].published, 4U);
    EXPECT_EQ(fetched.splits[1].images, 2U);
    EXPECT_THAT(names_in_out(), SizeIs(3 + 8));
    EXPECT_FALSE(fs::exists(out() / "test"));
    EXPECT_EQ(model::open_image_set(out(), "test").classes()[1], "dog");

    fs::remove_all(out());
    ImageDataSet smaller = tiny();
    smaller.train_a_class = 2;
    expect_refused(smaller, tiny_files(), "3 images of 'cat' for train, but 2 were published");
    ImageDataSet larger = cifar();
    larger.train_a_class = 4;
    expect_refused(larger, cifar_files(), "3 images of 'class-0' for train, but 4 were published");
    ImageDataSet other = tiny();
    other.classes = 3;
    expect_refused(other, tiny_files(), "has 2 classes, tiny-imagenet has 3");
}

TEST_F(ImageDataSetsTest, HostileArchivesLeaveNothingBehind) {
    std::vector<Entry> files = tiny_files();
    files.push_back({"t/../../outside.txt", "out of the folder"});
    expect_refused(tiny(), files, "leads out of the folder");
    files = tiny_files();
    files.push_back({"t/train/n01/images/../../../../../x.JPEG", "out of the folder"});
    expect_refused(tiny(), files, "leads out of the folder");
    files = tiny_files();
    files.push_back({"t/train/n01/images/link.JPEG", "", "/etc/passwd"});
    expect_refused(tiny(), files, "link or a device");
    files = tiny_files();
    files.push_back({"t/train/n01/images", "", "/tmp"});  // none of its files: left out
    files.push_back({"u/wnids.txt", "twice"});
    expect_refused(tiny(), files, "two files wnids.txt");
    files = tiny_files();
    files[0].contents = std::string((16 << 20) + 1, '\n');
    expect_refused(tiny(), files, "16777217 bytes");
    EXPECT_FALSE(fs::exists(root() / "outside.txt"));
}

TEST_F(ImageDataSetsTest, DamagedImagesAreFoundBeforeAnythingAppears) {
    std::vector<Entry> files = tiny_files();
    files.back().contents.resize(100);
    expect_refused(tiny(), files, "val_1.JPEG");
    files = tiny_files();
    files.back().contents = model::encode_jpeg(model::patterned_image(9, 8).values, 9, 8);
    expect_refused(tiny(), files, "8x9 pixels, the published ones 8x8");
    files = cifar_files();
    files[2].contents[1] = 100;
    expect_refused(cifar(), files, "record 0: labels 0 (coarse) and 100 (fine)");
    expect_refused(cifar(), {{"readme.txt", "nothing else"}}, "none of the files of cifar-100 (train.bin");
}

TEST_F(ImageDataSetsTest, WhatIsThereIsNeverReplaced) {
    fs::create_directories(out());
    write_file(out() / "words.txt", "mine");
    EXPECT_THAT([&] { fetch_from(tiny(), tiny_files()); },
                ThrowsMessage<Error>(AllOf(HasSubstr("words.txt"), HasSubstr("there already"))));
    EXPECT_THAT(names_in_out(), ElementsAre("words.txt"));
    fs::remove_all(out());
    fetch_from(tiny(), tiny_files());
    EXPECT_THAT([&] { fetch_from(cifar(), cifar_files()); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("holds images already"), HasSubstr("--out"))));
    fs::remove(out() / "train/n01/images/a.JPEG");
    EXPECT_EQ(fetch_from(tiny(), root() / "nowhere").splits[0].fewest, 2U);
    fs::remove_all(out() / "val/images");
    EXPECT_THAT([&] { fetch_from(tiny(), ""); }, ThrowsMessage<FormatError>(HasSubstr("val_0.JPEG")));
}

TEST_F(ImageDataSetsTest, SaysWhatIsMissing) {
    EXPECT_THAT([&] { fetch_from(tiny(), root() / "nowhere.zip"); }, ThrowsMessage<IoError>(HasSubstr("nowhere.zip")));
    write_file(root() / "file", "");
    EXPECT_THAT([&] { fetch_images(tiny(), {.out = root() / "file", .from = root(), .quiet = true}); },
                ThrowsMessage<IoError>(HasSubstr("not a folder")));
}

}  // namespace
}  // namespace polyformer::train
