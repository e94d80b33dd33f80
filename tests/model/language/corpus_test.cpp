#include "polyformer/model/language/corpus.h"

#include "polyformer/support/system/parallel.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> lines_of(const std::string& text) {
    const ScratchDirectory directory;
    write_file(directory.path() / "text", text);
    std::vector<std::string> lines;
    for_each_line(directory.path() / "text", [&](const std::string& line) { lines.push_back(line); });
    return lines;
}

TEST(Corpus, ErrorsSayWhatToFetch) {
    const ScratchDirectory directory;
    expect_error<IoError>(
        [&] { corpus_file(directory.path(), "test"); },
        {directory.path().string(), "wiki.test.tokens", "wiki.test.raw", "test.txt", "polyformer data", "--data"});
    expect_error<Error>([&] { corpus_file(directory.path(), "exam"); }, {"exam", "train, valid or test"});
    expect_error<Error>([&] { find_corpus_file(directory.path(), "../train"); }, {"../train"});
    expect_error<IoError>([&] { corpus_file(directory.path() / "nowhere", "train"); }, {"nowhere"});
}

TEST(Corpus, TakesTheFirstOfItsNamesThatIsThere) {
    const ScratchDirectory directory;
    EXPECT_FALSE(find_corpus_file(directory.path(), "valid"));
    for (const char* name : {"valid.txt", "wiki.valid.raw", "wiki.valid.tokens"}) {
        write_file(directory.path() / name, "text\n");
        EXPECT_EQ(corpus_file(directory.path(), "valid"), directory.path() / name);
    }
    EXPECT_FALSE(find_corpus_file(directory.path(), "train"));
    std::filesystem::create_directories(directory.path() / "train.txt");  // no file
    EXPECT_FALSE(find_corpus_file(directory.path(), "train"));
}

TEST(Corpus, LinesAreTrimmedAndAllThere) {
    EXPECT_THAT(lines_of(""), IsEmpty());
    EXPECT_THAT(lines_of("one"), ElementsAre("one"));
    EXPECT_THAT(lines_of(" one \r\n\n \ttwo words\n"), ElementsAre("one", "", "two words"));
    EXPECT_THAT(lines_of("one\n "), ElementsAre("one", ""));
}

TEST(Corpus, AnyEndOfLineAndAnyBlankIsTheSameText) {
    const std::vector<std::string> lines{"The film was", "", "released in 2000"};
    for (const char* text : {"The film was\n\nreleased in 2000\n", "The film was\r\n\r\nreleased in 2000\r\n",
                             "The film was\r\rreleased in 2000", "\xef\xbb\xbfThe film was\n\nreleased in 2000\n",
                             "The\tfilm\twas \t\n\f\n\vreleased in\t2000\n"}) {
        EXPECT_EQ(lines_of(text), lines) << text;
    }
    EXPECT_THAT(lines_of("a\r\n\r\nb\r"), ElementsAre("a", "", "b"));
    EXPECT_THAT(lines_of("\xef\xbb\xbf"), IsEmpty());
    // A mark of byte order anywhere else is a character, whatever stands before it.
    EXPECT_THAT(lines_of("a\n\xef\xbb\xbf"
                         "b"),
                ElementsAre("a",
                            "\xef\xbb\xbf"
                            "b"));
    // Any place of CR LF relative to the blocks that a file is read in.
    for (const std::size_t before : {4094U, 4095U, 4096U, (1U << 20) - 1, 1U << 20}) {
        const std::string first(before, 'a');
        EXPECT_THAT(lines_of(first + "\r\nb\r\n"), ElementsAre(first, "b")) << before;
    }
}

TEST(Corpus, WhatIsNoTextIsRefusedWithThePlace) {
    using namespace std::string_literals;
    const auto refused = [](const std::string& text, const std::vector<std::string>& parts) {
        expect_error<FormatError>([&] { for_each_line_of(text, "the text", [](const std::string&) {}); }, parts);
    };
    refused("plain\ncaf\xe9 au lait\n", {"the text: line 2, column 4: byte 9 (0xe9)", "iconv -f latin1 -t utf-8"});
    refused("\xef\xbb\xbf\xc3\xa9\r\n\xc3\xa9\xff", {"line 2, column 2: byte 9 (0xff)"});
    refused("cut short \xe2\x82", {"line 1, column 11: byte 10"});
    refused("\xed\xa0\x80", {"line 1, column 1: byte 0 (0xed)"});  // half of a surrogate pair
    refused("one\ntw\0o"s, {"line 2, column 3: byte 6 is 0", "tr -d"});
    refused("\xff\xfeT\0h\0e\0"s, {"utf-16", "iconv -f utf-16 -t utf-8"});
    refused("\xfe\xff\0T\0h"s, {"iconv -f utf-16 "});
    refused("\xff\xfe\0\0T\0\0\0"s, {"iconv -f utf-32 "});
    refused("\0\0\xfe\xff\0\0\0T"s, {"iconv -f utf-32 "});
    refused("T\0h\0e\0"s, {"iconv -f utf-16le "});
    refused("\0T\0h\0e"s, {"iconv -f utf-16be "});
    refused("T\0\0\0h\0\0\0"s, {"iconv -f utf-32le "});
    refused("\0\0\0T\0\0\0h"s, {"iconv -f utf-32be "});
    refused("\x89PNG\r\n\x1a\n", {"line 1, column 1"});
}

