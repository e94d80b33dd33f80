#include "polyformer/trainer/descent/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/batches/batches.h"
#include "polyformer/trainer/conversion/substitution.h"
#include "polyformer/trainer/statistics/site_statistics.h"
#include "tests/trainer/toy.h"

namespace polyformer::train {
namespace {

using testing::HasSubstr;

Schedule toy_schedule() {
    Schedule schedule;
    schedule.epochs = 1;
    schedule.batch = 8;
    schedule.learning_rate = 1e-2;
    schedule.warmup_steps = 5;
    schedule.dropout = 0.1;
    return schedule;
}

Batches toy_batches() {
    return {toy_prepared(5000), toy_architecture().context, 8, 3};
}  // 77 steps an epoch

StageOptions options_for(const ScratchDirectory& directory, const Schedule& schedule) {
    StageOptions options;
    options.name = "train";
    options.schedule = schedule;
    options.checkpoint = directory / "checkpoint";
    options.recipe = "a recipe";
    options.quiet = true;
    return options;
}

TEST(Stage, LowersTheLoss) {
    const ScratchDirectory directory("stage");
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    const StageOutcome outcome = run_stage(*model, batches, options_for(directory, toy_schedule()));
    EXPECT_TRUE(outcome.complete);
    EXPECT_EQ(outcome.steps, 77U);
    EXPECT_LT(outcome.history.loss, 0.8 * std::log(20.0));
}

TEST(Stage, LearnsFasterByOrthogonalUpdates) {
    std::vector<double> losses;
    for (const char* optimizer : optimizers) {
        const ScratchDirectory directory("muon");
        Schedule schedule = toy_schedule();
        schedule.optimizer = optimizer;
        schedule.learning_rate = 1e-3;
        Transformer model = toy_model(1);
        Batches batches = toy_batches();
        losses.push_back(run_stage(*model, batches, options_for(directory, schedule)).history.loss);
    }
    EXPECT_LT(losses[1], losses[0]);
}

TEST(Stage, LearnsInMixedPrecision) {
    const ScratchDirectory directory("mixed");
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    StageOptions options = options_for(directory, toy_schedule());
    options.precision = Precision::bfloat16;
    const StageOutcome mixed = run_stage(*model, batches, options);
    for (const torch::Tensor& parameter : model->parameters()) EXPECT_EQ(parameter.scalar_type(), torch::kFloat32);

    const ScratchDirectory other("unmixed");
    Transformer same = toy_model(1);
    const StageOutcome whole = run_stage(*same, batches, options_for(other, toy_schedule()));
    EXPECT_NE(mixed.history.loss, whole.history.loss);
    EXPECT_NEAR(mixed.history.loss, whole.history.loss, 0.05);
}

TEST(Stage, AccumulatedPassesMakeTheUpdateOfOneLargeBatch) {
    std::vector<torch::Tensor> found;
    for (const std::size_t passes : {1U, 2U}) {
        const ScratchDirectory directory("accumulate");
        Schedule schedule = toy_schedule();
        schedule.dropout = 0;
        schedule.accumulate = passes;
        schedule.batch = 8 / passes;
        StageOptions options = options_for(directory, schedule);
        options.stop_after = 1;
        Transformer model = toy_model(1);
        Batches batches(toy_prepared(5000), toy_architecture().context, schedule.batch, 3);
        run_stage(*model, batches, options);
        found.push_back(model->layers[0]->up->weight.detach().clone());
    }
    // AdamW's first step moves every weight by about the learning rate: the sign of its gradient is what shows.
    EXPECT_LT((found[0] - found[1]).abs().max().item<double>(), 1e-5);
}

TEST(Stage, StopsEarlyAndKeepsTheBest) {
    const ScratchDirectory directory("patience");
    Schedule schedule = toy_schedule();
    schedule.validate_every = 5;
    schedule.patience = 2;
    StageOptions options = options_for(directory, schedule);
    Transformer model = toy_model(1);
    std::vector<torch::Tensor> validated;
    options.validate = [&] {  // best at the second validation, worse ever after
        validated.push_back(model->tokens->weight.detach().clone());
        return validated.size() == 2 ? 1.0 : 2.0 + static_cast<double>(validated.size());
    };
    Batches batches = toy_batches();
    const StageOutcome outcome = run_stage(*model, batches, options);
    EXPECT_TRUE(outcome.complete);
    EXPECT_EQ(outcome.step, 20U);  // two more validations after the best
    EXPECT_TRUE(torch::equal(model->tokens->weight, validated[1]));
}

TEST(Stage, AnInterruptedValidationIsMadeUpFor) {
    Schedule schedule = toy_schedule();
    schedule.validate_every = 5;
    const auto run = [&](const char* name, std::size_t interrupted) {
        const ScratchDirectory directory(name);
        StageOptions options = options_for(directory, schedule);
        Transformer model = toy_model(1);
        Batches batches = toy_batches();
        std::size_t validations = 0;
        options.validate = [&] {
            if (++validations == interrupted) throw Interrupted();
            return model->tokens->weight.detach().norm().item<double>();
        };
        StageOutcome outcome = run_stage(*model, batches, options);
        if (interrupted > 0) {
            EXPECT_FALSE(outcome.complete);
            EXPECT_EQ(outcome.step, 5 * interrupted);
            EXPECT_TRUE(std::filesystem::exists(options.checkpoint));
            outcome = run_stage(*model, batches, options);
        }
        EXPECT_TRUE(outcome.complete);
        return outcome.history.json()["validation_curve"];
    };
    const auto whole = run("validations", 0);
    ASSERT_EQ(whole["step"].size(), 15U);
    EXPECT_EQ(run("first", 1), whole);
    EXPECT_EQ(run("last", 15), whole);
}

TEST(Stage, KeepsItsHistoryAcrossAnInterruption) {
    const ScratchDirectory directory("history");
    StageOptions options = options_for(directory, toy_schedule());
    options.stop_after = 31;
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    run_stage(*model, batches, options);
    options.stop_after.reset();
    const auto curve = run_stage(*model, batches, options).history.json()["curve"];
    ASSERT_EQ(curve["step"].size(), 77U);
    for (std::size_t i = 0; i < 77; ++i) EXPECT_EQ(curve["step"][i], i + 1);
    EXPECT_LT(curve["loss"].back(), curve["loss"].front());
    EXPECT_GT(curve["variance_ratio"].back(), 1);
}

class StageWith : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Optimizers, StageWith, testing::ValuesIn(optimizers));

TEST_P(StageWith, ResumedIsBitForBitUninterrupted) {
    Schedule schedule = toy_schedule();
    schedule.optimizer = GetParam();
    const ScratchDirectory whole_directory("whole");
    Transformer whole = toy_model(1);
    Batches whole_batches = toy_batches();
    run_stage(*whole, whole_batches, options_for(whole_directory, schedule));

    const ScratchDirectory directory("interrupted");
    StageOptions options = options_for(directory, schedule);
    options.stop_after = 31;
    Transformer first = toy_model(1);
    Batches first_batches = toy_batches();
    EXPECT_FALSE(run_stage(*first, first_batches, options).complete);
    options.stop_after.reset();
    Transformer second = toy_model(99);  // whatever it starts from, the checkpoint counts
    Batches second_batches = toy_batches();
    EXPECT_TRUE(run_stage(*second, second_batches, options).complete);

    const auto expected = whole->parameters();
    const auto found = second->parameters();
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(torch::equal(expected[i], found[i])) << i;
}

TEST(Stage, RefusesACheckpointOfAnotherRecipe) {
    const ScratchDirectory directory("recipe");
    StageOptions options = options_for(directory, toy_schedule());
    options.stop_after = 2;
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    run_stage(*model, batches, options);
    options.recipe = "another";
    EXPECT_THROW(run_stage(*model, batches, options), Error);
}

TEST(Stage, ReportsADamagedCheckpoint) {
    const ScratchDirectory directory("damaged");
    StageOptions options = options_for(directory, toy_schedule());
    write_file(options.checkpoint, "this is no checkpoint");
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    EXPECT_THROW(run_stage(*model, batches, options), FormatError);
}

TEST(Stage, ReportsDivergence) {
    const ScratchDirectory directory("diverged");
    Schedule schedule = toy_schedule();
    schedule.learning_rate = 1e30;
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    try {
        run_stage(*model, batches, options_for(directory, schedule));
        FAIL() << "a learning rate of 1e30 went unnoticed";
    } catch (const DivergenceError& error) {
        EXPECT_THAT(error.what(), HasSubstr("diverged at step"));
        EXPECT_THAT(error.what(), HasSubstr("learning_rate"));
    }
}

TEST(Stage, RangeMinimisationShrinksRanges) {
    const ScratchDirectory directory("ranges");
    Transformer model = toy_model(1);
    {
        const torch::NoGradGuard no_gradients;
        model->layers[0]->query_key_value->weight.mul_(3);
        model->layers[0]->up->weight.mul_(3);
    }
    Batches batches = toy_batches();
    const RangeTable before = measure_ranges(*model, batches, {.steps = 20});
    set_target_ranges(model->sites, before, {.scores = 1, .hidden = 2, .variance_ratio = 2});
    Schedule schedule = toy_schedule();
    schedule.dropout = 0;
    schedule.range_weight = 1;
    schedule.variance_weight = 0.1;
    run_stage(*model, batches, options_for(directory, schedule));
    const std::vector<SeenRange> before_rows = before.rows();
    const std::vector<SeenRange> after_rows = measure_ranges(*model, batches, {.steps = 20}).rows();
    for (const std::size_t site : {1U, 3U}) {  // scores and pre-activations
        const double wide = before_rows[site].largest - before_rows[site].smallest;
        const double narrow = after_rows[site].largest - after_rows[site].smallest;
        EXPECT_LT(narrow, 0.6 * wide) << model->sites[site].name;
    }
}

TEST(LearningRate, WarmsUpThenFallsToZero) {
    Schedule schedule;
    schedule.learning_rate = 1;
    schedule.warmup_steps = 10;
    EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 0, 110), 0.1);
    EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 9, 110), 1);
    EXPECT_NEAR(learning_rate_at(schedule, 59, 110), 0.5, 1e-12);
    EXPECT_NEAR(learning_rate_at(schedule, 109, 110), 0, 1e-12);
}

}  // namespace
}  // namespace polyformer::train
