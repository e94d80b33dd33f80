#include "polyformer/service/client_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "polyformer/compile/compile.h"
#include "polyformer/support/error.h"
#include "tests/compile/small_plan.h"

namespace polyformer::service {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ClientPlanTest : public ::testing::Test {
  protected:
    static compile::Plan make_plan(compile::Positions positions, std::size_t images = 1) {
        return compile::compile(fixtures::small_transformer(7).graph, fixtures::plan_options(1024, positions, images));
    }
    compile::Plan plan_ = make_plan(compile::Positions::all);
};

TEST_F(ClientPlanTest, KeepsWhatTheClientNeedsAndNoSteps) {
    const ClientPlan view = client_plan(plan_);
    EXPECT_TRUE(view.frame == plan_.frame);
    EXPECT_EQ(view.frame.input_ciphertexts(), plan_.inputs.size());
    EXPECT_EQ(view.frame.output_ciphertexts(), plan_.outputs.size());
    EXPECT_EQ(view.keys.rotation_levels, plan_.keys.rotation_levels);
    EXPECT_EQ(view.keys.bootstrapping, plan_.keys.bootstrapping);
    EXPECT_EQ(view.fingerprint.size(), 64U);
}

TEST_F(ClientPlanTest, RoundTripsThroughItsFile) {
    const std::filesystem::path directory =
        std::filesystem::path(::testing::TempDir()) / fmt::format("client-plan-{}", getpid());
    for (const auto& [positions, images] :
         {std::pair(compile::Positions::all, 1), std::pair(compile::Positions::last, 1),
          std::pair(compile::Positions::last, 2)}) {
        const ClientPlan view = client_plan(make_plan(positions, static_cast<std::size_t>(images)));
        save_client_plan(view, directory);
        const ClientPlan read = load_client_plan(directory);
        EXPECT_EQ(read.fingerprint, view.fingerprint);
        EXPECT_EQ(to_json(read), to_json(view));
        EXPECT_TRUE(read.frame == view.frame);
        EXPECT_EQ(read.output_noise, view.output_noise);
        EXPECT_EQ(read.frame.packing.images, static_cast<std::size_t>(images));
    }
    std::filesystem::remove_all(directory);
}

TEST_F(ClientPlanTest, FingerprintTellsPlansApart) {
    EXPECT_NE(client_plan(plan_).fingerprint, client_plan(make_plan(compile::Positions::last)).fingerprint);
    model::RandomModelOptions options = fixtures::small_shape(7);
    options.seed = 2;
    const compile::Plan other =
        compile::compile(model::random_model(options).graph, fixtures::plan_options(1024, compile::Positions::all));
    EXPECT_NE(client_plan(plan_).fingerprint, client_plan(other).fingerprint);
}

TEST_F(ClientPlanTest, RefusesWhatCannotBe) {
    const nlohmann::json sound = nlohmann::json::parse(to_json(client_plan(plan_)));
    const auto refuse = [&](const char* field, const nlohmann::json& value, const std::string& message) {
        nlohmann::json changed = sound;
        changed[field] = value;
        EXPECT_THAT([&] { client_plan_from_json(changed.dump(), "client.json"); },
                    ThrowsMessage<Error>(HasSubstr(message)))
            << field;
    };
    refuse("version", 2, "version 2, this program reads 5: have the plan made again");
    refuse("parameters_fingerprint", std::string(64, 'a'), "fingerprint");
    refuse("model_fingerprint", "short", "64 hexadecimal digits");
    refuse("tokens", 7, "do not divide");
    refuse("tokens", 0, "do not divide");
    refuse("images", 0, "0 images do not divide the 64 positions");
    refuse("images", 3, "do not divide");
    refuse("images", 128, "'images' must be a whole number from 0 to 64");
    refuse("context", 9, "'context' must be a whole number from 0 to 8");
    refuse("context", 0, "least_rows");
    refuse("width", 0, "must be at least 1");
    refuse("vocabulary", 0, "must be at least 1");
    refuse("vocabulary", -1, "vocabulary");
    refuse("input_bound", 0.0, "positive");
    refuse("output_bound", -1.0, "positive");
    refuse("input_level", 1000, "input_level");
    refuse("input_layout", {{1, 2, 3}}, "layout");
    refuse("output_layout", nlohmann::json::array(), "entry 0 of 24 lies nowhere");
    refuse("output_layout", {std::vector<int>(64, 3)}, "entry 0 of 24 lies nowhere");
    refuse("output_layout", {std::vector<int>(63, 3)}, "array of 64 entries");
    refuse("output_level", 1000, "output_level");
    refuse("output_noise", 0, "positive");
    refuse("surprise", 1, "surprise");

    nlohmann::json changed = sound;
    changed["one_row"] = true;
    for (const std::size_t length : {0, 3, 1024}) {
        changed["output_layout"] = {std::vector<int>(length, 3)};
        EXPECT_THAT([&] { client_plan_from_json(changed.dump(), "client.json"); },
                    ThrowsMessage<FormatError>(HasSubstr("do not divide 512 slots")));
    }
    changed = sound;
    changed["input_layout"][0][0] = 16;  // the width is 16
    EXPECT_THROW(client_plan_from_json(changed.dump(), "client.json"), FormatError);
    changed = sound;
    changed["images"] = 2;
    changed["width"] = 1 << 24;
    EXPECT_THAT([&] { client_plan_from_json(changed.dump(), "client.json"); },
                ThrowsMessage<FormatError>(HasSubstr("entries of a layout")));
    changed = sound;
    changed["keys"]["rotation_steps"][0] = 512;
    EXPECT_THROW(client_plan_from_json(changed.dump(), "client.json"), FormatError);
    changed = sound;
    changed["keys"]["rotation_levels"][0] = 1000;
    EXPECT_THROW(client_plan_from_json(changed.dump(), "client.json"), FormatError);
    changed = sound;
    changed["keys"]["rotation_steps"][1] = changed["keys"]["rotation_steps"][0];
    EXPECT_THROW(client_plan_from_json(changed.dump(), "client.json"), FormatError);
    for (const char* name : {"raised_steps", "low_steps"}) {
        for (const std::vector<int>& steps : {std::vector{0}, {512}, {3, 3}}) {
            changed = sound;
            changed["keys"]["bootstrapping"] = true;
            changed["keys"][name] = steps;
            EXPECT_THAT([&] { client_plan_from_json(changed.dump(), "client.json"); },
                        ThrowsMessage<FormatError>(HasSubstr(name)));
        }
        changed = sound;
        changed["keys"]["bootstrapping"] = false;
        changed["keys"][name] = {1};
        EXPECT_THAT([&] { client_plan_from_json(changed.dump(), "client.json"); },
                    ThrowsMessage<FormatError>(HasSubstr("not its other keys")));
    }
    changed = sound;
    changed.erase("keys");
    EXPECT_THROW(client_plan_from_json(changed.dump(), "client.json"), FormatError);
    const std::string text = sound.dump();
    EXPECT_THROW(client_plan_from_json(text.substr(0, text.size() / 2), "client.json"), FormatError);
}

}  // namespace
}  // namespace polyformer::service