TEST(Corpus, QuestionsAreTheTokensOfTheTextThatTheyEnd) {
    const ScratchDirectory directory;
    const Tokenizer tokenizer(std::filesystem::path(POLYFORMER_TEST_DATA) / "tokenizer.model");
    std::vector<std::vector<std::int32_t>> all;
    for (const char* text : {"the old bridge\nof the town\n", "the old bridge\r\nof the town\r\n",
                             "\xef\xbb\xbfthe old bridge\nof the town", "the\told bridge \t\n of\tthe town\t\n"}) {
        write_file(directory.path() / "text", text);
        std::vector<std::int32_t> read = tokenize_file(directory.path() / "text", tokenizer).ids;
        ASSERT_EQ(read.back(), end_of_line_token(tokenizer));
        read.pop_back();
        EXPECT_EQ(prompt_ids(text, "the text", tokenizer), read) << text;
        all.push_back(read);
    }
    EXPECT_THAT(all, testing::Each(all.front()));
    for (const char* blank : {"", "\n", " \t\r\n\f\n", "\xef\xbb\xbf\n"}) {
        expect_error<Error>([&] { prompt_ids(blank, "the text", tokenizer); }, {"the text has no words"});
    }
}

TEST(Corpus, LinesMayCrossBlocksButNotBeEndless) {
    const std::string first(1000000, 'a');
    const std::string second(3000000, 'b');
    EXPECT_THAT(lines_of(first + "\n" + second + "\nend\n"), ElementsAre(first, second, "end"));
    const ScratchDirectory directory;
    write_file(directory.path() / "endless", "one\n" + std::string((1 << 24) + 1, 'x'));
    expect_error<FormatError>([&] { for_each_line(directory.path() / "endless", [](const std::string&) {}); },
                              {"endless", "line 2", "16777216"});
    expect_error<IoError>([&] { for_each_line(directory.path() / "missing", [](const std::string&) {}); }, {"missing"});
}

TEST(Corpus, TokensAreThoseOfTheLinesInOrderOnAnyNumberOfThreads) {
    const ScratchDirectory directory;
    const Tokenizer tokenizer(std::filesystem::path(POLYFORMER_TEST_DATA) / "tokenizer.model");
    const std::int32_t end_of_line = end_of_line_token(tokenizer);
    std::string text;
    std::vector<std::int32_t> expected;
    std::size_t words = 0;
    for (int i = 0; i < 40000; ++i) {  // several batches
        const std::string line = i % 3 == 0 ? "" : fmt::format("the bridge {} of  town {}", i, i * 7919 % 1009);
        text += " " + line + " \n";
        const std::vector<std::int32_t> ids = tokenizer.encode(line);
        expected.insert(expected.end(), ids.begin(), ids.end());
        expected.push_back(end_of_line);
        words += line.empty() ? 1 : 7;
    }
    write_file(directory.path() / "text", text);
    const std::size_t threads = thread_count();
    for (const std::size_t count : {1U, 4U}) {
        set_thread_count(count);
        const TokenizedText whole = tokenize_file(directory.path() / "text", tokenizer);
        EXPECT_EQ(whole.ids, expected);
        EXPECT_EQ(whole.words, words);
        EXPECT_EQ(whole.end_of_line, end_of_line);
        std::size_t most = 0;
        double share = 0;
        const TextCounts counts =
            tokenize(directory.path() / "text", tokenizer, [&](std::span<const std::int32_t> ids, double done) {
                most = std::max(most, ids.size());
                EXPECT_GE(done, share);
                share = done;
            });
        EXPECT_GT(share, 0.9);
        EXPECT_EQ(counts.tokens, expected.size());
        EXPECT_EQ(counts.words, words);
        EXPECT_LT(most, expected.size() / 100);
    }
    set_thread_count(threads);
}

}  // namespace
}  // namespace polyformer::model
