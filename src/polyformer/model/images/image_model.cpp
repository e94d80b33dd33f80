#include "polyformer/model/images/image_model.h"

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"

namespace polyformer::model {

bool takes_images(const std::filesystem::path& directory) {
    std::error_code unreadable;  // the same as not there
    return std::filesystem::is_regular_file(directory / image_input_file, unreadable) ||
           is_listed(directory, image_input_file);
}

ImageModel load_image_model(const std::filesystem::path& directory) {
    ImageModel model{.graph = load_graph(directory), .input = load_image_input(directory)};
    const Graph& graph = model.graph;
    const ImageInput& input = model.input;
    require<FormatError>(
        input.tokens() == graph.context && input.features() == graph.width && input.classes.size() == graph.vocabulary,
        "{}: image.json makes {} patches of {} features and names {} classes, but the graph takes {} "
        "of {} and gives {} logits: take both files from the same model",
        directory.string(), input.tokens(), input.features(), input.classes.size(), graph.context, graph.width,
        graph.vocabulary);
    const Shape logits = shapes_of(graph).back();
    require<FormatError>(logits.tokens == 1, "{}: the graph gives logits for {} tokens; an image has one row of them",
                         directory.string(), logits.tokens);
    return model;
}

}  // namespace polyformer::model
