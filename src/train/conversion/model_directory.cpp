#include "train/conversion/model_directory.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>
#include <vector>

#include "model/bundle.h"
#include "model/calibration.h"
#include "model/operations.h"
#include "support/atomic_file.h"
#include "train/conversion/export.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t bound_samples = 2048;  // sequences through the exact interpreter
constexpr double bound_margin = 0.25;

std::vector<model::Tensor> embedded_samples(const model::Embedding& embedding, Batches& batches, std::size_t count) {
    std::vector<model::Tensor> samples;
    for (std::size_t step = 0; samples.size() < count; ++step) {
        const torch::Tensor tokens = batches.at(step);
        const std::int64_t columns = tokens.size(1);
        for (std::int64_t row = 0; row < tokens.size(0) && samples.size() < count; ++row) {
            const std::int64_t* ids = tokens.data_ptr<std::int64_t>() + row * columns;
            samples.push_back(embedding.embed(std::vector<std::int32_t>(ids, ids + columns - 1)));
        }
    }
    return samples;
}

// Whatever may enter a polynomial may come, seen or not: bounds hold its interval and its values there.
void widen_bounds(model::Graph& graph) {
    constexpr int points = 1000;
    for (model::Node& node : graph.nodes) {
        const auto* apply = std::get_if<model::Apply>(&node.operation);
        if (apply == nullptr) continue;
        const double lower = apply->polynomial.lower;
        const double upper = apply->polynomial.upper;
        double& input_bound = graph.nodes[apply->input].bound;
        input_bound = std::max({input_bound, std::abs(lower), std::abs(upper)});
        for (int i = 0; i <= points; ++i) {
            const double x = lower + (upper - lower) * i / points;
            node.bound = std::max(node.bound, std::abs(model::evaluate_polynomial(apply->polynomial, x)));
        }
    }
}

Json describe(const std::vector<Site>& sites) {
    Json list = Json::array();
    for (const Site& site : sites) {
        list.push_back({{"node", site.name},
                        {"function", site.function},
                        {"degree", site.polynomial->coefficients.size() - 1},
                        {"seen", {site.lower, site.upper}},
                        {"interval", {site.polynomial->lower, site.polynomial->upper}}});
    }
    return list;
}

}  // namespace

void write_model_directory(const Transformer& model, Batches& batches, const StageRequest& request,
                           const Json& results) {
    const std::filesystem::path& directory = request.model;
    model::Transformer converted = model::build_transformer(export_weights(model), export_polynomials(model));
    model::calibrate(converted.graph, embedded_samples(converted.embedding, batches, bound_samples), bound_margin);
    widen_bounds(converted.graph);
    std::filesystem::create_directories(directory);
    model::save_graph(converted.graph, directory);
    model::save_embedding(converted.embedding, directory);
    write_file(directory / "tokenizer.model", read_file(request.texts / "tokenizer.model"));
    const Json metadata = {{"format", "polyformer-model-metadata"},
                           {"version", 1},
                           {"configuration", to_json(request.config)},
                           {"stages", results},
                           {"polynomials", describe(model->sites)},
                           {"calibration",
                            {{"interval_margin", request.config.substitution.margin},
                             {"bound_margin", bound_margin},
                             {"bound_samples", bound_samples}}}};
    write_file(directory / "metadata.json", metadata.dump(2) + "\n");
}

}  // namespace polyformer::train
