// The builder's graphs against a forward pass over the plain weights: nothing folded, patches row by row, windows cut
// out of the rolled image.
#include "polyformer/model/builders/vision_builder.h"

#include <cmath>
#include <functional>

#include "polyformer/model/builders/random_weights.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/extremes.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

using Row = std::vector<double>;

/// A stage's shape, and its layers' shifts.
struct Stage {
    std::size_t rows;
    std::size_t columns;
    std::size_t window;
    std::size_t width;
    std::size_t heads;
    std::vector<std::size_t> shifts;
    bool local = true;
    bool hidden_local = false;
};

/// Where a query and a key stand in the rolled image.
struct Places {
    std::size_t query_row, query_column, key_row, key_column;
};

std::size_t window_rows(const Stage& stage) {
    return stage.window == 0 ? stage.rows : stage.window;
}
std::size_t window_columns(const Stage& stage) {
    return stage.window == 0 ? stage.columns : stage.window;
}

/// What the mask is: for each head another weight, 0 between what only the roll brought together.
double mask_of(const Stage& stage, std::size_t shift, std::size_t head, const Places& p) {
    const auto region = [&](std::size_t row, std::size_t column) {
        const std::size_t vertical = row >= stage.rows - shift ? 1 : 0;
        return 2 * vertical + (column >= stage.columns - shift ? 1 : 0);
    };
    if (region(p.query_row, p.query_column) != region(p.key_row, p.key_column)) return 0;
    return 0.125 + 0.0625 * static_cast<double>(head + p.query_row % 3 + p.key_column % 2);
}

/// A number for each head and relative position.
double bias_of(std::size_t head, const Places& p) {
    const auto down = static_cast<double>(p.key_row) - static_cast<double>(p.query_row);
    const auto right = static_cast<double>(p.key_column) - static_cast<double>(p.query_column);
    return 0.25 * std::sin(static_cast<double>(head) + 2 * down + 0.7 * right);
}

class Model {
  public:
    explicit Model(std::vector<Stage> stages, bool positions = true) : stages_(std::move(stages)) {
        std::size_t width = stages_.front().width;
        weights_.patches = linear(kFeatures, width);
        if (positions) weights_.positions = random_.matrix(stages_.front().rows * stages_.front().columns, width, 0.5);
        for (const Stage& stage : stages_) {
            VisionStageWeights result{.rows = stage.rows, .columns = stage.columns, .window = stage.window};
            result.heads = stage.heads;
            if (!weights_.stages.empty() && weights_.stages.back().rows != stage.rows) {
                result.merge_norm = norm(4 * width);
                result.merge = linear(4 * width, stage.width);
            }
            width = stage.width;
            for (const std::size_t shift : stage.shifts) {
                result.layers.push_back(layer(stage, shift));
                polynomials_.attention.push_back(polynomial());
                polynomials_.feed_forward.push_back(polynomial());
            }
            weights_.stages.push_back(std::move(result));
        }
        weights_.final_norm = norm(width);
        weights_.classes = linear(width, kClasses);
        for (std::size_t s = 0; s < stages_.size(); ++s) place_masks(s);
    }

    VisionWeights& weights() { return weights_; }
    VisionPolynomials& polynomials() { return polynomials_; }
    Graph graph() const { return build_vision_transformer(weights_, polynomials_); }

    /// The largest difference between the graph's logits and the plain ones, of the largest logit.
    double error() {
        const Graph built = graph();
        const std::size_t patches = stages_.front().rows * stages_.front().columns;
        std::vector<Row> image;
        for (std::size_t i = 0; i < patches; ++i) {
            const std::vector<float> row = random_.vector(kFeatures, 0, 1);
            image.emplace_back(row.begin(), row.end());
        }
        Tensor input{patches, kFeatures, {}};
        for (const std::size_t place : token_order(stages_[0].rows, stages_[0].columns, token_blocks(weights_))) {
            input.values.insert(input.values.end(), image[place].begin(), image[place].end());
        }
        const Row expected = forward(image);
        const Tensor logits = evaluate(built, input).logits;
        EXPECT_EQ(logits.rows, 1U);
        EXPECT_EQ(logits.columns, expected.size());
        double largest = 0;
        double difference = 0;
        for (std::size_t j = 0; j < expected.size(); ++j) {
            largest = std::max(largest, std::abs(expected[j]));
            difference = larger(difference, std::abs(expected[j] - logits.values[j]));
        }
        EXPECT_GT(largest, 0.1);
        return difference / largest;
    }

