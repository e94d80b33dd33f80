#include "polyformer/model/graph/graph_json.h"

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"

namespace polyformer::model {

namespace {

using nlohmann::ordered_json;

constexpr const char* kFormat = "polyformer-graph";
// 2: a mask for every head in place of a scale for every query. 3: the operations of image models; scores have a window
// and may have a bias. 4: what a softmax is made of; attention's masks may be left out. 5: rotary positions, grouped
// keys and values, sums of heads and their features. 6: attention that averages over keys.
constexpr std::size_t kVersion = 6;
constexpr std::size_t kOldestVersion = 2;
constexpr std::size_t kOptionalMasks = 4;
constexpr std::size_t kGroupedHeads = 5;
constexpr std::size_t kAverages = 6;

ordered_json node_to_json(const Graph& graph, const Node& node) {
    const auto name = [&](NodeId id) -> const std::string& { return graph.nodes[id].name; };
    ordered_json result{{"name", node.name}};
    result.update(std::visit(
        Overloaded{
            [&](const Input&) -> ordered_json {
                return {{"operation", "input"}};
            },
            [&](const Linear& linear) -> ordered_json {
                return {{"operation", "linear"}, {"input", name(linear.input)}, {"bias", !linear.bias.empty()}};
            },
            [&](const FeatureMean& mean) -> ordered_json {
                return {{"operation", "feature_mean"}, {"input", name(mean.input)}};
            },
            [&](const Add& add) -> ordered_json {
                return {{"operation", "add"}, {"left", name(add.left)}, {"right", name(add.right)}};
            },
            [&](const Multiply& product) -> ordered_json {
                return {{"operation", "multiply"}, {"left", name(product.left)}, {"right", name(product.right)}};
            },
            [&](const Apply& apply) -> ordered_json {
                return {{"operation", "polynomial"},       {"input", name(apply.input)},
                        {"replaces", apply.replaces},      {"lower", apply.polynomial.lower},
                        {"upper", apply.polynomial.upper}, {"chebyshev", apply.polynomial.coefficients}};
            },
            [&](const AddConstant& sum) -> ordered_json {
                return {{"operation", "add_constant"}, {"input", name(sum.input)}};
            },
            [&](const MixTokens& mix) -> ordered_json {
                return {{"operation", "mix_tokens"},
                        {"input", name(mix.input)},
                        {"sources", mix.sources},
                        {"bias", !mix.bias.empty()}};
            },
            [&](const MergeTokens& merge) -> ordered_json {
                return {{"operation", "merge_tokens"}, {"input", name(merge.input)}, {"group", merge.group}};
            },
            [&](const TokenMean& mean) -> ordered_json {
                return {{"operation", "token_mean"}, {"input", name(mean.input)}};
            },
            [&](const AttentionScores& scores) -> ordered_json {
                return {{"operation", "attention_scores"},
                        {"query", name(scores.query)},
                        {"key", name(scores.key)},
                        {"heads", scores.heads},
                        {"scale", scores.scale},
                        {"window", scores.window},
                        {"bias", !scores.bias.values.empty()},
                        {"key_heads", scores.key_heads}};
            },
            [&](const RotateFeatures& turn) -> ordered_json {
                return {{"operation", "rotate_features"}, {"input", name(turn.input)}, {"heads", turn.heads}};
            },
            [&](const ScaleFeatures& scale) -> ordered_json {
                return {{"operation", "scale_features"}, {"input", name(scale.input)}, {"bias", !scale.bias.empty()}};
            },
            [&](const Centre& centre) -> ordered_json {
                return {{"operation", "centre"}, {"input", name(centre.input)}};
            },
            [&](const SelectToken& select) -> ordered_json {
                return {{"operation", "select_token"}, {"input", name(select.input)}, {"token", select.token}};
            },
            [&](const ShiftScores& shift) -> ordered_json {
                return {{"operation", "shift_scores"}, {"scores", name(shift.scores)}, {"shift", name(shift.shift)}};
            },
            [&](const AttentionSums& sums) -> ordered_json {
                return {{"operation", "attention_sums"},
                        {"scores", name(sums.scores)},
                        {"heads", sums.heads},
                        {"causal", sums.causal},
                        {"mask", !sums.mask.values.empty()}};
            },
            [&](const AttentionValues& values) -> ordered_json {
                return {{"operation", "attention_values"},   {"scores", name(values.scores)},
                        {"value", name(values.value)},       {"heads", values.heads},
                        {"causal", values.causal},           {"mask", !values.mask.values.empty()},
                        {"value_heads", values.value_heads}, {"averages", values.averages}};
            }},
        node.operation));
    result["bound"] = node.bound;
    return result;
}

/// Reads nodes one by one, each from the names before it and the tensors not yet taken.
class GraphReader {
  public:
    GraphReader(FloatTensors weights, std::string label) : weights_(std::move(weights)), label_(std::move(label)) {}

