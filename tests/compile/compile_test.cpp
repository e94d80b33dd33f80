#include "polyformer/compile/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <set>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/model/builders/random_encoder.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/process.h"
#include "tests/compile/small_plan.h"

namespace polyformer::compile {
namespace {

using fixtures::plan_options;
using fixtures::small_transformer;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

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
    for (const ValueId input : plan.inputs) levels[input] = plan.frame.input_level;
    for (const Step& step : plan.steps) {
        const bool bootstrap = std::holds_alternative<BootstrapStep>(step.operation);
        for (const ValueId input : inputs_of(step.operation)) {
            ASSERT_TRUE(levels.contains(input)) << step.name;
            EXPECT_GE(levels[input], bootstrap ? plan.frame.parameters.bootstrapping_input_level() : step.level)
                << step.name;
        }
        const int expected = bootstrap ? plan.frame.parameters.working_level() : step.level - depth_of(step.operation);
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
    EXPECT_GE(plan.keys.relinearisation_level, used.relinearisation_level) << step;
    EXPECT_GE(plan.keys.conjugation_level, used.conjugation_level) << step;
}

/// Keys that the steps use, each at its level.
ckks::KeyRequest keys_used(const Plan& plan) {
    const ckks::Parameters& parameters = plan.frame.parameters;
    ckks::KeyRequest used;
    for (const Step& step : plan.steps) {
        ckks::KeyRequest one;
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
            if (combine->doubled_real_part) one.add_conjugation(parameters, step.level);
        }
        if (std::holds_alternative<SelectTokenStep>(step.operation)) {
            for (std::size_t d = 1; d < plan.frame.packing.tokens; d *= 2) {
                one.add_rotation(parameters, static_cast<long>(d * plan.frame.packing.features), step.output_level);
            }
        }
        if (std::holds_alternative<BootstrapStep>(step.operation)) {
            one = ckks::Bootstrapper::key_request(parameters, parameters.slots(), plan.bootstrap_key_price);
        }
        if (std::holds_alternative<MultiplyStep>(step.operation) ||
            std::holds_alternative<PolynomialStep>(step.operation)) {
            one.add_relinearisation(parameters, step.level);
        }
        expect_covered(plan, one, step.name);
        used.merge(one);
    }
    return used;
}

TEST(Compile, AccountsForLevelsAndAsksForTheKeysItUsesAndNoOthers) {
    const model::Transformer model = small_transformer();
    for (const Positions positions : {Positions::all, Positions::last}) {
        PlanOptions options = plan_options(2048);
        options.positions = positions;
        const Plan plan = compile(model.graph, options);
        expect_sound_levels(plan);
        EXPECT_EQ(keys_used(plan).rotation_levels, plan.keys.rotation_levels);
        EXPECT_EQ(keys_used(plan).relinearisation_level, plan.keys.relinearisation_level);
        EXPECT_EQ(keys_used(plan).conjugation_level, plan.keys.conjugation_level);
        EXPECT_EQ(plan.summary.key_bytes_memory, plan.keys.memory_bytes(plan.frame.parameters));
        EXPECT_GT(plan.summary.bootstraps, 0U);
        EXPECT_LE(plan.summary.bootstrapped_values, 2 * plan.summary.bootstraps);
    }
}

TEST(Compile, SmallerKeysTakeLonger) {
    const model::Transformer model = small_transformer();
    std::size_t bytes = 0;
    double seconds = std::numeric_limits<double>::infinity();
    for (const Keys keys : {Keys::small, Keys::balanced, Keys::fast}) {
        PlanOptions options = plan_options(2048);
        options.keys = keys;
        Plan plan = compile(model.graph, options);
        EXPECT_EQ(keys_used(plan).rotation_levels, plan.keys.rotation_levels);
        EXPECT_EQ(keys_used(plan).conjugation_level, plan.keys.conjugation_level);
        EXPECT_GT(plan.summary.key_bytes_file, bytes);
        EXPECT_LT(plan.summary.seconds, seconds);
        bytes = plan.summary.key_bytes_file;
        seconds = plan.summary.seconds;

        // What the others would take is known without compiling again, and changes nothing.
        const std::map<int, int> rotations = plan.keys.rotation_levels;
        const std::vector<KeyPoint> points = key_points(plan);
        ASSERT_EQ(points.size(), 3U);
        EXPECT_EQ(points[static_cast<std::size_t>(keys)].keys, keys);
        EXPECT_EQ(points[static_cast<std::size_t>(keys)].summary.key_bytes_file, bytes);
        EXPECT_EQ(points[static_cast<std::size_t>(keys)].summary.seconds, seconds);
        EXPECT_EQ(plan.keys.rotation_levels, rotations);
        EXPECT_EQ(plan.summary.key_bytes_file, bytes);
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
        const Plan plan = compile(graph, plan_options(2048, Positions::all, images));
        expect_sound_levels(plan);
        EXPECT_EQ(keys_used(plan).rotation_levels, plan.keys.rotation_levels);
        EXPECT_EQ(plan.frame.least_rows, 64U);
        EXPECT_TRUE(plan.frame.one_row);
        // Merging and averaging tokens, and adding constants, cost no level.
        for (const Step& step : plan.steps) {
            if (step.name == "positions" || step.name == "stages.1.merge" || step.name == "pooling") {
                EXPECT_EQ(step.level, step.output_level) << step.name;
            }
        }
    }
    EXPECT_EQ(largest_image_count(graph, ckks::Parameters::create(plan_options(2048).parameters)), 2U);
}

TEST(CompileImages, PositionsMakeNoDifference) {
    const model::Graph graph = small_vision_model();
    PlanOptions options = plan_options(2048);
    const Plan all = compile(graph, options);
    options.positions = Positions::last;
    const Plan last = compile(graph, options);
    EXPECT_EQ(all.frame.output_layout, last.frame.output_layout);
    EXPECT_EQ(all.steps.size(), last.steps.size());
    EXPECT_EQ(all.keys.rotation_levels, last.keys.rotation_levels);
}

TEST(Compile, GivesTheSamePlanTwice) {
    const model::Transformer model = small_transformer();
    const Plan a = compile(model.graph, plan_options(2048));
    const Plan b = compile(model.graph, plan_options(2048));
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
    const model::Transformer model = small_transformer();
    PlanOptions dear = plan_options(2048);
    dear.costs.bootstrap = dear.costs.bootstrap_second = 1000;
    PlanOptions cheap = plan_options(2048);
    cheap.costs.bootstrap = cheap.costs.bootstrap_second = 1e-6;
    EXPECT_LT(compile(model.graph, dear).summary.bootstrapped_values,
              compile(model.graph, cheap).summary.bootstrapped_values);
}

TEST(Compile, RunsWithoutBootstrappingWhenTheLevelsSuffice) {
    const model::Transformer model = small_transformer(3);
    PlanOptions options = plan_options(2048);
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
    const auto model = small_transformer();
    PlanOptions options = plan_options(2048);
    const int exhausted = options.parameters.bootstrapping->slots_to_coefficients_levels;
    options.highest_input_level = exhausted;
    const Plan plan = compile(model.graph, options);
    EXPECT_EQ(plan.frame.input_level, exhausted);
    EXPECT_EQ(name_of(plan.steps.front().operation), "bootstrap");
    EXPECT_GT(plan.summary.bootstrapped_values, compile(model.graph, plan_options(2048)).summary.bootstrapped_values);
    expect_sound_levels(plan);
    options.highest_input_level = exhausted - 1;
    EXPECT_THAT([&] { compile(model.graph, options); },
                ThrowsMessage<Error>(AllOf(HasSubstr(fmt::format("level {} at most", exhausted - 1)),
                                           HasSubstr(fmt::format("{} to 18", exhausted)))));
}

TEST(Compile, NamesAPolynomialThatNoStretchHolds) {
    model::Transformer model = small_transformer();
    for (model::Node& node : model.graph.nodes) {
        auto* apply = std::get_if<model::Apply>(&node.operation);
        if (apply == nullptr || node.name != "layers.0.feed_forward.activation") continue;
        apply->polynomial.coefficients.assign(std::size_t{1} << 15, 1e-6);
        apply->polynomial.coefficients.push_back(1e-6);
    }
    PlanOptions options = plan_options(2048);
    options.parameters.working_levels = 15;
    EXPECT_THAT([&] { compile(model.graph, options); },
                ThrowsMessage<Error>(AllOf(HasSubstr("degree 32768"), HasSubstr("layers.0.feed_forward.activation"),
                                           HasSubstr("16 levels"), HasSubstr("lower degree"))));
}

TEST(Compile, RefusesHeadsAndContextsThatDoNotFit) {
    const model::Transformer model = small_transformer();
    PlanOptions options = plan_options(2048);
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
    const Stopwatch stopwatch;
    Plan plan = compile(model.graph, options);
    EXPECT_LT(stopwatch.seconds(), 20);
    expect_sound_levels(plan);
    EXPECT_EQ(plan.frame.parameters.security_bits(), 128);
    EXPECT_LE(plan.summary.bootstraps, 5U);
    std::set<ckks::Pairing> pairings;
    for (const Step& step : plan.steps) {
        if (const auto* map = std::get_if<LinearMapStep>(&step.operation)) {
            pairings.insert(map->map.pairing);
            EXPECT_TRUE(map->real_inputs || map->map.pairing == ckks::Pairing::none) << step.name;
        }
    }
    EXPECT_TRUE(pairings.contains(ckks::Pairing::outputs));
    EXPECT_TRUE(pairings.contains(ckks::Pairing::inputs));
    const std::size_t bootstrapping =
        ckks::Bootstrapper::key_request(plan.frame.parameters, plan.frame.parameters.slots(), plan.bootstrap_key_price)
            .memory_bytes(plan.frame.parameters);
    EXPECT_LT(plan.summary.key_bytes_memory - bootstrapping, std::size_t{2} << 30);
    EXPECT_LT(plan.summary.key_bytes_memory + plan.summary.working_bytes, std::size_t{8} << 30);

    const std::vector<KeyPoint> points = key_points(plan);
    const PlanSummary& small = points.front().summary;
    const PlanSummary& fast = points.back().summary;
    EXPECT_LT(static_cast<double>(small.key_bytes_file), 1.2 * (std::size_t{1} << 30));
    EXPECT_LT(small.seconds, 1.25 * fast.seconds);
    EXPECT_LT(plan.summary.seconds, 1.05 * fast.seconds);
}

TEST(Encoders, ValuesAreNeitherRefreshedNorBroughtToTheirBoundBeforeTheInverse) {
    const model::Transformer model = model::random_encoder({.layers = 2, .width = 24, .heads = 3, .context = 8});
    const Plan plan = compile(model.graph, fixtures::plan_options(2048));
    std::set<ValueId> values;
    std::size_t products = 0;
    for (const Step& step : plan.steps) {
        if (step.name.ends_with(".values")) {
            for (const ValueId output : outputs_of(step.operation)) values.insert(output);
        }
        const bool bootstrap = std::holds_alternative<BootstrapStep>(step.operation);
        for (const ValueId input : inputs_of(step.operation)) EXPECT_FALSE(bootstrap && values.contains(input));
        if (!step.name.ends_with(".mixed")) continue;
        EXPECT_TRUE(bootstrap || std::holds_alternative<MultiplyStep>(step.operation)) << name_of(step.operation);
        ++products;
    }
    EXPECT_GE(products, 2U);
}

}  // namespace
}  // namespace polyformer::compile
