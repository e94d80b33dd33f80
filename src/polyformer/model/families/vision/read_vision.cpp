#include "polyformer/model/families/vision/read_vision.h"

#include <algorithm>
#include <utility>

#include "polyformer/model/checkpoints/built_from.h"
#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/families/vision/image_preprocessing.h"
#include "polyformer/model/families/vision/position_grid.h"
#include "polyformer/model/families/vision/vision_family.h"
#include "polyformer/model/families/vision/vision_graph.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

bool is_vision(const ModelConfig& config) {
    return find_vision_family(config) != nullptr;
}

ImportedImageModel read_vision(const std::filesystem::path& folder, const ModelConfig& config) {
    const VisionFamily* family = find_vision_family(config);
    require<FormatError>(family != nullptr, "{}: 'model_type' is '{}', which is no family of images", config.label,
                         config.model_type);
    require<FormatError>(std::ranges::find(family->architectures, config.architecture) != family->architectures.end(),
                         "{}: 'architectures' is '{}', but of {} only {} can be imported", config.label,
                         config.architecture, config.model_type, fmt::join(family->architectures, " and "));
    VisionShape shape = family->shape(config);
    ImportedImageModel result;
    result.family = config.model_type;
    result.input = read_image_preprocessing(folder, shape, result.notes);
    result.input.classes = config.labels;
    require<FormatError>(family->any_size || result.input.height == shape.image,
                         "{}: images become {} pixels wide, but the model's positions are for {}: of {} they must be "
                         "equal",
                         config.label, result.input.height, shape.image, config.model_type);
    try {
        validate(result.input);
    } catch (const Error& error) {
        fail<FormatError>("{}: {}", config.label, error.what());
    }
    CheckpointWeights weights(folder, std::string(family->prefix));
    VisionTables tables = family->tables(weights, shape);
    if (result.input.height != shape.image) {
        tables.positions =
            resized_positions(tables.positions, shape.extra_tokens, shape.image / shape.patch, result.input.rows());
        shape.image = result.input.height;
        shape.layers.positions = shape.tokens();
    }
    const std::vector<VisionHead> heads = family->heads(weights, shape, config);
    const auto read_layer = [&](std::size_t layer) { return family->layer(weights, shape, layer); };
    result.graph = built_from(folder, [&] { return build_vision(shape, tables, read_layer, heads); });
    weights.require_all_read(family->unused);
    return result;
}

}  // namespace polyformer::model