  private:
    static constexpr std::size_t kFeatures = 6;
    static constexpr std::size_t kClasses = 5;

    LinearWeights linear(std::size_t rows, std::size_t columns, double gain = 1) {
        return {random_.matrix(rows, columns, gain / std::sqrt(static_cast<double>(rows))),
                random_.vector(columns, 0, 0.2)};
    }
    NormWeights norm(std::size_t width) { return {random_.vector(width, 1, 0.3), random_.vector(width, 0, 0.3)}; }
    Polynomial polynomial() {
        const std::vector<float> c = random_.vector(3, 0.5, 0.2);
        return {-8, 9, {c[0], c[1], c[2]}};
    }

    VisionLayerWeights layer(const Stage& stage, std::size_t shift) {
        VisionLayerWeights result;
        if (stage.local) {
            result.local = random_.matrix(9, stage.width, 0.2);
            result.local_bias = random_.vector(stage.width, 0, 0.3);
        }
        result.attention_norm = norm(stage.width);
        result.query = linear(stage.width, stage.width);
        result.key = linear(stage.width, stage.width);
        result.value = linear(stage.width, stage.width);
        result.output = linear(stage.width, stage.width, 0.2);
        result.score_scale = 0.4;
        result.head_scale = random_.vector(stage.heads, 1, 0.3);
        result.feed_forward_norm = norm(stage.width);
        result.up = linear(stage.width, 2 * stage.width + 1);
        if (stage.hidden_local) result.hidden_local = random_.matrix(9, 2 * stage.width + 1, 0.2);
        result.hidden_norm = norm(2 * stage.width + 1);
        result.down = linear(2 * stage.width + 1, stage.width, 0.2);
        result.shift = shift;
        return result;
    }

    /// Masks and biases in the order of tokens.
    void place_masks(std::size_t s) {
        const Stage& stage = stages_[s];
        const std::vector<std::size_t> order = stage_order(weights_, s);
        const std::size_t window = window_rows(stage) * window_columns(stage);
        const auto places = [&](std::size_t query, std::size_t key) {
            return Places{order[query] / stage.columns, order[query] % stage.columns, order[key] / stage.columns,
                          order[key] % stage.columns};
        };
        for (VisionLayerWeights& layer : weights_.stages[s].layers) {
            layer.mask = {stage.heads * order.size(), window, {}};
            layer.score_bias = {stage.heads * window, window, {}};
            for (std::size_t h = 0; h < stage.heads; ++h) {
                for (std::size_t q = 0; q < order.size(); ++q) {
                    for (std::size_t k = 0; k < window; ++k) {
                        const Places p = places(q, q / window * window + k);
                        layer.mask.values.push_back(static_cast<float>(mask_of(stage, layer.shift, h, p)));
                        if (q < window) layer.score_bias.values.push_back(static_cast<float>(bias_of(h, p)));
                    }
                }
            }
        }
    }

    // The plain forward pass. Images are patches row by row.

    static Row project(const LinearWeights& linear, const Row& x) {
        Row y(linear.bias.begin(), linear.bias.end());
        for (std::size_t i = 0; i < x.size(); ++i) {
            for (std::size_t j = 0; j < y.size(); ++j) {
                y[j] += x[i] * static_cast<double>(linear.weight.values[i * y.size() + j]);
            }
        }
        return y;
    }

