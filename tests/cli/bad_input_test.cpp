// What a user gets for input that cannot be used: an exit code, a message with values and remedy, and no half-written
// file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kBadInput = 2;
constexpr int kIoError = 3;
constexpr int kDamagedFile = 4;

std::string infer_with(const std::string& keys, const std::string& request) {
    return "infer plan/server --keys " + keys + " --request " + request + " --reply reply.bin";
}

void expect_refused(const Result& result, int exit_code, const testing::Matcher<const std::string&>& message) {
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    EXPECT_THAT(result.output, message);
    EXPECT_THAT(result.output, HasSubstr("error: "));
}

void expect_no_reply(const Folder& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path(""))) {
        EXPECT_NE(entry.path().filename().string().substr(0, 9), "reply.bin") << entry.path();
        EXPECT_EQ(entry.path().string().find(".part-"), std::string::npos) << entry.path();
    }
}

/// A copy of `from` with one byte changed in the middle, or cut there.
void damage(const Folder& folder, const std::string& from, const std::string& to, bool cut) {
    std::string bytes = read_file(folder.path(from));
    const std::size_t middle = bytes.size() / 2;
    bytes[middle] = static_cast<char>(bytes[middle] ^ 0x10);
    if (cut) bytes.resize(middle);
    write_file(folder.path(to), bytes);
}

TEST(BadInput, DamagedRequestsAreRefused) {
    const Folder& folder = prepared();
    for (const bool cut : {false, true}) {
        damage(folder, "request.bin", "damaged.bin", cut);
        expect_refused(folder.polyformer(infer_with("keys.bin", "damaged.bin")), kDamagedFile,
                       HasSubstr("damaged.bin"));
        expect_no_reply(folder);
    }
}

TEST(BadInput, DamagedKeysAreRefused) {
    const Folder& folder = prepared();
    for (const bool cut : {false, true}) {
        damage(folder, "keys.bin", "damaged-keys.bin", cut);
        expect_refused(folder.polyformer(infer_with("damaged-keys.bin", "request.bin")), kDamagedFile,
                       HasSubstr("damaged-keys.bin"));
        expect_no_reply(folder);
    }
}

TEST(BadInput, SecretKeyInPlaceOfServerKeysIsRefused) {
    const Folder& folder = prepared();
    expect_refused(folder.polyformer(infer_with("secret.key", "request.bin")), kDamagedFile, HasSubstr("secret"));
    expect_no_reply(folder);
}

TEST(BadInput, KeysOfAnotherKeySetAreRefused) {
    const Folder& folder = prepared();
    folder.must("keygen plan/client --secret other.key --server-keys other.bin --allow-insecure --force");
    const Result result = folder.polyformer(infer_with("other.bin", "request.bin"));
    expect_refused(result, kDamagedFile, HasSubstr("key set"));
    expect_no_reply(folder);
}

TEST(BadInput, KeysOfOtherParametersAreRefused) {
    const Folder& folder = prepared();
    folder.must("plan model --insecure-ring-dimension 4096 --out other-plan");
    const Result result =
        folder.polyformer("infer other-plan/server --keys keys.bin --request request.bin --reply reply.bin");
    expect_refused(result, kDamagedFile, HasSubstr("parameters"));
    expect_no_reply(folder);
}

TEST(BadInput, MissingRotationKeysAreListedBeforeWorkStarts) {
    const Folder& folder = prepared();
    // Another model over the same ring needs other rotations; its keys belong to the same parameters.
    folder.must("random-model small --layers 1 --width 8 --heads 1 --context 4 --feed-forward 8 --vocabulary 10");
    folder.must("plan small --positions all --insecure-ring-dimension 2048 --out small-plan");
    folder.must("keygen small-plan/client --secret small.key --server-keys small.bin --allow-insecure --force");
    expect_refused(folder.polyformer(infer_with("small.bin", "request.bin")), kDamagedFile, HasSubstr("rotation"));
    expect_no_reply(folder);
}

TEST(BadInput, TextLongerThanTheContextIsRefusedWithBothNumbers) {
    const Folder& folder = prepared();
    const Result result =
        folder.polyformer("encrypt plan/client --secret secret.key --request long.bin --token-ids 1 2 3 4 5 6 7 8 9");
    expect_refused(result, kBadInput, AllOf(HasSubstr("9 tokens"), HasSubstr("context of 8")));
    EXPECT_FALSE(std::filesystem::exists(folder.path("long.bin")));
}

TEST(BadInput, UnknownTokenIdIsRefused) {
    const Folder& folder = prepared();
    expect_refused(folder.polyformer("encrypt plan/client --secret secret.key --request long.bin --token-ids 40"),
                   kBadInput, HasSubstr("40"));
}

TEST(BadInput, TruncatedAndForeignModelsAreRefused) {
    const Folder& folder = prepared();
    std::filesystem::remove_all(folder.path("broken"));
    std::filesystem::copy(folder.path("model"), folder.path("broken"), std::filesystem::copy_options::recursive);
    damage(folder, "model/weights.safetensors", "broken/weights.safetensors", true);
    expect_refused(folder.polyformer("plan broken"), kDamagedFile, HasSubstr("weights.safetensors"));
    write_file(folder.path("broken/weights.safetensors"), read_file(folder.path("model/weights.safetensors")));
    write_file(folder.path("broken/graph.json"), "{\"format\": \"something else\"}");
    expect_refused(folder.polyformer("plan broken"), kDamagedFile, HasSubstr("graph.json"));
    expect_refused(folder.polyformer("plan nowhere"), kIoError, HasSubstr("nowhere"));
}

