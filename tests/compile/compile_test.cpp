#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <set>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/support/atomic_file.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

model::Transformer small_model(std::size_t degree = 15) {
    model::RandomModelOptions options;
    options.layers = 1;
    options.width = 16;
    options.heads = 2;
    options.context = 8;
    options.feed_forward = 32;
    options.vocabulary = 30;
    options.samples = 2;
    options.activation_degree = options.inverse_sqrt_degree = degree;
    return model::random_model(options);
}

PlanOptions small_options() {
    PlanOptions options;
    options.parameters = ckks::presets::insecure_bootstrapping(2048);
    return options;
}

int depth_of(const Operation& operation) {
    if (std::holds_alternative<AddStep>(operation) || std::holds_alternative<SumSlotsStep>(operation) ||
        std::holds_alternative<CombineStep>(operation)) {
        return 0;
    }
    if (const auto* polynomial = std::get_if<PolynomialStep>(&operation)) return polynomial->series.depth();
    return 1;
}

/// Every value is made once, before it is read, and read at a level that it has.
void expect_sound_levels(const Plan& plan) {
    std::map<ValueId, int> levels;
    for (const ValueId input : plan.inputs) levels[input] = plan.input_level;
    for (const Step& step : plan.steps) {
        const bool bootstrap = std::holds_alternative<BootstrapStep>(step.operation);
        for (const ValueId input : inputs_of(step.operation)) {
            ASSERT_TRUE(levels.contains(input)) << step.name;
            EXPECT_GE(levels[input], bootstrap ? plan.parameters.bootstrapping_input_level() : step.level) << step.name;
        }
        const int expected = bootstrap ? plan.parameters.working_level() : step.level - depth_of(step.operation);
        EXPECT_EQ(step.output_level, expected) << step.name;
        EXPECT_GE(step.output_level, 0);
        for (const ValueId output : outputs_of(step.operation)) {
            EXPECT_TRUE(levels.emplace(output, step.output_level).second) << step.name;
        }
    }
    for (const ValueId output : plan.outputs) EXPECT_TRUE(levels.contains(output));
}

void expect_covered(const Plan& plan, const ckks::KeyRequest& used, const std::string& step) {
    for (const auto& [rotation, level] : used.rotation_levels) {
        const auto found = plan.keys.rotation_levels.find(rotation);
        ASSERT_TRUE(found != plan.keys.rotation_levels.end()) << step << " rotates by " << rotation;
        EXPECT_GE(found->second, level) << step;
    }
    if (used.relinearisation) {
        EXPECT_TRUE(plan.keys.relinearisation);
        EXPECT_GE(plan.keys.relinearisation_level, used.relinearisation_level) << step;
    }
    if (used.conjugation) {
        EXPECT_TRUE(plan.keys.conjugation);
        EXPECT_GE(plan.keys.conjugation_level, used.conjugation_level) << step;
    }
}

/// Keys that the steps use, each at its level.
ckks::KeyRequest keys_used(const Plan& plan) {
    const ckks::Parameters& parameters = plan.parameters;
    ckks::KeyRequest used;
    used.relinearisation = false;
    for (const Step& step : plan.steps) {
        ckks::KeyRequest one;
        one.relinearisation = false;
        if (const auto* map = std::get_if<LinearMapStep>(&step.operation))
            one = map->map.key_request(parameters, step.level);
        if (const auto* product = std::get_if<RotatedProductStep>(&step.operation)) {
            one = product->product.key_request(parameters, step.level);
        }
        if (const auto* sum = std::get_if<SumSlotsStep>(&step.operation)) {
            for (std::size_t d = 1; d < sum->count; d *= 2) {
                one.add_rotation(parameters, sum->stride * static_cast<long>(d), step.level);
            }
        }
        if (const auto* combine = std::get_if<CombineStep>(&step.operation)) {
            for (const CombineStep::Term& term : combine->terms) {
                one.add_rotation(parameters, term.rotation, step.level);
            }
            one.conjugation = combine->doubled_real_part;
            one.conjugation_level = step.level;
        }
        if (std::holds_alternative<SelectLastTokenStep>(step.operation)) {
            for (std::size_t d = 1; d < plan.packing.tokens; d *= 2) {
                one.add_rotation(parameters, static_cast<long>(d * plan.packing.features), step.output_level);
            }
        }
        if (std::holds_alternative<BootstrapStep>(step.operation)) {
            one = ckks::Bootstrapper::key_request(parameters, parameters.slots());
        }
        if (std::holds_alternative<MultiplyStep>(step.operation) ||
            std::holds_alternative<PolynomialStep>(step.operation)) {
            one.relinearisation = true;
            one.relinearisation_level = step.level;
        }
        expect_covered(plan, one, step.name);
        used.merge(parameters, one);
    }
    return used;
}