    static Row affine(const NormWeights& norm, Row x) {
        for (std::size_t j = 0; j < x.size(); ++j) {
            x[j] = x[j] * static_cast<double>(norm.gamma[j]) + static_cast<double>(norm.beta[j]);
        }
        return x;
    }

    static void add(Row& x, const Row& y) {
        for (std::size_t j = 0; j < x.size(); ++j) x[j] += y[j];
    }

    static Row convolved(const Stage& stage, const Matrix& kernel, const std::vector<Row>& image, std::size_t row,
                         std::size_t column) {
        Row y(kernel.columns);
        for (std::size_t ky = 0; ky < 3; ++ky) {
            for (std::size_t kx = 0; kx < 3; ++kx) {
                if (row + ky < 1 || row + ky > stage.rows || column + kx < 1 || column + kx > stage.columns) continue;
                const Row& x = image[(row + ky - 1) * stage.columns + column + kx - 1];
                for (std::size_t j = 0; j < y.size(); ++j) {
                    y[j] += x[j] * static_cast<double>(kernel.values[(ky * 3 + kx) * y.size() + j]);
                }
            }
        }
        return y;
    }

    /// Of the patch at (row, column) of the rolled image.
    Row attended(const Stage& stage, const VisionLayerWeights& layer, const Polynomial& activation,
                 const std::vector<Row>& rolled, std::size_t row, std::size_t column) const {
        const Row query = project(layer.query, rolled[row * stage.columns + column]);
        const std::size_t head_width = stage.width / stage.heads;
        const std::size_t top = row / window_rows(stage) * window_rows(stage);
        const std::size_t left = column / window_columns(stage) * window_columns(stage);
        Row result(stage.width);
        for (std::size_t y = top; y < top + window_rows(stage); ++y) {
            for (std::size_t x = left; x < left + window_columns(stage); ++x) {
                const Row key = project(layer.key, rolled[y * stage.columns + x]);
                const Row value = project(layer.value, rolled[y * stage.columns + x]);
                for (std::size_t h = 0; h < stage.heads; ++h) {
                    double score = 0;
                    for (std::size_t j = 0; j < head_width; ++j) {
                        score += query[h * head_width + j] * key[h * head_width + j];
                    }
                    const Places p{row, column, y, x};
                    score = score * layer.score_scale * static_cast<double>(layer.head_scale[h]) + bias_of(h, p);
                    const double weight = mask_of(stage, layer.shift, h, p) * evaluate_polynomial(activation, score);
                    for (std::size_t j = 0; j < head_width; ++j) {
                        result[h * head_width + j] += weight * value[h * head_width + j];
                    }
                }
            }
        }
        return project(layer.output, result);
    }

    std::vector<Row> run_layer(const Stage& stage, const VisionLayerWeights& layer, std::size_t index,
                               std::vector<Row> image) const {
        const std::size_t columns = stage.columns;
        if (stage.local) {
            const std::vector<Row> before = image;
            for (std::size_t i = 0; i < image.size(); ++i) {
                add(image[i], convolved(stage, layer.local, before, i / columns, i % columns));
                add(image[i], Row(layer.local_bias.begin(), layer.local_bias.end()));
            }
        }
        std::vector<Row> rolled;
        const auto rolled_place = [&](std::size_t i) {
            return (i / columns + layer.shift) % stage.rows * columns + (i % columns + layer.shift) % columns;
        };
        for (std::size_t i = 0; i < image.size(); ++i) {
            rolled.push_back(affine(layer.attention_norm, image[rolled_place(i)]));
        }
        for (std::size_t i = 0; i < image.size(); ++i) {
            add(image[rolled_place(i)],
                attended(stage, layer, polynomials_.attention[index], rolled, i / columns, i % columns));
        }
        std::vector<Row> widened;
        for (const Row& x : image) widened.push_back(project(layer.up, affine(layer.feed_forward_norm, x)));
        for (std::size_t i = 0; i < image.size(); ++i) {
            Row hidden = widened[i];
            if (stage.hidden_local) {
                add(hidden, convolved(stage, layer.hidden_local, widened, i / columns, i % columns));
            }
            if (!layer.hidden_norm.gamma.empty()) hidden = affine(layer.hidden_norm, hidden);
            for (double& value : hidden) value = evaluate_polynomial(polynomials_.feed_forward[index], value);
            add(image[i], project(layer.down, hidden));
        }
        return image;
    }

