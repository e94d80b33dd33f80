#include "polyformer/trainer/conversion/model_directory.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "polyformer/model/builders/vision_builder.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/model/interpreter/calibration.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/conversion/export.h"
#include "polyformer/trainer/conversion/vision_export.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t bound_samples = 2048;  // sequences or images through the exact interpreter
constexpr double bound_margin = 0.25;

std::vector<model::Tensor> embedded_samples(const model::Embedding& embedding, Batches& batches, std::size_t count) {
    std::vector<model::Tensor> samples;
    for (std::size_t step = 0; samples.size() < count; ++step) {
        const torch::Tensor tokens = batches.tokens(step);
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

// What both kinds of model have: bounds, graph, metadata. `samples` are inputs of the graph.
void write_graph(model::Graph graph, const std::vector<model::Tensor>& samples, const Network& model,
                 const StageRequest& request, const Json& results, const std::filesystem::path& directory) {
    {
        const EndAtOnce guard;  // the interpreter takes minutes and cannot be asked to stop
        model::calibrate(graph, samples, bound_margin);
    }
    widen_bounds(graph);
    model::save_graph(graph, directory);
    const Json metadata = {{"format", "polyformer-model-metadata"},
                           {"version", 1},
                           {"configuration", to_json(request.config)},
                           {"stages", results},
                           {"polynomials", describe(model.sites)},
                           {"calibration",
                            {{"interval_margin", request.config.substitution.margin},
                             {"bound_margin", bound_margin},
                             {"bound_samples", samples.size()}}}};
    write_file(directory / "metadata.json", to_text(metadata, 2) + "\n");
}

// Inputs of the graph that these images make.
std::vector<model::Tensor> patch_samples(const model::ImageInput& input, Examples& batches, std::size_t count) {
    std::vector<model::Tensor> samples;
    for (std::size_t step = 0; samples.size() < count; ++step) {
        const torch::Tensor images = batches.at(step).input.contiguous();
        const std::size_t values = 3 * input.height * input.width;
        for (std::int64_t i = 0; i < images.size(0) && samples.size() < count; ++i) {
            const float* pixels = images.data_ptr<float>() + i * static_cast<std::int64_t>(values);
            samples.push_back(input.patches(std::span(pixels, values)));
        }
    }
    return samples;
}

}  // namespace

void write_language_model(const TransformerImpl& model, Batches& batches, const StageRequest& request,
                          const Json& results) {
    FolderWriter folder(request.model);
    model::Transformer converted = model::build_transformer(export_weights(model), export_polynomials(model));
    write_graph(std::move(converted.graph), embedded_samples(converted.embedding, batches, bound_samples), model,
                request, results, folder.path());
    model::save_embedding(converted.embedding, folder.path());
    write_file(folder.path() / "tokenizer.model", read_file(request.prepared / "tokenizer.model"));
    folder.commit();
}

void write_image_model(const VisionNetworkImpl& model, Examples& batches, const std::vector<std::string>& classes,
                       const Colours& colours, const StageRequest& request, const Json& results) {
    FolderWriter folder(request.model);
    const VisionArchitecture& architecture = model.architecture;
    const model::VisionWeights weights = export_weights(model);
    const model::ImageInput input{.height = architecture.height,
                                  .width = architecture.width,
                                  .patch = architecture.patch,
                                  .kernel = architecture.kernel,
                                  .mean = colours.mean,
                                  .deviation = colours.deviation,
                                  .blocks = model::token_blocks(weights),
                                  .classes = classes};
    write_graph(model::build_vision_transformer(weights, export_polynomials(model)),
                patch_samples(input, batches, bound_samples), model, request, results, folder.path());
    model::save_image_input(input, folder.path());
    folder.commit();
}

}  // namespace polyformer::train
