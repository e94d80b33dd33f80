// data/tokenizers/golden.json: small tokenizers, texts and their ids by Hugging Face's library (scripts/golden-tokens).
#include "polyformer/model/tokenizers/hugging_face.h"

#include "polyformer/model/language/tokenizer.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

using nlohmann::json;

const json& golden() {
    static const json document =
        json::parse(read_file(std::filesystem::path(POLYFORMER_TEST_DATA) / "tokenizers/golden.json"));
    return document;
}

json document_of(const std::string& name) {
    for (const json& entry : golden()) {
        if (entry.at("name") == name) return entry.at("tokenizer");
    }
    throw Error("no golden tokenizer " + name);
}

HuggingFaceTokenizer tokenizer_of(const json& document) {
    const std::string text = document.dump();
    return {std::string_view(text), "t.json"};
}

TEST(HuggingFaceTokenizer, GivesTheLibrarysIds) {
    const ScratchDirectory scratch;
    const auto file = scratch.path() / "tokenizer.json";
    for (const json& entry : golden()) {
        write_file(file, entry.at("tokenizer").dump());
        const Tokenizer tokenizer(file);
        for (const json& text : entry.at("cases")) {
            const EncodedText found = tokenizer.encode_whole(text[0], entry.at("most_tokens"));
            EXPECT_EQ(found.ids, text[1].get<std::vector<std::int32_t>>()) << entry.at("name") << ": " << text[0];
            EXPECT_EQ(found.left_out, text[2].get<std::size_t>()) << entry.at("name") << ": " << text[0];
            if (text[3].is_null()) continue;
            EXPECT_EQ(json(tokenizer.decode(found.ids)), text[3]) << entry.at("name") << ": " << text[0];
        }
    }
}

TEST(HuggingFaceTokenizer, ShowsPieces) {
    const HuggingFaceTokenizer words = tokenizer_of(document_of("uncased"));
    EXPECT_EQ(words.piece(*words.find("the")), " the");
    EXPECT_EQ(words.piece(*words.find("##ing")), "ing");
    EXPECT_EQ(words.piece(2), "[CLS]");
    EXPECT_TRUE(words.is_special(2));
    EXPECT_FALSE(words.is_special(*words.find("the")));
    EXPECT_EQ(words.find("absent"), std::nullopt);
    std::vector<std::int32_t> ids = words.encode("the playing");
    ids.insert(ids.begin(), 2);
    EXPECT_EQ(words.decode(ids), "the playing");

    const HuggingFaceTokenizer residues = tokenizer_of(document_of("residues"));
    EXPECT_EQ(residues.decode(residues.encode("EVQ")), "EVQ");
    const HuggingFaceTokenizer bytes = tokenizer_of(document_of("byte pairs"));
    EXPECT_EQ(bytes.decode(bytes.encode("Re\u0301sume\u0301 東京")), "Re\u0301sume\u0301 東京");
}

TEST(HuggingFaceTokenizer, NeedsRoomAndText) {
    const ScratchDirectory scratch;
    const auto file = scratch.path() / "tokenizer.json";
    write_file(file, document_of("uncased").dump());
    const Tokenizer tokenizer(file);
    EXPECT_EQ(tokenizer.encode_whole("the bank", 3).ids.size(), 3U);
    expect_error<Error>([&] { tokenizer.encode_whole("the", 2); }, {"at most 2 tokens", "2 special"});
    expect_error<Error>([&] { tokenizer.encode("the \xff"); }, {"no UTF-8", "byte 4"});
    expect_error<Error>([&] { tokenizer.piece(100000); }, {"100000"});
}

TEST(HuggingFaceTokenizer, TakesTheEndWhereItsFileSaysSo) {
    const ScratchDirectory scratch;
    json document = document_of("residues");
    document["truncation"] = {{"max_length", 144}, {"strategy", "LongestFirst"}, {"stride", 0}, {"direction", "Left"}};
    write_file(scratch.path() / "tokenizer.json", document.dump());
    const Tokenizer tokenizer(scratch.path() / "tokenizer.json");
    EXPECT_EQ(tokenizer.most_tokens(), 144U);
    const EncodedText cut = tokenizer.encode_whole("EVQL", 4);
    EXPECT_EQ(tokenizer.decode(cut.ids), "QL");
    EXPECT_EQ(cut.left_out, 2U);
}

