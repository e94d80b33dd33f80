#include "polyformer/train/download/datasets.h"

#include <algorithm>
#include <string>
#include <vector>

#include "polyformer/train/download/archive.h"
#include "tests/train/download/archive_files.h"
#include "tests/train/download/download_fixture.h"

namespace polyformer::train {
namespace {

void replace_all(std::string& bytes, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = bytes.find(from, at)) != std::string::npos; at += to.size()) {
        bytes.replace(at, from.size(), to);
    }
}

std::string little_endian(std::uint32_t value) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
    return bytes;
}

class DataSetsTest : public FolderTest {
  protected:
    void SetUp() override {
        fs::create_directories(root() / "texts");
        for (const Entry& text : texts()) write_file(root() / "texts" / text.name, text.contents);
        std::vector<Entry> entries = texts();
        for (Entry& entry : entries) entry.name = "toy/" + entry.name;
        write_archive(archive(), entries);
    }

    static std::vector<Entry> texts() {
        return {{"wiki.train.tokens", " \n = Heading = \n \n One <unk> of  them . \n"},
                {"wiki.valid.tokens", " \n A text . \n"},
                {"wiki.test.tokens", " Another \n"}};
    }

    fs::path archive() const { return root() / "toy-v1.zip"; }
    fs::path out() const { return root() / "out"; }

    /// The toy set as a table entry; training text with its own checksum, the others without.
    DataSet toy(const std::string& url = "http://127.0.0.1:1/toy-v1.zip") const {
        return {.name = "toy",
                .title = "A toy",
                .license = "none",
                .url = url,
                .sha256 = sha256_of_file(archive()),
                .folder = "toy",
                .most_archive_bytes = 1 << 16,
                .most_file_bytes = 1 << 16,
                .files = {{"train", "wiki.train.tokens", 4, sha256_of_file(root() / "texts/wiki.train.tokens")},
                          {"valid", "wiki.valid.tokens", 2, ""},
                          {"test", "wiki.test.tokens", 1, ""}}};
    }

    Fetched fetch_from(const DataSet& data_set, const fs::path& from) const {
        return fetch(data_set, {.out = out(), .from = from, .quiet = true});
    }

    std::vector<std::string> names_in_out() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::recursive_directory_iterator(out())) {
            names.push_back(entry.path().filename().string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }
    void expect_complete() const {
        EXPECT_THAT(names_in_out(), ElementsAre("wiki.test.tokens", "wiki.train.tokens", "wiki.valid.tokens"));
        for (const Entry& text : texts()) EXPECT_EQ(read_file(out() / text.name), text.contents);
    }
};

TEST_F(DataSetsTest, TableIsWellFormed) {
    for (const DataSet& data_set : data_sets()) {
        EXPECT_EQ(&find_data_set(data_set.name), &data_set);
        EXPECT_EQ(data_set.url.substr(0, 8), "https://");
        EXPECT_THAT(data_set.sha256, SizeIs(64));
        for (const DataSetFile& file : data_set.files) {
            EXPECT_TRUE(file.sha256.empty() || file.sha256.size() == 64) << file.name;
            EXPECT_GT(file.lines, 0U);
        }
    }
    EXPECT_THAT([] { find_data_set("wikitext-3"); },
                ThrowsMessage<Error>(AllOf(HasSubstr("wikitext-3"), HasSubstr("wikitext-2 or wikitext-103"))));
}