    static std::vector<Row> merged(const VisionStageWeights& stage, const std::vector<Row>& image) {
        std::vector<Row> result;
        const std::size_t columns = 2 * stage.columns;
        for (std::size_t row = 0; row < stage.rows; ++row) {
            for (std::size_t column = 0; column < stage.columns; ++column) {
                Row together;
                for (std::size_t j = 0; j < 4; ++j) {
                    const Row& x = image[(2 * row + j / 2) * columns + 2 * column + j % 2];
                    together.insert(together.end(), x.begin(), x.end());
                }
                result.push_back(project(stage.merge, affine(stage.merge_norm, together)));
            }
        }
        return result;
    }

    Row forward(std::vector<Row> image) const {
        for (std::size_t i = 0; i < image.size(); ++i) {
            image[i] = project(weights_.patches, image[i]);
            const std::size_t width = image[i].size();
            if (weights_.positions.values.empty()) continue;
            for (std::size_t j = 0; j < width; ++j)
                image[i][j] += static_cast<double>(weights_.positions.values[i * width + j]);
        }
        std::size_t index = 0;
        for (std::size_t s = 0; s < stages_.size(); ++s) {
            if (!weights_.stages[s].merge.weight.values.empty()) image = merged(weights_.stages[s], image);
            for (const VisionLayerWeights& layer : weights_.stages[s].layers) {
                image = run_layer(stages_[s], layer, index++, std::move(image));
            }
        }
        Row mean(image.front().size());
        for (const Row& x : image) add(mean, affine(weights_.final_norm, x));
        for (double& value : mean) value /= static_cast<double>(image.size());
        return project(weights_.classes, mean);
    }

    Sampler random_{2103};
    std::vector<Stage> stages_;
    VisionWeights weights_;
    VisionPolynomials polynomials_;
};

Model vit() {
    return Model({{.rows = 4, .columns = 4, .window = 0, .width = 8, .heads = 2, .shifts = {0, 0}}});
}

/// 8×8 patches in windows of 4×4, then 4×4 in windows of 2×2.
Model swin() {
    return Model({{.rows = 8, .columns = 8, .window = 4, .width = 6, .heads = 2, .shifts = {0, 2}},
                  {.rows = 4, .columns = 4, .window = 2, .width = 10, .heads = 5, .shifts = {0, 1}}});
}

std::vector<std::string> names_of(const Graph& graph, const char* ending) {
    std::vector<std::string> names;
    for (const Node& node : graph.nodes) {
        if (node.name.ends_with(ending)) names.push_back(node.name);
    }
    return names;
}

TEST(VisionBuilder, MatchesAPlainVit) {
    EXPECT_LT(vit().error(), 1e-5);
    EXPECT_TRUE(token_blocks(vit().weights()).empty());
    const Graph graph = vit().graph();
    EXPECT_EQ(graph.nodes.size(), 1U + 2 + 2 * 13 + 2);
    EXPECT_EQ(graph.nodes[1].name, "patches");
    EXPECT_EQ(graph.nodes[2].name, "positions");
    EXPECT_EQ(graph.nodes[3].name, "layers.0.local");
    EXPECT_EQ(graph.nodes[graph.nodes.size() - 2].name, "pooling");
    EXPECT_EQ(names_of(graph, "attention.scores").size(), 2U);
}

TEST(VisionBuilder, MatchesAPlainSwin) {
    EXPECT_LT(swin().error(), 1e-5);
    EXPECT_EQ(token_blocks(swin().weights()), (std::vector<std::size_t>{2, 4}));
    EXPECT_EQ(names_of(swin().graph(), "unshift"), std::vector<std::string>{"stages.0.unshift"});
}