    Graph read(const nlohmann::json& document) {
        Fields fields(document, label_);
        const std::string format = fields.text("format");
        require<FormatError>(format == kFormat, "{}: the format is '{}', not '{}'", label_, format, kFormat);
        version_ = fields.count("version", std::size_t{1} << 32);
        require<FormatError>(version_ >= kOldestVersion && version_ <= kVersion,
                             "{}: version {} is not known; this program reads versions {} to {}", label_, version_,
                             kOldestVersion, kVersion);
        graph_.context = fields.count("context", kMaxContext);
        graph_.width = fields.count("width", kMaxFeatures);
        graph_.vocabulary = fields.count("vocabulary", kMaxFeatures);
        const std::string written = fields.text("fingerprint");
        for (const nlohmann::json& node : fields.array("nodes", kMaxNodes)) read_node(node);
        fields.finish();
        require<FormatError>(weights_.empty(),
                             "{}: no node uses the tensor '{}' of the weights; do the two files belong "
                             "together?",
                             label_, weights_.empty() ? "" : weights_.begin()->first);
        check_soundness();
        const std::string found = fingerprint(graph_);
        require<FormatError>(found == written,
                             "{}: the fingerprint is {}, but {} was written; the graph or its weights "
                             "were changed or mixed up after saving",
                             label_, found, written);
        return std::move(graph_);
    }

  private:
    void check_soundness() const {
        try {
            validate(graph_);
        } catch (const Error& error) {
            throw FormatError(fmt::format("{}: {}", label_, error.what()));
        }
    }

    void read_node(const nlohmann::json& value) {
        Fields fields(value, fmt::format("{}: node {}", label_, graph_.nodes.size()));
        Node node;
        node.name = fields.text("name");
        node.bound = fields.number("bound");
        node.operation = read_operation(fields, node.name);
        fields.finish();
        require<FormatError>(ids_.emplace(node.name, graph_.nodes.size()).second, "{}: there is another node '{}'",
                             fields.place(), node.name);
        graph_.nodes.push_back(std::move(node));
    }

