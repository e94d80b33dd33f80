#include "polyformer/train/download/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/train/download/archive_files.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class ArchiveTest : public testing::TestWithParam<const char*> {
  protected:
    fs::path file() const { return scratch_.path() / (std::string("some") + GetParam()); }

    /// Contents of an entry of the file.
    std::string contents(const std::string& entry, std::uint64_t most_bytes = 1 << 20) const {
        std::string text;
        Archive(file()).read(entry, most_bytes, [&](std::span<const std::byte> bytes) {
            text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        });
        return text;
    }

  private:
    ScratchFolder scratch_{"archive"};
};

TEST_P(ArchiveTest, EntriesAreReadOneAfterTheOther) {
    write_archive(file(), {{"a/b.txt", "first"}, {"link", "", "a/b.txt"}, {"../c", std::string(300000, 'x')}});
    std::vector<std::string> names;
    std::vector<ArchiveEntry::Kind> kinds;
    double last = 0;
    Archive(file()).for_each([&](const ArchiveEntry& entry, double done) {
        names.push_back(entry.name());
        kinds.push_back(entry.kind());
        EXPECT_GE(done, last);
        EXPECT_LE(done, 1);
        last = done;
    });
    EXPECT_THAT(names, ElementsAre("a/b.txt", "link", "../c"));
    EXPECT_THAT(kinds, ElementsAre(ArchiveEntry::Kind::file, ArchiveEntry::Kind::other, ArchiveEntry::Kind::file));
    EXPECT_EQ(contents("a/b.txt"), "first");
    EXPECT_EQ(contents("../c"), std::string(300000, 'x'));
}

TEST_P(ArchiveTest, WhatIsMissingOrTooLargeIsNamed) {
    write_archive(file(), {{"a", "contents"}, {"link", "", "a"}});
    EXPECT_THAT([&] { contents("b"); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr(file().string()), HasSubstr("no file b"))));
    EXPECT_THAT([&] { contents("link"); }, ThrowsMessage<FormatError>(HasSubstr("no file link")));
    EXPECT_THAT([&] { contents("a", 7); },
                ThrowsMessage<FormatError>(AllOf(HasSubstr("8 bytes"), HasSubstr("more than the 7"))));
}

TEST_P(ArchiveTest, ArchivesCutShortAreRefused) {
    std::string text;
    for (std::uint32_t i = 0; i < 20000; ++i) text += static_cast<char>(i * i * 7 + i / 3);
    write_archive(file(), {{"a", text}, {"b", "more"}});
    const std::string good = read_file(file());
    for (const std::size_t length : {good.size() / 4, good.size() / 2, std::size_t{40}, std::size_t{1}}) {
        write_file(file(), good.substr(0, length));
        EXPECT_THROW(contents("a"), FormatError) << length;
    }
    write_file(file(), "no archive at all, but a text");
    EXPECT_THAT([&] { Archive{file()}; }, ThrowsMessage<FormatError>(HasSubstr("not an archive")));
    EXPECT_THROW(Archive{file().parent_path()}, IoError);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ArchiveTest, testing::Values(".zip", ".tar", ".tar.gz", ".tar.xz", ".tar.zst"),
                         [](const auto& kind) {
                             std::string name(kind.param + 1);
                             std::replace(name.begin(), name.end(), '.', '_');
                             return name;
                         });

}  // namespace
}  // namespace polyformer::train
