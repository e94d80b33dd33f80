#include "graph_binding.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "inputs.h"
#include "long_call.h"
#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/model/interpreter/calibration.h"
#include "polyformer/support/error.h"

namespace polyformer::python {

namespace {

using model::NodeId;

std::vector<float> to_vector(const std::optional<Vector<float>>& array) {
    return array ? std::vector<float>(array->data(), array->data() + array->size()) : std::vector<float>();
}

model::Matrix to_matrix(const std::optional<Rows<float>>& array) {
    return array ? python::to_matrix(*array) : model::Matrix{};
}

const char* operation_name(const model::Operation& operation) {
    return std::visit(
        model::Overloaded{
            [](const model::Input&) { return "input"; }, [](const model::Linear&) { return "linear"; },
            [](const model::FeatureMean&) { return "feature_mean"; },
            [](const model::ScaleFeatures&) { return "scale_features"; }, [](const model::Centre&) { return "centre"; },
            [](const model::Add&) { return "add"; }, [](const model::Multiply&) { return "multiply"; },
            [](const model::Apply&) { return "apply"; }, [](const model::AddConstant&) { return "add_constant"; },
            [](const model::MixTokens&) { return "mix_tokens"; },
            [](const model::MergeTokens&) { return "merge_tokens"; },
            [](const model::TokenMean&) { return "token_mean"; },
            [](const model::SelectToken&) { return "select_token"; },
            [](const model::AttentionScores&) { return "attention_scores"; },
            [](const model::ShiftScores&) { return "shift_scores"; },
            [](const model::AttentionSums&) { return "attention_sums"; },
            [](const model::AttentionValues&) { return "attention_values"; },
            [](const model::RotateFeatures&) { return "rotate_features"; }},
        operation);
}

using NodeRow = std::tuple<std::string, std::string, std::string, double, std::vector<NodeId>>;

/// Name, operation, shape, bound and inputs of each node.
std::vector<NodeRow> nodes_of(const model::Graph& graph) {
    const std::vector<model::Shape> shapes = model::shapes_of(graph);
    std::vector<NodeRow> rows;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        const model::Node& node = graph.nodes[i];
        rows.emplace_back(node.name, operation_name(node.operation), model::to_string(shapes[i]), node.bound,
                          model::inputs_of(node.operation));
    }
    return rows;
}

/// A graph in the making.
class GraphBuilder {
  public:
    GraphBuilder(std::size_t context, std::size_t width)
        : graph_{.context = context, .width = width, .vocabulary = 0, .nodes = {{"input", model::Input{}}}} {}

    NodeId add(const std::string& name, model::Operation operation) {
        for (const NodeId input : model::inputs_of(operation)) {
            require(input < graph_.nodes.size(), "'{}' reads node {}, but there are 0 to {}", name, input,
                    graph_.nodes.size() - 1);
        }
        const auto number = graph_.nodes.size();
        graph_.nodes.push_back(
            {name.empty() ? fmt::format("{}.{}", operation_name(operation), number) : name, std::move(operation)});
        return number;
    }

    /// The last node gives the outputs. Bounds are measured on the samples.
    std::shared_ptr<model::Graph> finish(const std::vector<model::Tensor>& samples, double margin) const {
        auto graph = std::make_shared<model::Graph>(graph_);
        graph->vocabulary = model::shapes_of(*graph).back().features;
        model::validate(*graph);
        model::calibrate(*graph, samples, margin);
        model::validate(*graph);
        return graph;
    }

