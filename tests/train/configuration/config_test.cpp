#include "polyformer/train/configuration/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "polyformer/support/error.h"
#include "tests/support/message_of.h"

namespace polyformer::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string message_of(const std::string& text) {
    return polyformer::message_of<FormatError>([&] { parse_config(text, "test.json"); });
}

TEST(Config, ShippedConfigurationIsValid) {
    const Config config = load_config(std::string(POLYFORMER_SOURCE_DIR) + "/configs/wikitext-small.json");
    EXPECT_EQ(config.model.layers, 4U);
    EXPECT_EQ(config.model.vocabulary, 4096U);
    EXPECT_GT(config.tune.range_weight, 0);
}

TEST(Config, SurvivesTheRoundTrip) {
    Config config = parse_config(R"({"seed": 7, "train": {"learning_rate": 0.25}, "substitution": {"margin": 0.5},
                                     "model": {"attention": {"form": "softmax", "length": "context"}, "norm": "rms_norm"},
                                     "ranges": {"sites": {"layers.0.attention.activation": [-1, 2]}}})",
                                 "test.json");
    EXPECT_EQ(config.seed, 7U);
    EXPECT_EQ(config.train.learning_rate, 0.25);
    EXPECT_EQ(config.model.attention.form, "softmax");
    EXPECT_EQ(config.ranges.sites.at("layers.0.attention.activation").upper, 2);
    EXPECT_EQ(to_json(parse_config(to_json(config).dump(), "again")), to_json(config));
}

TEST(Config, MayHaveComments) {
    const Config config = parse_config(R"(// A comment before all,
        {"seed": 7, /* one between, "seed": 8, */ "train": { // and one to the end of its line: "epochs": 3
            "learning_rate": 0.25
        } /* of several
             lines */ }
        // after all)",
                                       "test.json");
    EXPECT_EQ(to_json(config), to_json(parse_config(R"({"seed": 7, "train": {"learning_rate": 0.25}})", "plain")));
    // Places are counted with them, and what looks like one in a string is none.
    EXPECT_THAT(message_of("// one\n/* two\n three */ {\"seed\": 7,,}"), HasSubstr("line 3"));
    EXPECT_THAT(message_of(R"({"tune": {"optimizer": "http://x /* y */"}})"), HasSubstr("http://x /* y */"));
    EXPECT_THAT(message_of("{} /* without an end"), HasSubstr("comment"));
    EXPECT_THAT(message_of("{\"seed\": 7, // given once\n \"seed\": 7}"), HasSubstr("'seed' is given twice"));
}

TEST(Config, OfImagesSurvivesTheRoundTrip) {
    const Config config = load_config(std::string(POLYFORMER_SOURCE_DIR) + "/configs/cifar100-vit.json");
    ASSERT_TRUE(config.vision.has_value());
    EXPECT_EQ(config.train.optimizer, "muon");
    EXPECT_EQ(config.vision->classes, 100U);
    EXPECT_EQ(obstacle_to_substitution(config), "");
    EXPECT_EQ(to_json(parse_config(to_json(config).dump(), "again")), to_json(config));
}

TEST(Config, ErrorsOfImagesNamePlaceValueAndRemedy) {
    EXPECT_THAT(message_of(R"({"vision": {}, "model": {}})"), HasSubstr("beside"));
    EXPECT_THAT(message_of(R"({"augmentation": {}})"), HasSubstr("unknown key 'augmentation'"));
    EXPECT_THAT(message_of(R"({"vision": {"patch": 5}})"), HasSubstr("do not divide into patches of 5"));
    EXPECT_THAT(message_of(R"({"vision": {"kernel": 5}})"), HasSubstr("take 4 or 6"));
    EXPECT_THAT(message_of(R"({"vision": {"stages": []}})"), HasSubstr("1 to 8 stages"));
    EXPECT_THAT(message_of(R"({"vision": {"stages": [{"window": 3}]}})"), HasSubstr("do not tile a grid of 8×8"));
    EXPECT_THAT(message_of(R"({"vision": {"stages": [{"depth": 3}]}})"), HasSubstr("stages[0]: unknown key 'depth'"));
    EXPECT_THAT(message_of(R"({"vision": {"local": "global"}})"), HasSubstr("none, residual, hidden"));
    EXPECT_THAT(message_of(R"({"vision": {"attention": {"key_weights": "by_distance"}}})"), HasSubstr("is for texts"));
    EXPECT_THAT(message_of(R"({"vision": {}, "augmentation": {"label_smoothing": 2}})"), HasSubstr("from 0 to 0.9"));
}

TEST(Config, ErrorsNamePlaceValueAndRemedy) {
    EXPECT_THAT(message_of(R"({"train": {"learning_rat": 1}})"), HasSubstr("unknown key 'learning_rat'"));
    EXPECT_THAT(message_of(R"({"train": {"learning_rate": 7000}})"),
                AllOf(HasSubstr("test.json.train: 'learning_rate' must"), HasSubstr("found 7000")));
    EXPECT_THAT(message_of(R"({"train": {"batch": -1}})"), HasSubstr("whole number"));
    EXPECT_THAT(message_of(R"({"train": {"batch": "many"}})"), HasSubstr("\"many\""));
    EXPECT_THAT(message_of(R"({"model": {"width": 100, "heads": 3}})"), HasSubstr("100 is not a multiple"));
    EXPECT_THAT(message_of(R"({"model": {"attention": {"form": "none"}}})"), HasSubstr("pointwise"));
    EXPECT_THAT(message_of(R"({"model": {"attention": {"power": 3}}})"), HasSubstr("3 is odd"));
    EXPECT_THAT(message_of(R"({"model": {"norm": "group_norm"}})"), HasSubstr("layer_norm, rms_norm, batch_norm"));
    EXPECT_THAT(message_of(R"({"train": {"patience": 3}})"), HasSubstr("validate_every"));
    EXPECT_THAT(message_of(R"({"tune": {"optimizer": "sgd"}})"), HasSubstr("adamw, muon"));
    EXPECT_THAT(message_of(R"({"tune": {"matrix_learning_rate": 0}})"),
                AllOf(HasSubstr("tune: 'matrix_learning_rate' must"), HasSubstr("found 0")));
    EXPECT_THAT(message_of(R"({"ranges": {"sites": {"final_norm.inverse_sqrt": [2, 1]}}})"),
                HasSubstr("[lower, upper]"));
    EXPECT_THAT(message_of(R"({"model": 3})"), HasSubstr("must be an object"));
    EXPECT_THAT(message_of("{"), HasSubstr("not valid JSON"));
    EXPECT_THAT(message_of(R"({"seed": 1e999})"), HasSubstr("not valid JSON"));
    EXPECT_THAT(message_of(R"({"seed": 1, "seed": 2})"), HasSubstr("'seed' is given twice"));
    EXPECT_THAT(message_of(std::string(1000, '[')), HasSubstr("nested deeper than 64"));
    EXPECT_THROW(load_config("/nowhere/at-all.json"), IoError);
}

}  // namespace
}  // namespace polyformer::train