TEST(VisionBuilder, MatchesWithoutConvolutions) {
    Model model({{.rows = 8, .columns = 8, .window = 4, .width = 6, .heads = 2, .shifts = {0, 2, 2, 1}, .local = false},
                 {.rows = 4, .columns = 4, .window = 0, .width = 4, .heads = 1, .shifts = {0}, .local = false}},
                false);
    EXPECT_LT(model.error(), 1e-5);
    const Graph graph = model.graph();
    EXPECT_EQ(names_of(graph, "local"), (std::vector<std::string>{"layers.1.local", "layers.3.local"}));
    EXPECT_TRUE(names_of(graph, "positions").empty());
}

TEST(VisionBuilder, MatchesOnGridsThatAreNotSquare) {
    Model one({{.rows = 2, .columns = 6, .window = 0, .width = 4, .heads = 2, .shifts = {0}}});
    EXPECT_LT(one.error(), 1e-5);
    Model windows({{.rows = 4, .columns = 8, .window = 4, .width = 4, .heads = 2, .shifts = {3, 1, 0}},
                   {.rows = 2, .columns = 4, .window = 2, .width = 6, .heads = 3, .shifts = {1, 0}},
                   {.rows = 1, .columns = 2, .window = 0, .width = 4, .heads = 1, .shifts = {0}}});
    EXPECT_LT(windows.error(), 1e-5);
}

TEST(VisionBuilder, MatchesWhereWindowsGrowAndNothingMerges) {
    Model model({{.rows = 8, .columns = 8, .window = 2, .width = 4, .heads = 2, .shifts = {1}},
                 {.rows = 8, .columns = 8, .window = 4, .width = 4, .heads = 2, .shifts = {0, 3}}});
    EXPECT_EQ(token_blocks(model.weights()), (std::vector<std::size_t>{2, 4}));
    EXPECT_LT(model.error(), 1e-5);
}

TEST(VisionBuilder, MatchesWithConvolutionsOfPreActivations) {
    Model model({{.rows = 4, .columns = 8, .window = 4, .width = 6, .heads = 2, .shifts = {0, 2}, .hidden_local = true},
                 {.rows = 2, .columns = 4, .window = 0, .width = 4, .heads = 1, .shifts = {0}, .hidden_local = true}});
    EXPECT_LT(model.error(), 1e-5);
    EXPECT_EQ(names_of(model.graph(), "feed_forward.local").size(), 3U);
    for (VisionLayerWeights& layer : model.weights().stages[0].layers) layer.hidden_norm = {};
    EXPECT_LT(model.error(), 1e-5);
    model.weights().stages[1].layers[0].hidden_local.columns = 8;
    expect_error<Error>([&] { static_cast<void>(model.graph()); },
                        {"'layers.2.feed_forward.local'", "(9, 8)", "(9, 9)"});
}

TEST(VisionBuilder, LeavesOutWhatIsEmpty) {
    Model model = vit();
    for (VisionLayerWeights& layer : model.weights().stages[0].layers) {
        layer.hidden_norm = {};
        layer.head_scale.clear();
        layer.score_bias = {};
    }
    const Graph plain = model.graph();
    for (VisionLayerWeights& layer : model.weights().stages[0].layers) {
        layer.hidden_norm = {std::vector<float>(17, 1), std::vector<float>(17, 0)};
        layer.head_scale = {1, 1};
        layer.score_bias = {2 * 16, 16, std::vector<float>(2 * 16 * 16, 0)};
    }
    const Graph neutral = model.graph();
    const Tensor input{16, 6, std::vector<double>(16 * 6, 0.5)};
    EXPECT_EQ(evaluate(plain, input).logits.values, evaluate(neutral, input).logits.values);
    EXPECT_TRUE(std::get<AttentionScores>(plain.nodes[7].operation).bias.values.empty());
}