  private:
    model::Graph graph_;
};

template <class Operation>
NodeId add_of_one(GraphBuilder& graph, NodeId input, const std::string& name) {
    return graph.add(name, Operation{input});
}

/// Of two values, or of a value and a number.
template <class Operation>
NodeId add_of_two(GraphBuilder& graph, NodeId first, std::size_t second, const std::string& name) {
    return graph.add(name, Operation{first, second});
}

/// Coefficients and the certified error.
std::tuple<std::vector<double>, double> fit(const std::string& function, double lower, double upper,
                                            std::size_t degree) {
    const approx::Approximation found = approx::minimax(approx::target_function(function), {lower, upper}, degree);
    return {found.polynomial.coefficients, found.certified_error};
}

void bind_builder(nb::module_& module) {
    using namespace nb::literals;
    using Name = const std::string&;
    nb::class_<GraphBuilder> builder(module, "GraphBuilder");
    builder.def(nb::init<std::size_t, std::size_t>(), "context"_a, "width"_a);
    builder.def(
        "linear",
        [](GraphBuilder& graph, NodeId input, const Rows<float>& weight, const std::optional<Vector<float>>& bias,
           Name name) {
            return graph.add(name, model::Linear{input, python::to_matrix(weight), to_vector(bias)});
        },
        "input"_a, "weight"_a, "bias"_a.none(), "name"_a);
    builder.def("feature_mean", add_of_one<model::FeatureMean>, "input"_a, "name"_a);
    builder.def(
        "scale_features",
        [](GraphBuilder& graph, NodeId input, const Vector<float>& factors, const std::optional<Vector<float>>& bias,
           Name name) {
            return graph.add(name, model::ScaleFeatures{input, to_vector(factors), to_vector(bias)});
        },
        "input"_a, "factors"_a, "bias"_a.none(), "name"_a);
    builder.def("centre", add_of_one<model::Centre>, "input"_a, "name"_a);
    builder.def("add", add_of_two<model::Add>, "left"_a, "right"_a, "name"_a);
    builder.def("multiply", add_of_two<model::Multiply>, "left"_a, "right"_a, "name"_a);
    builder.def(
        "apply",
        [](GraphBuilder& graph, NodeId input, std::vector<double> coefficients, double lower, double upper,
           const std::string& replaces, Name name) {
            return graph.add(name, model::Apply{input, {lower, upper, std::move(coefficients)}, replaces});
        },
        "input"_a, "coefficients"_a, "lower"_a, "upper"_a, "replaces"_a, "name"_a);
    builder.def(
        "add_constant",
        [](GraphBuilder& graph, NodeId input, const Rows<float>& values, Name name) {
            return graph.add(name, model::AddConstant{input, python::to_matrix(values)});
        },
        "input"_a, "values"_a, "name"_a);
    builder.def(
        "mix_tokens",
        [](GraphBuilder& graph, NodeId input, std::vector<std::vector<std::int32_t>> sources,
           const Rows<float>& weights, const std::optional<Vector<float>>& bias, Name name) {
            return graph.add(name,
                             model::MixTokens{input, std::move(sources), python::to_matrix(weights), to_vector(bias)});
        },
        "input"_a, "sources"_a, "weights"_a, "bias"_a.none(), "name"_a);
    builder.def("merge_tokens", add_of_two<model::MergeTokens>, "input"_a, "group"_a, "name"_a);
    builder.def("token_mean", add_of_one<model::TokenMean>, "input"_a, "name"_a);
    builder.def("select_token", add_of_two<model::SelectToken>, "input"_a, "token"_a, "name"_a);
    builder.def(
        "rotate_features",
        [](GraphBuilder& graph, NodeId input, std::size_t heads, const Rows<float>& angles, Name name) {
            return graph.add(name, model::RotateFeatures{input, heads, python::to_matrix(angles)});
        },
        "input"_a, "heads"_a, "angles"_a, "name"_a);
    builder.def(
        "attention_scores",
        [](GraphBuilder& graph, NodeId query, NodeId key, std::size_t heads, double scale, std::size_t window,
           const std::optional<Rows<float>>& bias, std::size_t key_heads, Name name) {
            return graph.add(name,
                             model::AttentionScores{query, key, heads, scale, window, to_matrix(bias), key_heads});
        },
        "query"_a, "key"_a, "heads"_a, "scale"_a, "window"_a, "bias"_a.none(), "key_heads"_a, "name"_a);
    builder.def("shift_scores", add_of_two<model::ShiftScores>, "scores"_a, "shift"_a, "name"_a);
    builder.def(
        "attention_sums",
        [](GraphBuilder& graph, NodeId scores, std::size_t heads, bool causal, const std::optional<Rows<float>>& mask,
           Name name) {
            return graph.add(name, model::AttentionSums{scores, heads, causal, to_matrix(mask)});
        },
        "scores"_a, "heads"_a, "causal"_a, "mask"_a.none(), "name"_a);
    builder.def(
        "attention_values",
        [](GraphBuilder& graph, NodeId scores, NodeId value, std::size_t heads, bool causal,
           const std::optional<Rows<float>>& mask, std::size_t value_heads, Name name) {
            return graph.add(name, model::AttentionValues{scores, value, heads, causal, to_matrix(mask), value_heads});
        },
        "scores"_a, "value"_a, "heads"_a, "causal"_a, "mask"_a.none(), "value_heads"_a, "name"_a);
    builder.def(
        "finish",
        [](GraphBuilder graph, const std::vector<Rows<double>>& samples, double margin) {  // others may go on building
            const std::vector<model::Tensor> tensors = to_tensors(samples);
            return long_call(nb::none(), [&] { return graph.finish(tensors, margin); });
        },
        "samples"_a, "margin"_a);
}

}  // namespace

model::Matrix to_matrix(const Rows<float>& array) {
    return {array.shape(0), array.shape(1), std::vector<float>(array.data(), array.data() + array.size())};
}

void bind_graph(nb::module_& module) {
    nb::class_<model::Graph>(module, "Graph")
        .def_prop_ro("context", [](const model::Graph& graph) { return graph.context; })
        .def_prop_ro("width", [](const model::Graph& graph) { return graph.width; })
        .def_prop_ro("outputs", [](const model::Graph& graph) { return graph.vocabulary; })
        .def_prop_ro("nodes", nodes_of)
        .def_prop_ro("fingerprint", model::fingerprint);
    bind_builder(module);
    module.def(
        "fit",
        [](const std::string& function, double lower, double upper, std::size_t degree) {
            return long_call(nb::none(), [&] { return fit(function, lower, upper, degree); });
        },
        nb::arg("function"), nb::arg("lower"), nb::arg("upper"), nb::arg("degree"));
    module.def("functions", approx::target_function_names);
}

}  // namespace polyformer::python