    Operation read_operation(Fields& fields, const std::string& name) {
        const std::string kind = fields.text("operation");
        if (kind == "input") return Input{};
        if (kind == "linear") return read_linear(fields, name);
        if (kind == "feature_mean") return FeatureMean{node(fields, "input")};
        if (kind == "add") return Add{node(fields, "left"), node(fields, "right")};
        if (kind == "multiply") return Multiply{node(fields, "left"), node(fields, "right")};
        if (kind == "polynomial") return read_apply(fields);
        if (kind == "add_constant") return AddConstant{node(fields, "input"), matrix(name + ".values")};
        if (kind == "mix_tokens") return read_mix(fields, name);
        if (kind == "merge_tokens") return MergeTokens{node(fields, "input"), fields.count("group", kMaxContext)};
        if (kind == "token_mean") return TokenMean{node(fields, "input")};
        if (kind == "attention_scores") return read_scores(fields, name);
        if (kind == "scale_features") return read_scale(fields, name);
        if (kind == "centre") return Centre{node(fields, "input")};
        if (kind == "select_token") return SelectToken{node(fields, "input"), fields.count("token", kMaxContext)};
        if (kind == "shift_scores") return ShiftScores{node(fields, "scores"), node(fields, "shift")};
        if (kind == "attention_sums") {
            return AttentionSums{node(fields, "scores"), fields.count("heads", kMaxFeatures), fields.boolean("causal"),
                                 read_mask(fields, name)};
        }
        if (kind == "attention_values") {
            return AttentionValues{node(fields, "scores"),
                                   node(fields, "value"),
                                   fields.count("heads", kMaxFeatures),
                                   fields.boolean("causal"),
                                   read_mask(fields, name),
                                   read_groups(fields, "value_heads"),
                                   version_ >= kAverages && fields.boolean("averages")};
        }
        if (kind == "rotate_features") {
            return RotateFeatures{node(fields, "input"), fields.count("heads", kMaxFeatures), matrix(name + ".angles")};
        }
        fail<FormatError>("{} ('{}'): the operation '{}' is not known", fields.place(), name, kind);
    }

    Matrix matrix(const std::string& name) {
        FloatTensor tensor = take(name, 2);
        return {tensor.shape[0], tensor.shape[1], std::move(tensor.values)};
    }

    Matrix read_mask(Fields& fields, const std::string& name) {
        return version_ < kOptionalMasks || fields.boolean("mask") ? matrix(name + ".mask") : Matrix{};
    }

    /// How many heads of keys or values there are; before there were groups as many as of queries.
    std::size_t read_groups(Fields& fields, const char* key) const {
        return version_ < kGroupedHeads ? 0 : fields.count(key, kMaxFeatures);
    }

    ScaleFeatures read_scale(Fields& fields, const std::string& name) {
        ScaleFeatures scale{.input = node(fields, "input")};
        scale.factors = take(name + ".factors", 1).values;
        if (fields.boolean("bias")) scale.bias = take(name + ".bias", 1).values;
        return scale;
    }

    Linear read_linear(Fields& fields, const std::string& name) {
        Linear linear{.input = node(fields, "input"), .weight = {}, .bias = {}};
        linear.weight = matrix(name + ".weight");
        if (fields.boolean("bias")) linear.bias = take(name + ".bias", 1).values;
        return linear;
    }

    MixTokens read_mix(Fields& fields, const std::string& name) {
        MixTokens mix{.input = node(fields, "input"), .sources = {}, .weights = {}, .bias = {}};
        for (const nlohmann::json& tap : fields.array("sources", kMaxTaps)) {
            mix.sources.push_back(read_sources(tap, fields.place()));
        }
        mix.weights = matrix(name + ".weights");
        if (fields.boolean("bias")) mix.bias = take(name + ".bias", 1).values;
        return mix;
    }

    static std::vector<std::int32_t> read_sources(const nlohmann::json& tap, const std::string& place) {
        require<FormatError>(tap.is_array() && tap.size() <= kMaxContext,
                             "{}: each of 'sources' must be an array of at most {} tokens", place, kMaxContext);
        std::vector<std::int32_t> sources;
        sources.reserve(tap.size());
        for (const nlohmann::json& source : tap) {
            const bool whole = source.is_number_integer();
            const bool fits = whole && (source.is_number_unsigned() ? source.get<std::uint64_t>() < kMaxContext
                                                                    : source.get<std::int64_t>() >= -1);
            require<FormatError>(fits, "{}: 'sources' must hold whole numbers from -1 to {}, found {}", place,
                                 kMaxContext - 1, source.dump());
            sources.push_back(source.get<std::int32_t>());
        }
        return sources;
    }

    AttentionScores read_scores(Fields& fields, const std::string& name) {
        AttentionScores scores{.query = node(fields, "query"),
                               .key = node(fields, "key"),
                               .heads = fields.count("heads", kMaxFeatures),
                               .scale = fields.number("scale")};
        if (version_ == kOldestVersion) return scores;
        scores.window = fields.count("window", kMaxContext);
        if (fields.boolean("bias")) scores.bias = matrix(name + ".bias");
        scores.key_heads = read_groups(fields, "key_heads");
        return scores;
    }