TEST(Compile, AccountsForLevelsAndAsksForTheKeysItUsesAndNoOthers) {
    const model::Transformer model = small_model();
    for (const Positions positions : {Positions::all, Positions::last}) {
        PlanOptions options = small_options();
        options.positions = positions;
        const Plan plan = compile(model.graph, options);
        expect_sound_levels(plan);
        EXPECT_EQ(keys_used(plan).rotation_levels, plan.keys.rotation_levels);
        EXPECT_EQ(keys_used(plan).relinearisation_level, plan.keys.relinearisation_level);
        EXPECT_EQ(plan.summary.key_bytes_memory, plan.keys.memory_bytes(plan.parameters));
        EXPECT_GT(plan.summary.bootstraps, 0U);
        EXPECT_LE(plan.summary.bootstrapped_values, 2 * plan.summary.bootstraps);
    }
}

model::Graph small_vision_model() {
    model::RandomVisionOptions options;
    options.rows = options.columns = 8;
    options.features = 6;
    options.stages = {{2, 8, 2, 4}, {1, 16, 2, 0}};
    options.activation_degree = 7;
    options.samples = 1;
    return model::random_vision_model(options);
}

TEST(CompileImages, AccountsForLevelsAndAsksForTheKeysItUsesAndNoOthers) {
    const model::Graph graph = small_vision_model();
    for (const std::size_t images : {1U, 2U}) {
        PlanOptions options = small_options();
        options.images = images;
        const Plan plan = compile(graph, options);
        expect_sound_levels(plan);
        EXPECT_EQ(keys_used(plan).rotation_levels, plan.keys.rotation_levels);
        EXPECT_EQ(plan.least_rows, 64U);
        EXPECT_EQ(plan.output_slot.size(), images * graph.vocabulary);
        // Merging and averaging tokens, and adding constants, cost no level.
        for (const Step& step : plan.steps) {
            if (step.name == "positions" || step.name == "stages.1.merge" || step.name == "pooling") {
                EXPECT_EQ(step.level, step.output_level) << step.name;
            }
        }
    }
    EXPECT_EQ(largest_image_count(graph, ckks::Parameters::create(small_options().parameters)), 2U);
}

TEST(CompileImages, PositionsMakeNoDifference) {
    const model::Graph graph = small_vision_model();
    PlanOptions options = small_options();
    const Plan all = compile(graph, options);
    options.positions = Positions::last;
    const Plan last = compile(graph, options);
    EXPECT_EQ(all.output_slot, last.output_slot);
    EXPECT_EQ(all.steps.size(), last.steps.size());
    EXPECT_EQ(all.keys.rotation_levels, last.keys.rotation_levels);
}

TEST(Compile, GivesTheSamePlanTwice) {
    const model::Transformer model = small_model();
    const Plan a = compile(model.graph, small_options());
    const Plan b = compile(model.graph, small_options());
    ASSERT_EQ(a.steps.size(), b.steps.size());
    for (std::size_t i = 0; i < a.steps.size(); ++i) {
        EXPECT_EQ(a.steps[i].name, b.steps[i].name);
        EXPECT_EQ(a.steps[i].level, b.steps[i].level);
        EXPECT_EQ(inputs_of(a.steps[i].operation), inputs_of(b.steps[i].operation));
    }
    EXPECT_EQ(a.keys.rotation_levels, b.keys.rotation_levels);
    EXPECT_EQ(a.summary.seconds, b.summary.seconds);
}

TEST(Compile, BootstrapsLessWhenItCostsMore) {
    const model::Transformer model = small_model();
    PlanOptions dear = small_options();
    dear.costs.bootstrap = dear.costs.bootstrap_second = 1000;
    PlanOptions cheap = small_options();
    cheap.costs.bootstrap = cheap.costs.bootstrap_second = 1e-6;
    EXPECT_LT(compile(model.graph, dear).summary.bootstrapped_values,
              compile(model.graph, cheap).summary.bootstrapped_values);
}

