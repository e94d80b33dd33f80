// `polyformer import`: from a checkpoint's folder to a model's.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"
#include "tests/model/images/colour_model.h"

namespace polyformer::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A random BERT of two layers for letters, with an embedding as output.
std::string checkpoint() {
    return std::string(POLYFORMER_SOURCES) + "/tests/model/data/checkpoints/bert-mean";
}

/// Lines of letters a to h.
std::string letters(int lines) {
    std::string text;
    for (int i = 0; i < lines; ++i) {
        for (int word = 0; word < 2 + i % 6; ++word) {
            text += static_cast<char>('a' + (i * 5 + word * (i % 7 + 1) + i / 11) % 8);
            text += ' ';
        }
        text += '\n';
    }
    return text;
}

TEST(Import, MakesAModelFolder) {
    const Folder folder;
    write_file(folder.path("lines.txt"), letters(450));
    const std::string command = "import " + checkpoint() +
                                " --out model --calibrate lines.txt --context 8 --texts 300 --loss 0.01 --escape 0.01 "
                                "--json import.json";
    const std::string text = folder.must(command);
    EXPECT_THAT(text, AllOf(HasSubstr("layers.1.feed_forward_norm.inverse_sqrt"), HasSubstr("written: model"),
                            HasSubstr("an interval is left by")));
    const nlohmann::json report = folder.json("import.json");
    EXPECT_EQ(report.at("format"), "polyformer-import");
    EXPECT_LE(report.at("loss").at("mean").get<double>(), 0.01);
    EXPECT_EQ(report.at("sites").size(), 10U);
    for (const char* file : {"graph.json", "weights.safetensors", "embedding.safetensors", "text.json",
                             "tokenizer.json", "import.json", "report.html", "manifest.json"}) {
        EXPECT_TRUE(std::filesystem::exists(folder.path("model") / file)) << file;
    }
    EXPECT_THAT(folder.must(command), HasSubstr("written: model")) << "a model's folder may be replaced";

    // The checkpoint itself is what the model was before substitution.
    write_file(folder.path("pairs.csv"), "sentence1,sentence2,score\na b c,a b d,3\nh g,a h,1\nc c d,d c c,4\nf,e,2\n");
    folder.must("eval model --task pairs.csv --quiet --json model.json");
    folder.must("eval " + checkpoint() + " --task pairs.csv --model-tokens 8 --quiet --json checkpoint.json");
    EXPECT_EQ(folder.json("model.json").at("measures")[0].at("before_substitution"),
              folder.json("checkpoint.json").at("measures")[0].at("before_substitution"));
}

TEST(Import, MakesAModelOfImages) {
    const Folder folder;
    for (int i = 0; i < 60; ++i) {
        const std::string name = fmt::format("data/train/{}/{}.png", i % 2 == 0 ? "crane" : "heron", i);
        std::filesystem::create_directories(folder.path(name).parent_path());
        const auto pattern = static_cast<std::size_t>(i);
        write_file(folder.path(name), model::encode_png(model::patterned_image(7 + pattern % 3, 6, pattern)));
    }
    const std::string vit = std::string(POLYFORMER_SOURCES) + "/tests/model/data/vits/vit";
    const std::string text = folder.must("import " + vit + " --out model --calibrate data --texts 50 --loss 0.1 " +
                                         "--escape 0.1 --json import.json");
    EXPECT_THAT(text, AllOf(HasSubstr("final_norm.inverse_sqrt"), HasSubstr("written: model")));
    EXPECT_THAT(text, HasSubstr("images held out"));
    EXPECT_EQ(folder.json("import.json").at("model").at("family"), "vit");
    folder.must("run model --image data/train/crane/0.png --backend clear --insecure-ring-dimension 2048");

    const Result missing = folder.polyformer("import " + vit + " --out other --calibrate .");
    EXPECT_EQ(missing.exit_code, 3) << missing.output;
    EXPECT_THAT(missing.output, HasSubstr("no images that can be made out"));
    const Result two = folder.polyformer("import " + vit + " --out other --calibrate data --calibrate data");
    EXPECT_EQ(two.exit_code, 2) << two.output;
    EXPECT_THAT(two.output, HasSubstr("one folder of images, not on 2"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("other")));
}

TEST(Import, RefusesWhatItCannotUseAndWritesNothing) {
    const Folder folder;
    write_file(folder.path("lines.txt"), letters(450));
    write_file(folder.path("few.txt"), letters(10));
    write_file(folder.path("foreign.txt"), [] {
        std::string text;
        for (int i = 0; i < 450; ++i) text += "чужие слова здесь\n";
        return text;
    }());
    std::filesystem::create_directory(folder.path("empty"));
    const auto run = [&](const std::string& arguments) { return folder.polyformer("import " + arguments); };
    const std::string good = checkpoint();
    struct Case {
        std::string arguments;
        int exit_code;
        std::string message;
    };
    for (const Case& one :
         {Case{good + " --out model --calibrate few.txt --context 8", 2, "10 lines of text are too few"},
          Case{good + " --out model --calibrate foreign.txt --context 8", 2, "unknown to the tokenizer"},
          Case{good + " --out model --calibrate lines.txt --context 4000", 2, "context"},
          Case{good + " --out model --calibrate missing.txt --context 8", 3, "missing.txt"},
          Case{"empty --out model --calibrate lines.txt --context 8", 3, "empty"},
          Case{good + " --out model --calibrate lines.txt", 2, "--context"}}) {
        const Result result = run(one.arguments);
        EXPECT_EQ(result.exit_code, one.exit_code) << result.output;
        EXPECT_THAT(result.output, HasSubstr(one.message));
        EXPECT_FALSE(std::filesystem::exists(folder.path("model"))) << one.arguments;
    }
}

TEST(Eval, JudgesACheckpointThatWasNotImported) {
    const Folder folder;
    write_file(folder.path("pairs.csv"), "sentence1,sentence2,score\na b c,a b d,3\nh g,a h,1\nc c d,d c c,4\nf,e,2\n");
    const std::string eval = "eval " + checkpoint();
    const std::string table = folder.must(eval + " --task pairs.csv --model-tokens 8 --quiet --json eval.json");
    EXPECT_THAT(table, AllOf(HasSubstr("exact functions"), testing::Not(HasSubstr("polynomial"))));
    const nlohmann::json result = folder.json("eval.json");
    EXPECT_EQ(result.at("substituted"), false);
    EXPECT_FALSE(result.at("measures")[0].contains("polynomial"));
    EXPECT_FALSE(result.contains("intervals"));
    EXPECT_THAT(folder.polyformer(eval + " --text-file pairs.csv --model-tokens 8").output,
                HasSubstr("give one with --task"));
    // A decoder by how it predicts texts.
    write_file(folder.path("words.txt"), "a b c d a b\nb c a\n");
    folder.must(
        "eval " + std::string(POLYFORMER_SOURCES) +
        "/tests/model/data/decoders/llama-plain --text-file words.txt --model-tokens 6 --quiet --json decoder.json");
    const nlohmann::json perplexity = folder.json("decoder.json").at("perplexity");
    EXPECT_GT(perplexity.at("before_substitution").get<double>(), 1);
    EXPECT_FALSE(perplexity.contains("polynomial"));
    EXPECT_THAT(folder.polyformer(eval + " --task pairs.csv --model-tokens 4000").output,
                HasSubstr("has positions for"));
}

}  // namespace
}  // namespace polyformer::test
