#include "polyformer/model/interpreter/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"

namespace polyformer::model {

void calibrate(Graph& graph, std::span<const Tensor> samples, double margin) {
    require(!samples.empty(), "calibration needs at least one sample");
    require(std::isfinite(margin) && margin >= 0, "a calibration margin of {} is not a number of 0 or more", margin);
    std::vector<double> largest(graph.nodes.size(), 0.0);
    for (const Tensor& sample : samples) {
        const std::vector<double> seen = evaluate(graph, sample).largest;
        for (NodeId id = 0; id < seen.size(); ++id) {
            require(std::isfinite(seen[id]),
                    "calibration: node '{}' reaches {}; a polynomial before it is fed values "
                    "far outside its interval",
                    graph.nodes[id].name, seen[id]);
            largest[id] = std::max(largest[id], seen[id]);
        }
    }
    // A node that is zero throughout needs some positive bound; any will do.
    for (NodeId id = 0; id < largest.size(); ++id) {
        graph.nodes[id].bound = largest[id] > 0 ? largest[id] * (1 + margin) : 1.0;
    }
}

void fit_polynomials(Graph& graph, std::span<const Tensor> samples, const FitPolynomial& fit) {
    require(!samples.empty(), "fitting polynomials needs at least one sample");
    for (const Tensor& sample : samples) static_cast<void>(checked_shapes(graph, sample));
    std::vector<std::vector<Tensor>> values(samples.size());
    for (Node& node : graph.nodes) {
        if (auto* apply = std::get_if<Apply>(&node.operation)) {
            double smallest = std::numeric_limits<double>::infinity();
            double largest = -smallest;
            for (const std::vector<Tensor>& sample : values) {
                const auto [low, high] = std::ranges::minmax(sample[apply->input].values);
                smallest = smaller(smallest, low);
                largest = larger(largest, high);
                require(all_finite(sample[apply->input].values),
                        "fitting polynomials: what enters '{}' is not finite; a polynomial before it is fed values far "
                        "outside its interval",
                        node.name);
            }
            apply->polynomial = fit(node, smallest, largest);
        }
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const auto value_of = [&](NodeId id) -> const Tensor& { return values[i][id]; };
            values[i].push_back(evaluate_operation(node.operation, value_of, samples[i]));
        }
    }
}

}  // namespace polyformer::model