TEST(Compile, RunsWithoutBootstrappingWhenTheLevelsSuffice) {
    const model::Transformer model = small_model(3);
    PlanOptions options = small_options();
    options.parameters.bootstrapping.reset();
    options.parameters.working_levels = 30;
    const Plan plan = compile(model.graph, options);
    expect_sound_levels(plan);
    EXPECT_EQ(plan.summary.bootstraps, 0U);
    EXPECT_FALSE(plan.keys.bootstrapping);
    options.parameters.working_levels = 12;
    EXPECT_THAT([&] { compile(model.graph, options); },
                ThrowsMessage<Error>(AllOf(HasSubstr("cannot bootstrap"), HasSubstr("12 levels"))));
}

TEST(Compile, AnExhaustedInputIsRefreshedFirst) {
    const auto model = small_model();
    PlanOptions options = small_options();
    const int exhausted = options.parameters.bootstrapping->slots_to_coefficients_levels;
    options.highest_input_level = exhausted;
    const Plan plan = compile(model.graph, options);
    EXPECT_EQ(plan.input_level, exhausted);
    EXPECT_EQ(name_of(plan.steps.front().operation), "bootstrap");
    EXPECT_GT(plan.summary.bootstrapped_values, compile(model.graph, small_options()).summary.bootstrapped_values);
    expect_sound_levels(plan);
    options.highest_input_level = exhausted - 1;
    EXPECT_THAT([&] { compile(model.graph, options); },
                ThrowsMessage<Error>(AllOf(HasSubstr(fmt::format("level {} at most", exhausted - 1)),
                                           HasSubstr(fmt::format("{} to 18", exhausted)))));
}

TEST(Compile, NamesAPolynomialThatNoStretchHolds) {
    model::Transformer model = small_model();
    for (model::Node& node : model.graph.nodes) {
        auto* apply = std::get_if<model::Apply>(&node.operation);
        if (apply == nullptr || node.name != "layers.0.feed_forward.activation") continue;
        apply->polynomial.coefficients.assign(std::size_t{1} << 15, 1e-6);
        apply->polynomial.coefficients.push_back(1e-6);
    }
    PlanOptions options = small_options();
    options.parameters.working_levels = 15;
    EXPECT_THAT([&] { compile(model.graph, options); },
                ThrowsMessage<Error>(AllOf(HasSubstr("degree 32768"), HasSubstr("layers.0.feed_forward.activation"),
                                           HasSubstr("16 levels"), HasSubstr("lower degree"))));
}

TEST(Compile, RefusesHeadsAndContextsThatDoNotFit) {
    const model::Transformer model = small_model();
    PlanOptions options = small_options();
    options.parameters.ring_dimension = 1024;
    model::Graph wide = model.graph;
    wide.context = 1024;
    EXPECT_THAT([&] { compile(wide, options); }, ThrowsMessage<Error>(HasSubstr("the mask is (16, 8)")));
    model::RandomModelOptions long_text;
    long_text.layers = 1;
    long_text.width = 16;
    long_text.heads = 1;
    long_text.context = 64;
    long_text.vocabulary = 10;
    long_text.feed_forward = 8;
    long_text.samples = 1;
    const model::Transformer long_model = model::random_model(long_text);
    EXPECT_THAT([&] { compile(long_model.graph, options); },
                ThrowsMessage<Error>(AllOf(HasSubstr("layers.0.attention.scores"), HasSubstr("ring dimension"))));
}

TEST(Compile, PlansTheShippedShapeInSeconds) {
    model::RandomModelOptions shape;
    shape.layers = 2;
    shape.width = 128;
    shape.heads = 4;
    shape.context = 64;
    shape.feed_forward = 512;
    shape.vocabulary = 4096;
    shape.samples = 1;
    const model::Transformer model = model::random_model(shape);
    PlanOptions options;
    options.parameters = ckks::presets::bootstrapping_65536();
    const auto start = std::chrono::steady_clock::now();
    const Plan plan = compile(model.graph, options);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    EXPECT_LT(taken.count(), 20);
    expect_sound_levels(plan);
    EXPECT_EQ(plan.parameters.security_bits(), 128);
    EXPECT_LE(plan.summary.bootstraps, 5U);
    const std::size_t bootstrapping =
        ckks::Bootstrapper::key_request(plan.parameters, plan.parameters.slots()).memory_bytes(plan.parameters);
    EXPECT_LT(plan.summary.key_bytes_memory - bootstrapping, std::size_t{2} << 30);
    EXPECT_LT(plan.summary.key_bytes_memory + plan.summary.working_bytes, std::size_t{8} << 30);
}

