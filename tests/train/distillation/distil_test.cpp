// What `polyformer distil` refuses before it starts, and the texts that it makes of lines.
#include "polyformer/train/distillation/distil.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/data/prepared_text.h"
#include "polyformer/train/distillation/encoder_rows.h"
#include "polyformer/train/distillation/encoder_text.h"
#include "tests/support/message_of.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::filesystem::path checkpoints =
    std::filesystem::path(POLYFORMER_TEST_DATA).parent_path().parent_path() / "model/data/checkpoints";

std::string words(std::size_t lines) {
    std::string text;
    for (std::size_t i = 0; i < lines; ++i) text += "the cat sat on the mat and the dog ran away from it all\n";
    return text;
}

DistilOptions options_for(const ScratchFolder& folder, const char* checkpoint) {
    write_file(folder.path() / "lines.txt", words(10));
    write_file(folder.path() / "trainer", "");  // is there, and never started
    DistilOptions options;
    options.checkpoint = checkpoints / checkpoint;
    options.text = {(folder.path() / "lines.txt").string()};
    options.work = folder.path() / "work";
    options.out = folder.path() / "out";
    options.settings.context = 6;
    options.trainer.program = folder.path() / "trainer";
    options.trainer.quiet = true;
    return options;
}

TEST(Distil, RefusesWhatCannotBeATeacher) {
    const ScratchFolder folder("distil");
    const auto message = [&](const char* checkpoint) {
        return message_of([&] { run_distil(options_for(folder, checkpoint)); });
    };
    EXPECT_THAT(message("bert-classes"), AllOf(HasSubstr("gives classes"), HasSubstr("vector of each text")));
    EXPECT_THAT(message("distilbert-masked"), HasSubstr("gives tokens"));
    EXPECT_THAT(message("../decoders/llama-plain"), HasSubstr("gives tokens"));
    EXPECT_THAT(message("../vits/vit"), HasSubstr("model of images"));
    EXPECT_THAT(message("bert-mean/config.json"), HasSubstr("is a file"));
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "work"));
}

TEST(Distil, RefusesWhatDoesNotFit) {
    const ScratchFolder folder("distil");
    DistilOptions options = options_for(folder, "bert-mean");
    const auto message = [&] { return message_of([&] { run_distil(options); }); };
    options.settings.context = 10;
    EXPECT_THAT(message(), HasSubstr("positions for 1 to 9"));
    options.settings.context = 7;
    EXPECT_THAT(message(), AllOf(HasSubstr("cuts texts to 6"), HasSubstr("--context")));
    options.settings.context = 6;
    EXPECT_THAT(message(), AllOf(HasSubstr("fewer than the 1000"), HasSubstr("--text")));
    options.text = {};
    EXPECT_THAT(message(), HasSubstr("--text"));
    options = options_for(folder, "bert-mean");
    make_directory(options.out);
    write_file(options.out / "mine", "");
    EXPECT_THAT(message(), HasSubstr("is there already"));
    std::filesystem::remove_all(options.out);
    options.trainer.program = folder.path() / "nothing";
    EXPECT_THAT(message(), HasSubstr("LibTorch"));
}

TEST(Distil, GoesOnWithTheSameSettingsOnly) {
    const ScratchFolder folder("distil");
    DistilOptions options = options_for(folder, "bert-mean");
    write_file(folder.path() / "lines.txt", words(1000));
    // The trainer cannot be started, but all is prepared for it.
    EXPECT_NE(message_of([&] { run_distil(options); }), "");
    const PreparedText rows = load_text(options.work / "train.ids");
    EXPECT_EQ(rows.ids.size() % options.settings.context, 0U);
    options.settings.learning_rate = 0.5;
    EXPECT_THAT(message_of([&] { run_distil(options); }),
                AllOf(HasSubstr("another distillation"), HasSubstr("settings.learning_rate is 0.0001 there and 0.5")));
}

TEST(EncoderTexts, AreStretchesOfAllLengthsThatTogetherAreTheLines) {
    const ScratchFolder folder("texts");
    write_file(folder.path() / "lines.txt", words(1000));
    const model::Tokenizer tokenizer(checkpoints / "bert-mean/tokenizer.json");
    const std::vector<std::string> files{(folder.path() / "lines.txt").string()};
    const EncoderText text = encoder_text(files, tokenizer, 6);
    std::set<std::size_t> lengths;
    for (const auto& ids : text.train) lengths.insert(ids.size());
    EXPECT_EQ(*lengths.rbegin(), 6U);
    EXPECT_LE(*lengths.begin(), 3U);
    EXPECT_EQ(text.valid.size(), (text.train.size() + text.valid.size()) / 50);
    save_rows(text.train, tokenizer.vocabulary(), 6, folder.path() / "rows");
    const PreparedText rows = load_text(folder.path() / "rows");
    EXPECT_EQ(rows.ids.size(), 6 * text.train.size());
    EXPECT_EQ(rows.end_of_line, static_cast<std::int32_t>(tokenizer.vocabulary()));
    for (std::size_t t = 0; t < 6; ++t) {
        const auto& first = text.train.front();
        EXPECT_EQ(rows.ids[t], t < first.size() ? first[t] : rows.end_of_line);
    }
}

TEST(DistilRequest, SurvivesTheFile) {
    const ScratchFolder folder("request");
    DistilRequest request;
    request.settings.attention = "gelu";
    request.settings.context = 7;
    request.settings.updates = 5;
    request.settings.learning_rate = 0.25;
    request.teacher = "a";
    request.prepared = "b";
    request.out = "c";
    request.recipe = {{"d", 1}};
    save_request(request, folder.path());
    const DistilRequest found = load_distil_request(folder.path());
    EXPECT_EQ(to_json(found.settings), to_json(request.settings));
    EXPECT_EQ(found.teacher, request.teacher);
    EXPECT_EQ(found.prepared, request.prepared);
    EXPECT_EQ(found.out, request.out);
    EXPECT_EQ(found.recipe, request.recipe);
}

}  // namespace
}  // namespace polyformer::train