    Apply read_apply(Fields& fields) const {
        return {.input = node(fields, "input"),
                .polynomial = {fields.number("lower"), fields.number("upper"),
                               fields.numbers("chebyshev", kMaxCoefficients)},
                .replaces = fields.text("replaces")};
    }

    NodeId node(Fields& fields, const char* key) const {
        const std::string name = fields.text(key);
        const auto found = ids_.find(name);
        require<FormatError>(found != ids_.end(), "{}: '{}' is '{}', which is not the name of an earlier node",
                             fields.place(), key, name);
        return found->second;
    }

    FloatTensor take(const std::string& name, std::size_t rank) {
        auto found = weights_.extract(name);
        require<FormatError>(!found.empty(), "{}: the weights have no tensor '{}'; do the two files belong together?",
                             label_, name);
        require<FormatError>(found.mapped().shape.size() == rank, "{}: the tensor '{}' has {} dimensions, not {}",
                             label_, name, found.mapped().shape.size(), rank);
        return std::move(found.mapped());
    }

    FloatTensors weights_;
    std::string label_;
    std::size_t version_ = kVersion;
    std::unordered_map<std::string, NodeId> ids_;
    Graph graph_;
};

}  // namespace

std::string graph_to_json(const Graph& graph) {
    std::string nodes;
    for (const Node& node : graph.nodes) {
        if (!nodes.empty()) nodes += ",\n";
        nodes += "    " + node_to_json(graph, node).dump();
    }
    return fmt::format(
        "{{\n  \"format\": \"{}\",\n  \"version\": {},\n  \"context\": {},\n  \"width\": {},\n"
        "  \"vocabulary\": {},\n  \"fingerprint\": \"{}\",\n  \"nodes\": [\n{}\n  ]\n}}\n",
        kFormat, kVersion, graph.context, graph.width, graph.vocabulary, fingerprint(graph), nodes);
}

FloatTensorViews weights_of(const Graph& graph) {
    FloatTensorViews weights;
    for (const Node& node : graph.nodes) {
        const auto put_matrix = [&](const char* what, const Matrix& matrix) {
            weights[node.name + what] = {{matrix.rows, matrix.columns}, matrix.values};
        };
        const auto put_mask = [&](const Matrix& mask) {
            if (!mask.values.empty()) put_matrix(".mask", mask);
        };
        const auto put_vector = [&](const char* what, const std::vector<float>& vector) {
            if (!vector.empty()) weights[node.name + what] = {{vector.size()}, vector};
        };
        std::visit(Overloaded{[&](const Linear& linear) {
                                  put_matrix(".weight", linear.weight);
                                  put_vector(".bias", linear.bias);
                              },
                              [&](const AddConstant& sum) { put_matrix(".values", sum.values); },
                              [&](const RotateFeatures& turn) { put_matrix(".angles", turn.angles); },
                              [&](const MixTokens& mix) {
                                  put_matrix(".weights", mix.weights);
                                  put_vector(".bias", mix.bias);
                              },
                              [&](const AttentionScores& scores) {
                                  if (!scores.bias.values.empty()) put_matrix(".bias", scores.bias);
                              },
                              [&](const ScaleFeatures& scale) {
                                  put_vector(".factors", scale.factors);
                                  put_vector(".bias", scale.bias);
                              },
                              [&](const AttentionSums& sums) { put_mask(sums.mask); },
                              [&](const AttentionValues& values) { put_mask(values.mask); }, [](const auto&) {}},
                   node.operation);
    }
    return weights;
}

Graph graph_from_json(std::string_view text, FloatTensors weights, const std::string& label) {
    return GraphReader(std::move(weights), label).read(parse_json(text, label));
}

}  // namespace polyformer::model