class PlanFiles : public testing::Test {
  protected:
    void SetUp() override {
        // Its own for each test: ctest may run them side by side.
        directory_ = std::filesystem::path(testing::TempDir()) /
                     fmt::format("polyformer_plan_{}", testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::remove_all(directory_);
        model_ = small_model();
        PlanOptions options = small_options();
        options.positions = Positions::last;
        options.costs.bootstrap = 7;
        options.highest_input_level = 5;
        save_plan(compile(model_.graph, options), model_.graph, directory_);
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::filesystem::path file() const { return directory_ / "plan.json"; }
    void replace(const std::string& from, const std::string& to) const {
        std::string text = read_file(file());
        const std::size_t at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        write_file(file(), text.replace(at, from.size(), to));
    }

    std::filesystem::path directory_;
    model::Transformer model_;
};

TEST_F(PlanFiles, ComeBackAsTheyWere) {
    const Plan plan = load_plan(directory_);
    EXPECT_EQ(plan.options.positions, Positions::last);
    EXPECT_EQ(plan.options.costs.bootstrap, 7);
    EXPECT_EQ(plan.options.highest_input_level, 5);
    PlanOptions options = small_options();
    options.positions = Positions::last;
    options.costs.bootstrap = 7;
    options.highest_input_level = 5;
    const Plan again = compile(model_.graph, options);
    EXPECT_EQ(plan.keys.rotation_levels, again.keys.rotation_levels);
    EXPECT_EQ(plan.model_fingerprint, again.model_fingerprint);
}

TEST_F(PlanFiles, AreRefusedWhenTamperedWith) {
    replace("\"input_level\": ", "\"input_level\": 1");
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("input_level")));
}

TEST_F(PlanFiles, AreRefusedWithOtherOptions) {
    replace("\"last\"", "\"all\"");
    EXPECT_THROW(load_plan(directory_), FormatError);
    replace("\"all\"", "\"some\"");
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("'some'")));
}

TEST_F(PlanFiles, AreRefusedWhenForeignOrTruncated) {
    const std::string text = read_file(file());
    write_file(file(), text.substr(0, text.size() / 2));
    EXPECT_THROW(load_plan(directory_), FormatError);
    write_file(file(), "{\"format\": \"something else\"}");
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("something else")));
    write_file(file(), text);
    replace("\"ring_dimension\": 2048", "\"ring_dimension\": 3000");
    EXPECT_THROW(load_plan(directory_), Error);
}

TEST_F(PlanFiles, AreRefusedForAnotherModel) {
    const Plan plan = load_plan(directory_);
    model::Transformer other = small_model();
    other.graph.nodes.back().bound *= 2;
    EXPECT_THAT([&] { save_plan(plan, other.graph, directory_); }, ThrowsMessage<Error>(HasSubstr("model")));
    model::save_graph(other.graph, directory_);
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("model_fingerprint")));
}

TEST(PackInput, RefusesTextsAndValuesThatDoNotFit) {
    const model::Transformer model = small_model();
    const Plan plan = compile(model.graph, small_options());
    const model::Tensor text = model.embedding.embed(model::random_tokens(5, 30, 3));
    const auto slots = pack_input(plan, text.values, 5);
    ASSERT_EQ(slots.size(), plan.inputs.size());
    // Rows repeat the text.
    EXPECT_EQ(slots[0][5 * plan.packing.features], slots[0][0]);
    EXPECT_THAT([&] { pack_input(plan, text.values, 9); }, ThrowsMessage<Error>(HasSubstr("9 tokens")));
    EXPECT_THROW(pack_input(plan, text.values, 4), Error);
    std::vector<double> large(text.values);
    large[3] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THAT([&] { pack_input(plan, large, 5); }, ThrowsMessage<Error>(HasSubstr("nan")));
}

}  // namespace
}  // namespace polyformer::compile
