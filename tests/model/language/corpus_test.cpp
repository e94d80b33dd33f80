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