TEST(VisionBuilder, SaysWhatPolynomialsStandFor) {
    Model model = vit();
    model.weights().attention_function = "tanh";
    model.weights().feed_forward_function = "silu";
    for (const Node& node : model.graph().nodes) {
        const auto* apply = std::get_if<Apply>(&node.operation);
        if (apply == nullptr) continue;
        EXPECT_EQ(apply->replaces, node.name.ends_with("attention.activation") ? "tanh" : "silu");
    }
}

TEST(VisionBuilder, NamesWhatDoesNotFit) {
    const auto expect = [](const std::function<void(VisionWeights&)>& change, const std::vector<std::string>& parts) {
        Model model = swin();
        change(model.weights());
        expect_error<Error>([&] { static_cast<void>(model.graph()); }, parts);
    };
    const auto first = [](VisionWeights& w) -> VisionLayerWeights& { return w.stages[0].layers[0]; };
    expect([](auto& w) { w.stages.clear(); }, {"at least one stage"});
    expect([](auto& w) { w.stages[1].layers.pop_back(); }, {"4 polynomials for the attention of 3 layers"});
    expect([](auto& w) { w.stages[1].rows = 2; }, {"stage 1 has a grid of 2 × 4", "8 × 8"});
    expect([](auto& w) { w.stages[0].merge = w.stages[1].merge; }, {"the first stage merges"});
    expect([](auto& w) { w.stages[1].merge = {}; }, {"4 × 4", "8 × 8", "nothing is merged"});
    expect([](auto& w) { w.stages[0].window = 3; }, {"blocks of 3 × 3", "2 × 2"});
    expect([](auto& w) { w.stages[1].merge_norm.gamma.pop_back(); }, {"'stages.1.width'", "gamma", "23 entries"});
    expect([](auto& w) { w.stages[0].heads = 4; }, {"stage 0", "width of 6", "4 heads"});
    expect([](auto& w) { w.positions.rows = 63; }, {"'positions'", "(63, 6)", "(64, 6)"});
    expect([](auto& w) { w.patches.bias.pop_back(); }, {"'patches'", "5 entries"});
    expect([](auto& w) { w.final_norm.beta.clear(); }, {"'logits'", "beta", "0 entries"});
    expect([](auto& w) { w.stages[0].layers[1].shift = 4; }, {"layer 1 is shifted by 4", "4 wide"});
    expect([](auto& w) { w.stages[1].window = 4; }, {"layer 3 is shifted by 1", "single window"});
    expect([&](auto& w) { first(w).local.rows = 8; }, {"'layers.0.local'", "(8, 6)", "(9, 6)"});
    expect([&](auto& w) { first(w).local_bias.pop_back(); }, {"'layers.0.local'", "bias"});
    expect([&](auto& w) { first(w).local = {}; }, {"'layers.0.local' has a bias, but no weights"});
    expect([&](auto& w) { first(w).key.weight.rows = 5; }, {"'layers.0.attention.key'", "(5, 6)"});
    expect([&](auto& w) { first(w).head_scale.pop_back(); }, {"'layers.0.attention.scores'", "1 entries"});
    expect([&](auto& w) { first(w).score_scale = 0; }, {"factor on the scores is 0"});
    expect([&](auto& w) { first(w).score_bias.columns = 15; }, {"'layers.0.attention.scores'", "bias is (32, 15)"});
    expect([&](auto& w) { first(w).mask.rows = 64; }, {"'layers.0.attention.values'", "mask is (64, 16)"});
    expect([&](auto& w) { first(w).hidden_norm.beta.clear(); }, {"'layers.0.feed_forward.up'", "beta"});
    expect([&](auto& w) { first(w).down.weight.columns = 5; }, {"'layers.0.feed_forward.down'", "(13, 5)"});
}

TEST(VisionBuilder, NamesStagesThatAreNotThere) {
    Model model = swin();
    expect_error<Error>([&] { stage_order(model.weights(), 2); }, {"no stage 2", "there are 2"});
}

}  // namespace
}  // namespace polyformer::model