TEST_F(DataSetsTest, ComesFromItsHomeOnceAndForAll) {
    const LocalServer server(read_file(archive()), {.breaks = 1, .bytes_to_break = 100});
    const DataSet data_set = toy(server.url("toy-v1.zip"));
    const Fetched fetched = fetch_from(data_set, "");
    expect_complete();
    EXPECT_EQ(fetched.source, data_set.url);
    ASSERT_THAT(fetched.files, SizeIs(3));
    EXPECT_EQ(fetched.files[0].lines, 4U);
    EXPECT_EQ(fetched.files[0].words, 3U + 5 + 4);
    EXPECT_EQ(fetched.files[0].bytes, texts()[0].contents.size());
    for (const FetchedFile& file : fetched.files) EXPECT_EQ(file.check, Check::checksum) << file.name;
    EXPECT_THAT(server.requests(), ElementsAre(0, 100));

    EXPECT_EQ(fetch_from(data_set, "").source, "already there");
    EXPECT_THAT(server.requests(), SizeIs(2));
    fs::remove(out() / "wiki.valid.tokens");
    fetch_from(data_set, "");
    expect_complete();
}

TEST_F(DataSetsTest, ComesFromACopyOfTheArchive) {
    EXPECT_EQ(fetch_from(toy(), archive()).source, archive().string());
    expect_complete();
}

TEST_F(DataSetsTest, ComesFromAFolderOfTexts) {
    const Fetched fetched = fetch_from(toy(), root() / "texts");
    expect_complete();
    EXPECT_EQ(fetched.files[0].check, Check::checksum);
    EXPECT_EQ(fetched.files[1].check, Check::lines);
}

TEST_F(DataSetsTest, TakesRawTextAsItIs) {
    fs::create_directories(root() / "raw");
    write_file(root() / "raw/wiki.train.raw", "Raw text\n");
    write_file(root() / "raw/valid.txt", "Any\n");
    write_file(root() / "raw/test.txt", "Text\n");
    const Fetched fetched = fetch_from(toy(), root() / "raw");
    EXPECT_THAT(names_in_out(), ElementsAre("test.txt", "valid.txt", "wiki.train.raw"));
    for (const FetchedFile& file : fetched.files) EXPECT_EQ(file.check, Check::none);
}

TEST_F(DataSetsTest, RefusesAnotherTextWithWhatWasExpectedAndFound) {
    std::string changed = texts()[0].contents;
    changed[4] = '-';
    write_file(root() / "texts/wiki.train.tokens", changed);
    DataSet data_set = toy();
    data_set.files[0].sha256 = std::string(64, '0');
    EXPECT_THAT([&] { fetch_from(data_set, root() / "texts"); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("wiki.train.tokens"), HasSubstr(std::string(64, '0')),
                                                 HasSubstr(sha256_of_file(root() / "texts/wiki.train.tokens")))));
    data_set.files[0].lines = 99;
    EXPECT_THAT([&] { fetch_from(data_set, root() / "texts"); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("has 4 lines"), HasSubstr("published one 99"))));
    EXPECT_THAT([&] { fetch_from(data_set, archive()); }, ThrowsMessage<FormatError>(HasSubstr("99")));
    EXPECT_THAT(names_in_out(), IsEmpty());
}

TEST_F(DataSetsTest, NeverReplacesATextByAnother) {
    fs::create_directories(out());
    write_file(out() / "wiki.train.tokens", "mine");
    EXPECT_THAT([&] { fetch_from(toy(), archive()); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("wiki.train.tokens"), HasSubstr("--out"))));
    fs::create_directories(root() / "raw");
    for (const char* name : {"train.txt", "valid.txt", "test.txt"}) write_file(root() / "raw" / name, "theirs");
    fs::remove(out() / "wiki.train.tokens");
    write_file(out() / "train.txt", "mine");
    EXPECT_THAT([&] { fetch_from(toy(), root() / "raw"); },
                ThrowsMessage<Error>(AllOf(HasSubstr("train.txt"), HasSubstr("another text"))));
    EXPECT_EQ(read_file(out() / "train.txt"), "mine");
    EXPECT_THAT(names_in_out(), ElementsAre("train.txt"));
}