TEST(BadInput, FullDiskWhileWritingKeysLeavesNothingBehind) {
    const Folder& folder = prepared();
    const Result result = folder.polyformer(
        "keygen plan/client --secret full.key --server-keys full.bin --allow-insecure", "trap '' XFSZ; ulimit -f 64;");
    expect_refused(result, kIoError, HasSubstr("full.bin"));
    for (const auto& entry : std::filesystem::directory_iterator(folder.path(""))) {
        EXPECT_NE(entry.path().filename().string().substr(0, 4), "full") << entry.path();
    }
}

TEST(BadInput, ExistingKeysAreNotOverwritten) {
    const Folder& folder = prepared();
    expect_refused(folder.polyformer("keygen plan/client --secret secret.key --server-keys new.bin --allow-insecure"),
                   kIoError, HasSubstr("--force"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("new.bin")));
}

TEST(BadInput, InsecureParametersNeedTheirNameSpoken) {
    const Folder& folder = prepared();
    expect_refused(folder.polyformer("keygen plan/client --secret weak.key --server-keys weak.bin"), kBadInput,
                   HasSubstr("security"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("weak.key")));
}

TEST(BadInput, DataSetsThatAreNotThereAreRefused) {
    const Folder folder;
    expect_refused(folder.polyformer("data wikitext-3"), kBadInput,
                   AllOf(HasSubstr("wikitext-3"), HasSubstr("wikitext-2, wikitext-103, cifar-100")));
    expect_refused(folder.polyformer("data wikitext-2 --from nowhere"), kIoError, HasSubstr("nowhere"));
    // A proxy that is not there: the home cannot be reached, with or without a network.
    expect_refused(
        folder.polyformer("data wikitext-2", "https_proxy=http://127.0.0.1:1"), kIoError,
        AllOf(HasSubstr("https://"), HasSubstr("wikitext-2-v1.zip"), HasSubstr("connect"), HasSubstr("--from")));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path("wikitext-2")));
}

TEST(BadInput, OtherTextsInPlaceOfADataSetAreRefused) {
    const Folder folder;
    write_file(folder.path("archive.zip"), "PK\3\4 and nothing more");
    expect_refused(folder.polyformer("data wikitext-2 --from archive.zip"), kDamagedFile,
                   AllOf(HasSubstr("archive.zip"), HasSubstr("SHA-256"), HasSubstr("expected")));
    std::filesystem::create_directories(folder.path("texts"));
    expect_refused(folder.polyformer("data wikitext-2 --from texts"), kIoError, HasSubstr("wiki.train.tokens"));
    for (const char* split : {"train", "valid", "test"}) {
        write_file(folder.path(std::string("texts/wiki.") + split + ".tokens"), "A short text\n");
    }
    expect_refused(folder.polyformer("data wikitext-2 --from texts"), kDamagedFile,
                   AllOf(HasSubstr("wiki.train.tokens has 1 lines"), HasSubstr("36718")));
    expect_refused(folder.polyformer("data wikitext-2 --from texts --out archive.zip"), kIoError,
                   HasSubstr("archive.zip"));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path("wikitext-2")));
}

TEST(BadInput, ConfigurationsAreCheckedBeforeAnythingStarts) {
    const Folder folder;
    const auto train = [&](const std::string& config) {
        write_file(folder.path("config.json"), config);
        return folder.polyformer("train config.json --data nowhere --work work");
    };
    expect_refused(train(R"({"model": {"widht": 128}})"), kDamagedFile, HasSubstr("unknown key 'widht'"));
    expect_refused(train(R"({"model": {"width": 100, "heads": 3}})"), kDamagedFile,
                   HasSubstr("not a multiple of heads"));
    const Result no_texts = train("{}");  // or no trainer, in a build without LibTorch
    EXPECT_THAT(no_texts.output, testing::AnyOf(HasSubstr("polyformer data"), HasSubstr("LibTorch")));
    EXPECT_EQ(no_texts.exit_code, no_texts.output.find("LibTorch") == std::string::npos ? kIoError : kBadInput);
    write_file(folder.path("study.json"),
               R"({"base": "config.json", "variants": [{"name": "a", "set": {"seed": "x"}}]})");
    expect_refused(folder.polyformer("study study.json --data nowhere --work work --out out"), kDamagedFile,
                   HasSubstr("variants[0]"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("out")));
}

TEST(BadInput, UnknownOptionsAndCommandsExitWithTwo) {
    const Folder folder;
    EXPECT_EQ(folder.polyformer("frobnicate").exit_code, kBadInput);
    EXPECT_EQ(folder.polyformer("plan model --no-such-option").exit_code, kBadInput);
    EXPECT_EQ(folder.polyformer("").exit_code, kBadInput);
}

}  // namespace
}  // namespace polyformer::test
