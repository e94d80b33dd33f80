// Every variant that a configuration can name: made, trained, and exported where it has a polynomial form.
#include <gtest/gtest.h>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/reference.h"
#include "polyformer/support/error.h"
#include "polyformer/trainer/batches/batches.h"
#include "polyformer/trainer/conversion/export.h"
#include "polyformer/trainer/conversion/substitution.h"
#include "polyformer/trainer/descent/stage.h"
#include "polyformer/trainer/statistics/site_statistics.h"
#include "tests/trainer/toy.h"

namespace polyformer::train {
namespace {

std::vector<Architecture> every_variant() {
    std::vector<Architecture> all;
    const auto add = [&](const auto& change) {
        Architecture shape = toy_architecture();
        shape.layers = 2;
        change(shape);
        all.push_back(shape);
    };
    for (const char* form : attention_forms) add([&](Architecture& shape) { shape.attention.form = form; });
    for (const char* form : attention_forms) {
        add([&](Architecture& shape) {
            shape.attention.form = form;
            shape.attention.key_weights = "by_distance";
        });
    }
    for (const char* function : attention_functions) {
        for (const char* before : length_factors) {
            add([&](Architecture& shape) {
                shape.attention.function = function;
                shape.attention.scale_before = before;
            });
        }
        for (const char* after : length_factors) {
            for (const char* length : length_choices) {
                add([&](Architecture& shape) {
                    shape.attention.function = function;
                    shape.attention.scale_after = after;
                    shape.attention.length = length;
                });
            }
        }
    }
    for (const char* norm : norms) {
        for (const char* activation : activation_functions) {
            add([&](Architecture& shape) {
                shape.norm = norm;
                shape.activation = activation;
            });
        }
    }
    return all;
}

// The largest |difference| between LibTorch's logits and (T, vocabulary) of ours.
double difference(const torch::Tensor& logits, const model::Tensor& ours) {
    const torch::Tensor same = torch::from_blob(
        const_cast<double*>(ours.values.data()),
        {static_cast<std::int64_t>(ours.rows), static_cast<std::int64_t>(ours.columns)}, torch::kFloat64);
    return (logits[0].to(torch::kFloat64) - same).abs().max().item<double>();
}

TEST(Variants, WeightsByDistanceStartAsAMeanThatFavoursTheNearest) {
    Architecture shape = toy_architecture();
    shape.attention.key_weights = "by_distance";
    shape.attention.scale_after = "1/L";
    const auto length = static_cast<std::int64_t>(shape.context);
    const torch::Tensor seen = torch::ones({length, length}).tril();
    const torch::Tensor mask = make_attention(shape)->weighted_mask(seen);  // (H, T, T)
    EXPECT_LT((mask.sum(-1) - 1).abs().max().item<float>(), 1e-5F);
    EXPECT_EQ((mask * (1 - seen)).abs().max().item<float>(), 0);
    const torch::Tensor last = mask.select(1, length - 1);  // (H, T)
    EXPECT_GT(last.diff().min().item<float>(), 0);
    // From the next key to the last: the first head forgets fastest.
    const torch::Tensor ratio = last.select(1, length - 2) / last.select(1, length - 1);
    EXPECT_GT(ratio.diff().min().item<float>(), 0);
}

TEST(Variants, LookBackOnly) {
    for (const Architecture& shape : every_variant()) {
        torch::manual_seed(5);
        Transformer model(shape);
        model->eval();
        const torch::Tensor tokens = torch::tensor({{1, 2, 3, 4, 5, 6, 7, 8}});
        torch::Tensor changed = tokens.clone();
        changed[0][5] = 11;
        const torch::Tensor change = (model->forward(tokens) - model->forward(changed)).abs().amax(-1)[0];
        EXPECT_LT(change.slice(0, 0, 5).max().item<float>(), 1e-5F) << to_json(shape);
        EXPECT_GT(change[7].item<float>(), 1e-7F) << to_json(shape);
    }
}

TEST(Variants, LearnAndBecomeTheSameGraph) {
    for (const Architecture& shape : every_variant()) {
        SCOPED_TRACE(to_json(shape).dump());
        torch::manual_seed(5);
        torch::set_num_threads(1);
        Transformer model(shape);
        Batches batches(toy_prepared(2000), shape.context, 8, 3);
        const ScratchDirectory directory("variants");
        Schedule schedule{.epochs = 1, .batch = 8, .learning_rate = 5e-3, .warmup_steps = 5};
        const StageOutcome outcome = run_stage(*model, batches,
                                               {.name = "train",
                                                .schedule = schedule,
                                                .checkpoint = directory / "checkpoint",
                                                .recipe = "",
                                                .quiet = true});
        EXPECT_LT(outcome.history.loss, 2.98);  // log 20 is 3.0
        const RangeTable seen = measure_ranges(*model, batches, {.steps = 20, .histograms = Histograms::collect});
        const std::vector<Batch> blocks = {batches.at(0)};
        if (!obstacle_to_substitution(shape.attention).empty()) {
            EXPECT_THROW(substitute(*model, seen, Substitution{}, blocks), Error);
            continue;
        }
        const torch::Tensor tokens = blocks[0].input.slice(0, 0, 1).contiguous();  // calibration saw them
        const torch::Tensor exact = model->forward(tokens);
        substitute(*model, seen, Substitution{.margin = 0.5}, blocks);
        const torch::Tensor polynomial = model->forward(tokens);
        EXPECT_GT((exact - polynomial).abs().max().item<double>(), 0);
        model->polynomials = false;
        EXPECT_TRUE(torch::equal(exact, model->forward(tokens)));  // every substitution can be taken back

        const model::Transformer converted =
            model::build_transformer(export_weights(*model), export_polynomials(*model));
        const model::Tensor embedded = converted.embedding.embed(
            std::vector<std::int32_t>(tokens.data_ptr<std::int64_t>(), tokens.data_ptr<std::int64_t>() + 8));
        EXPECT_LT(difference(polynomial, model::evaluate(converted.graph, embedded).logits), 3e-4);
        EXPECT_LT(difference(exact, model::evaluate_exact(converted.graph, embedded)), 3e-4);
    }
}

}  // namespace
}  // namespace polyformer::train