TEST_F(DataSetsTest, SaysWhatIsMissing) {
    EXPECT_THAT([&] { fetch_from(toy(), root() / "nowhere"); }, ThrowsMessage<IoError>(HasSubstr("nowhere")));
    fs::create_directories(root() / "empty");
    EXPECT_THAT([&] { fetch_from(toy(), root() / "empty"); },
                ThrowsMessage<IoError>(AllOf(HasSubstr("wiki.train.tokens, wiki.train.raw, train.txt"),
                                             HasSubstr("toy-v1.zip"), HasSubstr("--from"))));
    write_file(root() / "other.zip", "no archive");
    EXPECT_THAT([&] { fetch_from(toy(), root() / "other.zip"); },
                ThrowsMessage<FormatError>(
                    AllOf(HasSubstr(sha256_of_file(root() / "other.zip")), HasSubstr(sha256_of_file(archive())))));
    write_file(root() / "file", "");
    EXPECT_THAT([&] { fetch(toy(), {.out = root() / "file", .from = archive(), .quiet = true}); },
                ThrowsMessage<IoError>(AllOf(HasSubstr("not a folder"), HasSubstr("--out"))));
}

TEST_F(DataSetsTest, ArchiveWithoutTheTextsIsRefused) {
    write_archive(archive(),
                  {{"../../wiki.train.tokens", "out of the folder"}, {"/toy/wiki.train.tokens", "absolute"}});
    EXPECT_THAT([&] { fetch_from(toy(), archive()); },
                ThrowsMessage<FormatError>(HasSubstr("has no file toy/wiki.train.tokens")));
    EXPECT_THAT(names_in_out(), IsEmpty());
    EXPECT_FALSE(fs::exists(root().parent_path() / "wiki.train.tokens"));
}

TEST_F(DataSetsTest, ArchiveThatUnpacksToTooMuchIsRefused) {
    write_archive(archive(), {{"toy/wiki.train.tokens", std::string(1 << 24, '\n')}});
    ASSERT_LT(fs::file_size(archive()), 1U << 16);
    EXPECT_THAT([&] { fetch_from(toy(), archive()); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("16777216 bytes"), HasSubstr("65536"))));
    EXPECT_THAT(names_in_out(), IsEmpty());
}

TEST_F(DataSetsTest, ArchiveThatLiesAboutSizesIsCutOff) {
    const std::size_t size = (1 << 24) + 12345;
    write_archive(archive(), {{"toy/wiki.train.tokens", std::string(size, '\n')}});
    std::string bytes = read_file(archive());
    replace_all(bytes, little_endian(size), little_endian(1000));
    write_file(archive(), bytes);
    std::size_t unpacked = 0;
    EXPECT_THROW(Archive(archive()).read("toy/wiki.train.tokens", 1 << 16,
                                         [&](std::span<const std::byte> block) { unpacked += block.size(); }),
                 FormatError);
    EXPECT_LE(unpacked, 1000U);
    EXPECT_THROW(fetch_from(toy(), archive()), FormatError);
    EXPECT_THAT(names_in_out(), IsEmpty());
}

TEST_F(DataSetsTest, DamagedArchivesAreRefused) {
    const std::string good = read_file(archive());
    for (std::size_t at = 0; at < good.size(); at += 7) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x5a);
        write_file(archive(), bad);
        std::string text;
        try {
            Archive(archive()).read("toy/wiki.train.tokens", 1 << 16, [&](std::span<const std::byte> block) {
                for (const std::byte byte : block) text += static_cast<char>(byte);
            });
            EXPECT_EQ(text, texts()[0].contents) << "byte " << at;  // a byte that does not matter, a time for one
        } catch (const FormatError&) {  // NOLINT(bugprone-empty-catch): that it is noticed is as good
        }
    }
    write_file(archive(), good.substr(0, good.size() / 2));
    EXPECT_THROW(Archive(archive()).read("toy/wiki.test.tokens", 1 << 16, [](std::span<const std::byte>) {}),
                 FormatError);
}

}  // namespace
}  // namespace polyformer::train
