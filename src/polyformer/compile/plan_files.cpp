#include "polyformer/compile/plan_files.h"

#include <optional>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan/costs_json.h"
#include "polyformer/compile/plan/parameters_json.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/json_head.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::compile {

namespace {

using nlohmann::json;

constexpr const char* kFile = "plan.json";
constexpr const char* kFormat = "polyformer-plan";
constexpr std::size_t kVersion = 5;
constexpr std::size_t kMaxBytes = std::size_t{1} << 28;
constexpr std::size_t kMaxLevel = 1000;
constexpr std::size_t kMaxImages = std::size_t{1} << 20;

/// What compiling again must reproduce. Estimated seconds stay out: another machine's logarithms may differ in the last
/// bit.
json results_to_json(const Plan& plan) {
    const Frame& frame = plan.frame;
    const PlanSummary& summary = plan.summary;
    json steps = json::array();
    for (const Step& step : plan.steps) {
        steps.push_back({{"name", step.name},
                         {"operation", name_of(step.operation)},
                         {"level", step.level},
                         {"output_level", step.output_level}});
    }
    json rotations = json::array();
    for (const auto& [rotation, level] : plan.keys.rotation_levels) rotations.push_back({rotation, level});
    return {{"parameters_fingerprint", frame.parameters.fingerprint()},
            {"model_fingerprint", frame.model_fingerprint},
            {"context", frame.context},
            {"width", frame.width},
            {"vocabulary", frame.vocabulary},
            {"tokens", frame.packing.tokens},
            {"features", frame.packing.features},
            {"images", frame.packing.images},
            {"input_level", frame.input_level},
            {"bootstraps", summary.bootstraps},
            {"bootstrapped_values", summary.bootstrapped_values},
            {"key_switches", summary.key_switches},
            {"ciphertext_products", summary.ciphertext_products},
            {"plaintext_products", summary.plaintext_products},
            {"key_bytes_memory", summary.key_bytes_memory},
            {"key_bytes_file", summary.key_bytes_file},
            {"working_bytes", summary.working_bytes},
            {"request_bytes", summary.request_bytes},
            {"reply_bytes", summary.reply_bytes},
            {"rotations", rotations},
            {"raised_rotations", plan.keys.raised_steps},
            {"low_rotations", plan.keys.low_steps},
            {"steps", steps}};
}

json options_to_json(const PlanOptions& options) {
    json object{{"positions", options.positions == Positions::all ? "all" : "last"},
                {"images", options.images},
                {"keys", name_of(options.keys)},
                {"parameters", literal_to_json(options.parameters)},
                {"costs", costs_to_json(options.costs)}};
    if (options.highest_input_level) object["highest_input_level"] = *options.highest_input_level;
    return object;
}

json plan_to_json(const Plan& plan) {
    return {{"format", kFormat},
            {"version", kVersion},
            {"options", options_to_json(plan.options)},
            {"seconds", plan.summary.seconds},
            {"results", results_to_json(plan)}};
}

PlanOptions options_from_json(const json& object, const std::string& place) {
    Fields fields(object, place);
    PlanOptions options;
    const std::string positions = fields.text("positions");
    require<FormatError>(positions == "all" || positions == "last", "{}: positions are '{}', not 'all' or 'last'",
                         place, positions);
    options.positions = positions == "all" ? Positions::all : Positions::last;
    options.images = fields.count("images", kMaxImages);
    const std::string keys = fields.text("keys");
    const std::optional<Keys> known = keys_named(keys);
    require<FormatError>(known.has_value(), "{}: keys are '{}', not 'small', 'balanced' or 'fast'", place, keys);
    options.keys = *known;
    options.parameters = literal_from_json(fields.object("parameters"), place + ": parameters");
    options.costs = costs_from_json(fields.object("costs"), place + ": costs");
    if (object.contains("highest_input_level")) {
        options.highest_input_level = static_cast<int>(fields.count("highest_input_level", kMaxLevel));
    }
    fields.finish();
    return options;
}

/// The first field in which two objects differ.
std::string first_difference(const json& written, const json& found) {
    for (const auto& [key, value] : found.items()) {
        if (!written.contains(key) || written.at(key) != value) return key;
    }
    return "a field that is not known here";
}

}  // namespace

void save_plan(const Plan& plan, const model::Graph& graph, const std::filesystem::path& directory) {
    require(model::fingerprint(graph) == plan.frame.model_fingerprint,
            "the plan was made for the model {}, not for the model {} that was given with it",
            plan.frame.model_fingerprint, model::fingerprint(graph));
    model::save_graph(graph, directory);
    write_file(directory / kFile, plan_to_json(plan).dump(1) + "\n");
}

Plan load_plan(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / kFile;
    require_own_file(path);
    const std::string label = fmt::format("'{}'", path.string());
    const json document = parse_json(read_file(path, kMaxBytes), label);
    Fields fields(document, label);
    read_head(fields, kFormat, kVersion);
    const PlanOptions options = options_from_json(fields.object("options"), label + ": options");
    fields.number("seconds");
    const json written = fields.object("results");
    fields.finish();
    require<FormatError>(written.is_object(), "{}: 'results' must be an object", label);
    const model::Graph graph = model::load_graph(directory);
    Plan plan = compile(graph, options);
    const json found = results_to_json(plan);
    require<FormatError>(
        written == found,
        "{}: compiling the model beside it gives another '{}'; the plan or the model was changed, or made "
        "by another version: run `polyformer plan` again",
        label, first_difference(written, found));
    return plan;
}

}  // namespace polyformer::compile
