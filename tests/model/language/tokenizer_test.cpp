// data/tokenizer.model: a unigram model of 340 pieces with byte fallback, trained by spm_train on made-up sentences.
#include "polyformer/model/language/tokenizer.h"

#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const std::filesystem::path kTokenizer = std::filesystem::path(POLYFORMER_TEST_DATA) / "tokenizer.model";

TEST(Tokenizer, TextSurvives) {
    const Tokenizer tokenizer(kTokenizer);
    for (const std::string text : {"the river town was built over the bridge", "Zürich ← 漢字 %"}) {
        const std::vector<std::int32_t> ids = tokenizer.encode(text);
        EXPECT_EQ(tokenizer.decode(ids), text);
        for (const std::int32_t id : ids) EXPECT_LT(static_cast<std::size_t>(id), tokenizer.vocabulary());
    }
    EXPECT_TRUE(tokenizer.encode("").empty());
}

TEST(Tokenizer, PiecesReadAsText) {
    const Tokenizer tokenizer(kTokenizer);
    const std::string text = "the bridge of Zürich";
    std::string joined;
    for (const std::int32_t id : tokenizer.encode(text)) joined += tokenizer.piece(id);
    EXPECT_EQ(joined, " " + text);
}

TEST(Tokenizer, UnknownIdsAreRefused) {
    const Tokenizer tokenizer(kTokenizer);
    const auto size = static_cast<std::int32_t>(tokenizer.vocabulary());
    expect_error<Error>([&] { tokenizer.piece(size); }, {std::to_string(size), "not in the vocabulary"});
    expect_error<Error>([&] { tokenizer.decode(std::vector{0, -1}); }, {"-1", "not in the vocabulary"});
}

TEST(Tokenizer, MissingOrDamagedFilesAreRefused) {
    const ScratchDirectory scratch;
    const auto file = scratch.path() / "tokenizer.model";
    expect_error<FormatError>([&] { Tokenizer tokenizer(file); }, {"tokenizer.model", "no such file"});
    const std::string whole = read_file(kTokenizer);
    const std::vector<std::string> damaged{"", "not a model", whole.substr(0, whole.size() / 2),
                                           read_file(kGolden / "graph.json")};
    for (const std::string& contents : damaged) {
        write_file(file, contents);
        expect_error<FormatError>([&] { Tokenizer tokenizer(file); }, {"tokenizer.model", "not a SentencePiece model"});
    }
}

}  // namespace
}  // namespace polyformer::model
