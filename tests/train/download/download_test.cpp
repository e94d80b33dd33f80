#include "polyformer/train/download/download.h"

#include <string>

#include "tests/train/download/download_fixture.h"

namespace polyformer::train {
namespace {

class DownloadTest : public FolderTest {
  protected:
    void SetUp() override {
        for (int i = 0; i < 10000; ++i) body_ += static_cast<char>(i * i % 251);
        write_file(root() / "original", body_);
    }

    void fetch(const std::string& url) const {
        download(url, file(),
                 {.sha256 = sha256_of_file(root() / "original"), .most_bytes = 2 * body_.size(), .quiet = true});
    }
    fs::path file() const { return root() / "copy"; }
    fs::path part() const { return root() / "copy.part"; }
    void expect_done() const {
        EXPECT_EQ(read_file(file()), body_);
        EXPECT_FALSE(fs::exists(part()));
    }

    std::string body_;
};

TEST_F(DownloadTest, FetchesAFile) {
    const LocalServer server(body_);
    fetch(server.url("copy"));
    expect_done();
    EXPECT_THAT(server.requests(), ElementsAre(0));
}

TEST_F(DownloadTest, ReadsFileUrlsAndGoesOnFromAPart) {
    const std::string url = "file://" + (root() / "original").string();
    fetch(url);
    expect_done();
    fs::remove(file());
    write_file(part(), body_.substr(0, 4000));
    fetch(url);
    expect_done();
    fs::remove(file());
    write_file(part(), body_ + "too long");
    fetch(url);
    expect_done();
}

TEST_F(DownloadTest, GoesOnWhereTheConnectionBroke) {
    const LocalServer server(body_, {.breaks = 2, .bytes_to_break = 1500});
    fetch(server.url("copy"));
    expect_done();
    EXPECT_THAT(server.requests(), ElementsAre(0, 1500, 3000));
}

TEST_F(DownloadTest, KeepsWhatCameForTheNextCall) {
    const LocalServer server(body_, {.breaks = 5, .bytes_to_break = 1000});
    const std::string url = server.url("copy");
    EXPECT_THAT([&] { fetch(url); }, ThrowsMessage<IoError>(AllOf(HasSubstr(url), HasSubstr("4.9 KiB of it are kept"),
                                                                  HasSubstr("goes on"), HasSubstr("--from"))));
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_EQ(read_file(part()), body_.substr(0, 5000));
    fetch(url);
    expect_done();
    EXPECT_EQ(server.requests().back(), 5000U);
}

TEST_F(DownloadTest, GivesUpOnAServerThatSendsNothingMore) {
    const LocalServer server(body_, {.breaks = 100, .bytes_to_break = 0});
    EXPECT_THROW(fetch(server.url("copy")), IoError);
    EXPECT_THAT(server.requests(), ElementsAre(0));
    EXPECT_FALSE(fs::exists(part()));
}

TEST_F(DownloadTest, StartsAgainWhereRangesAreNotKnown) {
    const LocalServer server(body_, {.ranges = false});
    write_file(part(), body_.substr(0, 4000));
    fetch(server.url("copy"));
    expect_done();
    EXPECT_THAT(server.requests(), ElementsAre(4000, 0));
}

TEST_F(DownloadTest, StartsAgainWhenThePartIsLongerThanTheFile) {
    const LocalServer server(body_);
    write_file(part(), std::string(body_.size() + 10, 'x'));
    fetch(server.url("copy"));
    expect_done();
    EXPECT_THAT(server.requests(), ElementsAre(body_.size() + 10, 0));
    fs::remove(file());
    write_file(part(), std::string(3 * body_.size(), 'x'));  // longer than any such file: not even asked for
    fetch(server.url("copy"));
    expect_done();
    EXPECT_EQ(server.requests().back(), 0U);
}

TEST_F(DownloadTest, StartsAgainWhenThePartIsOfAnotherFile) {
    const LocalServer server(body_);
    write_file(part(), std::string(4000, 'x'));
    fetch(server.url("copy"));
    expect_done();
    EXPECT_THAT(server.requests(), ElementsAre(4000, 0));
}

TEST_F(DownloadTest, AsksForNothingWhenThePartIsWhole) {
    const LocalServer server(body_);
    write_file(part(), body_);
    fetch(server.url("copy"));
    expect_done();
    EXPECT_THAT(server.requests(), IsEmpty());
}

TEST_F(DownloadTest, RefusesAnotherFileAndKeepsNothingOfIt) {
    std::string other = body_;
    other[7777] = static_cast<char>(other[7777] ^ 1);
    const LocalServer server(other);
    write_file(root() / "other", other);
    EXPECT_THAT(
        [&] { fetch(server.url("copy")); },
        ThrowsMessage<FormatError>(AllOf(HasSubstr(server.url("copy")), HasSubstr(sha256_of_file(root() / "original")),
                                         HasSubstr(sha256_of_file(root() / "other")))));
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_FALSE(fs::exists(part()));
}

TEST_F(DownloadTest, CutsOffAServerThatSendsTooMuch) {
    const LocalServer server(std::string(1 << 22, 'x'));
    EXPECT_THAT([&] { fetch(server.url("copy")); }, ThrowsMessage<IoError>(HasSubstr("sends more than the 20 KiB")));
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_LE(fs::file_size(part()), 2 * body_.size());
}

TEST_F(DownloadTest, NamesUrlAndCauseWhenItCannotBeReached) {
    const LocalServer server("<html>gone</html>", {.status = 404});
    EXPECT_THAT([&] { fetch(server.url("copy")); },
                ThrowsMessage<IoError>(AllOf(HasSubstr(server.url("copy")), HasSubstr("404"), HasSubstr("--from"))));
    EXPECT_THAT([&] { fetch("http://127.0.0.1:1/copy"); },
                ThrowsMessage<IoError>(AllOf(HasSubstr("127.0.0.1:1/copy"), HasSubstr("connect"))));
    EXPECT_THROW(fetch("file://" + (root() / "nowhere").string()), IoError);
    EXPECT_FALSE(fs::exists(part()));
    EXPECT_FALSE(fs::exists(file()));
}

}  // namespace
}  // namespace polyformer::train
