#include "polyformer/model/tokenizers/vocabulary_file.h"

#include "polyformer/model/language/tokenizer.h"
#include "polyformer/model/tokenizers/hugging_face.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const std::string kSpecial = "[PAD]\n[unused0]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

HuggingFaceTokenizer tokenizer_of(const std::string& vocabulary, const BertSettings& settings = {}) {
    const std::string text = tokenizer_from_vocabulary(vocabulary, settings, "vocab.txt");
    return {std::string_view(text), "tokenizer.json"};
}

using Ids = std::vector<std::int32_t>;

TEST(VocabularyFile, BecomesATokenizer) {
    const HuggingFaceTokenizer tokenizer = tokenizer_of(kSpecial + "cafe\nplay\n##ing\n東\n!\r\n");
    EXPECT_EQ(tokenizer.encode("Café playing東! [MASK]x"), (Ids{6, 7, 8, 9, 10, 5, 2}));
    EXPECT_EQ(tokenizer.special_tokens().before, Ids{3});
    EXPECT_EQ(tokenizer.special_tokens().after, Ids{4});
    EXPECT_EQ(tokenizer.vocabulary(), 11U);
    EXPECT_EQ(tokenizer.most_tokens(), 0U);
}

TEST(VocabularyFile, TakesItsSettings) {
    const BertSettings settings = bert_settings_from_json(
        R"({"do_lower_case": false, "tokenize_chinese_chars": false, "strip_accents": null, "model_max_length": 128,
            "cls_token": {"content": "<s>", "lstrip": false}, "sep_token": "</s>", "never_split": null})",
        "tokenizer_config.json");
    const HuggingFaceTokenizer tokenizer = tokenizer_of("[UNK]\n<s>\n</s>\nCafé\ncafe\n東京\n", settings);
    EXPECT_EQ(tokenizer.encode("Café cafe CAFE 東京"), (Ids{3, 4, 0, 5}));
    EXPECT_EQ(tokenizer.special_tokens().before, Ids{1});
    EXPECT_EQ(tokenizer.most_tokens(), 128U);
    expect_error<FormatError>([] { bert_settings_from_json(R"({"do_lower_case": 1})", "c.json"); },
                              {"c.json", "'do_lower_case'", "true or false"});
    expect_error<FormatError>([] { bert_settings_from_json(R"({"cls_token": 1})", "c.json"); }, {"'cls_token'"});
    expect_error<FormatError>([] { bert_settings_from_json("[]", "c.json"); }, {"c.json", "object"});
}

TEST(VocabularyFile, OfSingleLettersTakesSequencesWithAndWithoutSpaces) {
    const HuggingFaceTokenizer tokenizer = tokenizer_of(kSpecial + "A\nC\nD\nE\n");
    EXPECT_EQ(tokenizer.encode("ACDE"), (Ids{6, 7, 8, 9}));
    EXPECT_EQ(tokenizer.encode("A C[MASK] B"), (Ids{6, 7, 5, 2}));
    EXPECT_EQ(tokenizer.decode(Ids{3, 6, 7, 4}), "AC");
}

TEST(VocabularyFile, IsReadWithTheSettingsBesideIt) {
    const ScratchDirectory scratch;
    const auto file = scratch.path() / "vocab.txt";
    write_file(file, kSpecial + "cafe\nCafé\n");
    EXPECT_EQ(Tokenizer(file).encode("Café"), Ids{6});
    write_file(scratch.path() / "tokenizer_config.json", R"({"do_lower_case": false})");
    EXPECT_EQ(Tokenizer(file).encode("Café"), Ids{7});
    write_file(scratch.path() / "tokenizer.json", tokenizer_json(file));
    const EncodedText whole = Tokenizer(scratch.path() / "tokenizer.json").encode_whole("Café", 8);
    EXPECT_EQ(whole.ids, (Ids{3, 7, 4}));
    EXPECT_EQ(whole.before, 1U);
    EXPECT_EQ(whole.after, 1U);
}

TEST(VocabularyFile, DamageIsRefused) {
    const auto expect = [](const std::string& vocabulary, const std::vector<std::string>& parts) {
        expect_error<FormatError>([&] { tokenizer_from_vocabulary(vocabulary, {}, "vocab.txt"); }, parts);
    };
    expect("", {"vocab.txt", "empty"});
    expect(kSpecial + "the\na\nthe\n", {"vocab.txt, line 9", "'the'", "line 7"});
    expect(kSpecial + "\xff\n", {"vocab.txt, line 7", "no UTF-8"});
    expect("[PAD]\n[UNK]\n[CLS]\nthe\n", {"vocab.txt", "'[SEP]' is missing"});
}

}  // namespace
}  // namespace polyformer::model
