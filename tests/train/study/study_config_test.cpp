#include "polyformer/train/study/study_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/support/message_of.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string message_of(const std::string& text) {
    const ScratchFolder folder("study-config");
    write_file(folder.path() / "study.json", text);
    return polyformer::message_of<FormatError>([&] { load_study(folder.path() / "study.json"); });
}

TEST(StudyConfig, MergesSettingsIntoTheBase) {
    const ScratchFolder folder("study-base");
    write_file(folder.path() / "base.json", R"({"train": {"epochs": 3 /* few */}, "convert": {"epochs": 0}})");
    write_file(folder.path() / "study.json", R"(// Two variants.
        {"base": "base.json", "seeds": [4, 5], "measure": {"test": true},
        "variants": [{"name": "a"}, {"name": "b", "set": {"train": {"batch": 7}}, "seeds": [1], "last_stage": "tune"}]})");
    const StudyConfig study = load_study(folder.path() / "study.json");
    EXPECT_EQ(study.title, "study");
    EXPECT_EQ(study.variants[0].last_stage, "substitute");
    EXPECT_EQ(study.variants[0].seeds.size(), 2U);
    EXPECT_EQ(study.variants[1].config.train.batch, 7U);
    EXPECT_EQ(study.variants[1].config.train.epochs, 3);
    EXPECT_TRUE(study.variants[1].measure_test);
}

TEST(StudyConfig, ErrorsNameThePlace) {
    EXPECT_THAT(message_of("{}"), HasSubstr("'base' is missing"));
    EXPECT_THAT(message_of(R"({"base": {}})"), HasSubstr("'variants' is missing"));
    EXPECT_THAT(message_of(R"({"base": {}, "variants": [{"name": "a", "set": {"train": {"batsh": 1}}}]})"),
                HasSubstr("unknown key 'batsh'"));
    EXPECT_THAT(message_of(R"({"base": {}, "variants": [{"name": "a"}, {"name": "a"}]})"),
                HasSubstr("a second variant"));
    EXPECT_THAT(
        message_of(R"({"base": {}, "variants": [{"name": "a"}], "tables": [{"name": "t", "variants": ["b"]}]})"),
        HasSubstr("\"b\" is not among"));
    EXPECT_THAT(message_of(R"({"base": {"model": {"attention": {"form": "softmax"}}},
                               "variants": [{"name": "a", "last_stage": "convert"}]})"),
                HasSubstr("divides by a sum"));
    EXPECT_THAT(message_of(R"({"base": {}, "variants": [{"name": "a"}], "seeds": [-1]})"), HasSubstr("-1"));
    EXPECT_THAT(message_of("{"), HasSubstr("not valid JSON"));
    EXPECT_THAT(message_of(R"({"base": {"vision": {}},
                               "variants": [{"name": "images"}, {"name": "texts", "set": {"vision": null}}]})"),
                AllOf(HasSubstr("variants[1]: 'texts' trains a language model, 'images' before it an image model"),
                      HasSubstr("give each kind a study of its own")));
}

TEST(StudyConfig, ShippedStudiesAreValid) {
    std::size_t studies = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(POLYFORMER_SOURCE_DIR) + "/configs/studies")) {
        EXPECT_FALSE(load_study(entry.path()).variants.empty()) << entry.path();
        ++studies;
    }
    EXPECT_GE(studies, 2U);
}

}  // namespace
}  // namespace polyformer::train