TEST(HuggingFaceTokenizer, RefusesWhatItLacksByName) {
    const auto expect = [](const std::string& name, const auto& change, const std::vector<std::string>& parts) {
        json document = document_of(name);
        change(document);
        const std::string text = document.dump();
        expect_error<FormatError>([&] { HuggingFaceTokenizer(std::string_view(text), "t.json"); }, parts);
    };
    const auto set = [](const char* path, const json& value) {
        return [path, value](json& document) { document[json::json_pointer(path)] = value; };
    };
    expect("uncased", set("/model/type", "Unigram"), {"t.json: model", "'Unigram' is not supported", "WordPiece"});
    expect("uncased", set("/normalizer/type", "Precompiled"), {"t.json: normalizer", "'Precompiled' is not supported"});
    expect("forms", set("/normalizer/normalizers/1/type", "Nmt"), {"normalizer.normalizers[1]", "'Nmt'"});
    expect("uncased", set("/pre_tokenizer/type", "UnicodeScripts"),
           {"pre_tokenizer", "'UnicodeScripts' is not supported", "Metaspace"});
    expect("uncased", set("/decoder/type", "CTC"), {"decoder", "'CTC' is not supported"});
    expect("uncased", set("/decoder/colour", 1), {"decoder", "unknown key 'colour'"});
    expect("llama 2", set("/decoder/decoders/0/pattern", {{"Regex", ""}}), {"decoder.decoders[0].pattern", "0 bytes"});
    expect("llama 2", set("/normalizer/normalizers/1/content", 1), {"normalizers[1]", "'content'"});
    expect("metaspace", set("/pre_tokenizer/replacement", "ab"), {"'replacement' must be one character"});
    expect("metaspace", set("/pre_tokenizer/prepend_scheme", "twice"), {"'prepend_scheme'", "twice"});
    expect("digits", set("/pre_tokenizer/pretokenizers/1", {{"type", "Metaspace"}, {"prepend_scheme", "first"}}),
           {"pretokenizers[1]", "'prepend_scheme' is 'first' behind other steps"});
    expect("uncased", set("/post_processor/type", "Other"), {"post_processor", "'Other' is not supported"});
    expect("uncased", set("/normalizer/colour", 1), {"normalizer", "unknown key 'colour'"});
    expect("uncased", set("/model/colour", 1), {"model", "unknown key 'colour'"});
    expect("uncased", set("/colour", 1), {"t.json", "unknown key 'colour'"});
    expect("byte pairs", set("/model/dropout", 0.1), {"'dropout' is 0.1"});
    expect("byte pairs", set("/model/end_of_word_suffix", "</w>"), {"'end_of_word_suffix' is \"</w>\""});
    expect("removed", set("/pre_tokenizer/behavior", "Other"), {"'behavior'", "Other"});
    expect("removed", set("/pre_tokenizer/pattern", {{"Regex", "("}}), {"'('", "no regular expression"});
    expect("removed", set("/pre_tokenizer/pattern", {{"Regex", "a*"}}), {"'a*'", "empty text"});
}

TEST(HuggingFaceTokenizer, RefusesDamage) {
    const auto expect = [](const std::string& name, const auto& change, const std::vector<std::string>& parts) {
        json document = document_of(name);
        change(document);
        const std::string text = document.dump();
        expect_error<FormatError>([&] { HuggingFaceTokenizer(std::string_view(text), "t.json"); }, parts);
    };
    const auto set = [](const char* path, const json& value) {
        return [path, value](json& document) { document[json::json_pointer(path)] = value; };
    };
    expect("uncased", set("/model/vocab", json::object()), {"model.vocab", "1 to"});
    expect("uncased", set("/model/vocab/the", 2), {"model.vocab", "'[CLS]' and 'the' both have the id 2"});
    expect("uncased", set("/model/vocab/the", -1), {"'the' is -1"});
    expect("uncased", set("/model/vocab/the", 1 << 20), {"'the' is 1048576"});
    expect("uncased", set("/model/vocab/the", "2"), {"'the' is \"2\""});
    expect("uncased", set("/model/unk_token", "[OTHER]"), {"'[OTHER]', is not in the vocabulary"});
    expect("uncased", set("/added_tokens/2/id", 7), {"added_tokens[2]", "'[CLS]' has the id 7", "vocabulary 2"});
    expect("added", set("/added_tokens/1/id", 5000), {"added_tokens[1]", "5000", "free"});
    expect("uncased", set("/added_tokens/1", document_of("uncased")["added_tokens"][0]),
           {"added_tokens[1]", "'[PAD]' is there twice"});
    expect("uncased", set("/post_processor/special_tokens/[CLS]/ids/0", 3),
           {"special_tokens.[CLS]", "'[CLS]' has the id 3", "in the vocabulary 2"});
    expect("uncased", set("/post_processor/single/0/SpecialToken/id", "[X]"), {"'[X]' is missing"});
    expect("uncased", set("/post_processor/single/0/SpecialToken/type_id", 1), {"single[0]", "type 1"});
    expect("uncased", set("/post_processor/single/1", document_of("uncased")["post_processor"]["single"][0]),
           {"the text itself, 'A', is missing"});
    expect("residues", set("/post_processor/sep", {"<s>", 2}), {"post_processor.sep", "'<s>' has the id 2"});
    expect("byte pairs", set("/model/merges/0", "a b c"), {"model.merges[0]", "two pieces"});
    expect("byte pairs", set("/model/merges/3", "a absent"), {"model.merges[3]", "'absent' is not in the vocabulary"});
    expect("uncased", set("/truncation", {{"max_length", 8}, {"direction", "Up"}}), {"truncation", "Up"});
}

TEST(HuggingFaceTokenizer, LongWordsAndPatternsEnd) {
    json document = document_of("uncased");
    document["model"]["max_input_chars_per_word"] = 1000000;
    const HuggingFaceTokenizer words = tokenizer_of(document);
    EXPECT_EQ(words.encode(std::string(100000, 'a')).size(), 100000U);

    document["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"Regex", "(a|aa)+$"}}}, {"behavior", "Removed"}, {"invert", false}};
    const HuggingFaceTokenizer slow = tokenizer_of(document);
    expect_error<Error>([&] { static_cast<void>(slow.encode(std::string(100, 'a') + "b")); }, {"pattern", "shorten"});
}

}  // namespace
}  // namespace polyformer::model
