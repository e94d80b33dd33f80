#include "train/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/atomic_file.h"
#include "support/error.h"
#include "toy.h"
#include "train/convert.h"
#include "train/ranges.h"

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
    return {toy_text(5000), toy_architecture().context, 8, 3};
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
    const StageOutcome outcome = run_stage(model, batches, options_for(directory, toy_schedule()));
    EXPECT_TRUE(outcome.complete());
    EXPECT_EQ(outcome.steps, 77U);
    EXPECT_LT(outcome.loss, 0.8 * std::log(20.0));
}

TEST(Stage, ResumedIsBitForBitUninterrupted) {
    const ScratchDirectory whole_directory("whole");
    Transformer whole = toy_model(1);
    Batches whole_batches = toy_batches();
    run_stage(whole, whole_batches, options_for(whole_directory, toy_schedule()));

    const ScratchDirectory directory("interrupted");
    StageOptions options = options_for(directory, toy_schedule());
    options.stop_after = 31;
    Transformer first = toy_model(1);
    Batches first_batches = toy_batches();
    EXPECT_FALSE(run_stage(first, first_batches, options).complete());
    options.stop_after.reset();
    Transformer second = toy_model(99);  // whatever it starts from, the checkpoint counts
    Batches second_batches = toy_batches();
    EXPECT_TRUE(run_stage(second, second_batches, options).complete());

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
    run_stage(model, batches, options);
    options.recipe = "another";
    EXPECT_THROW(run_stage(model, batches, options), Error);
}

TEST(Stage, ReportsADamagedCheckpoint) {
    const ScratchDirectory directory("damaged");
    StageOptions options = options_for(directory, toy_schedule());
    write_file(options.checkpoint, "this is no checkpoint");
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    EXPECT_THROW(run_stage(model, batches, options), FormatError);
}

TEST(Stage, ReportsDivergence) {
    const ScratchDirectory directory("diverged");
    Schedule schedule = toy_schedule();
    schedule.learning_rate = 1e30;
    Transformer model = toy_model(1);
    Batches batches = toy_batches();
    try {
        run_stage(model, batches, options_for(directory, schedule));
        FAIL() << "a learning rate of 1e30 went unnoticed";
    } catch (const Error& error) {
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
    const RangeTable before = measure_ranges(model, batches, 20);
    set_target_ranges(model->sites, before, {.scores = 1, .hidden = 2, .variance_ratio = 2});
    Schedule schedule = toy_schedule();
    schedule.dropout = 0;
    schedule.range_weight = 1;
    schedule.variance_weight = 0.1;
    run_stage(model, batches, options_for(directory, schedule));
    const RangeTable after = measure_ranges(model, batches, 20);
    for (const std::size_t site : {1U, 3U}) {  // scores and pre-activations
        const double wide = before.rows()[site].largest - before.rows()[site].smallest;
        const double narrow = after.rows()[site].largest - after.rows()[site].smallest;
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
