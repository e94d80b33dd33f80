#include "polyformer/tasks/maps/appended_map.h"

#include <utility>

#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/support/error.h"

namespace polyformer::tasks {

model::Graph with_map_behind(model::Graph encoder, const std::string& name, model::Matrix weight,
                             std::vector<float> bias, double bound) {
    const model::Shape vector = model::shapes_of(encoder).back();
    require(vector.tokens == 1 && vector.features == weight.rows,
            "'{}' reads one vector of {} numbers for a text, but this model gives {}", name, weight.rows,
            model::to_string(vector));
    const model::NodeId last = encoder.nodes.size() - 1;
    encoder.vocabulary = weight.columns;
    encoder.nodes.push_back({name, model::Linear{last, std::move(weight), std::move(bias)}, bound});
    model::validate(encoder);
    return encoder;
}

}  // namespace polyformer::tasks
