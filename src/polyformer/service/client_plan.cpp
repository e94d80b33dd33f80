#include "polyformer/service/client_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "polyformer/compile/plan/parameters_json.h"
#include "polyformer/runtime/noise/foreseen_noise.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"

namespace polyformer::service {

namespace {

using nlohmann::json;

constexpr std::size_t kVersion = 5;
constexpr std::size_t kMaxCount = std::size_t{1} << 24;  ///< of anything: tokens, features, levels, bits
constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

json keys_to_json(const ckks::KeyRequest& keys) {
    json steps = json::array();
    json levels = json::array();
    for (const auto& [step, level] : keys.rotation_levels) {
        steps.push_back(step);
        levels.push_back(level);
    }
    return {{"relinearisation", keys.relinearisation_level.has_value()},
            {"relinearisation_level", keys.relinearisation_level.value_or(0)},
            {"conjugation", keys.conjugation_level.has_value()},
            {"conjugation_level", keys.conjugation_level.value_or(0)},
            {"bootstrapping", keys.bootstrapping},
            {"rotation_steps", steps},
            {"rotation_levels", levels},
            {"raised_steps", keys.raised_steps},
            {"low_steps", keys.low_steps}};
}

/// Rotation steps of bootstrapping alone.
std::set<int> bootstrapping_steps_from(Fields& fields, const char* name, const std::string& place,
                                       const ckks::Parameters& parameters) {
    std::set<int> steps;
    for (const std::size_t step : fields.counts(name, parameters.slots())) {
        require<FormatError>(step >= 1 && step < parameters.slots(), "{}: {} has step {}, outside 1 to {}", place, name,
                             step, parameters.slots() - 1);
        require<FormatError>(steps.insert(static_cast<int>(step)).second, "{}: {} has step {} twice", place, name,
                             step);
    }
    return steps;
}

ckks::KeyRequest keys_from_json(const json& object, const std::string& place, const ckks::Parameters& parameters) {
    Fields fields(object, place);
    const auto level = [&](const char* key) {
        return static_cast<int>(fields.count(key, static_cast<std::size_t>(parameters.max_level())));
    };
    ckks::KeyRequest keys;
    const bool relinearisation = fields.boolean("relinearisation");
    const int relinearisation_level = level("relinearisation_level");
    if (relinearisation) keys.relinearisation_level = relinearisation_level;
    const bool conjugation = fields.boolean("conjugation");
    const int conjugation_level = level("conjugation_level");
    if (conjugation) keys.conjugation_level = conjugation_level;
    keys.bootstrapping = fields.boolean("bootstrapping");
    require<FormatError>(!keys.bootstrapping || parameters.can_bootstrap(),
                         "{}: bootstrapping keys are asked for, but the parameters have no bootstrapping", place);
    const std::vector<std::size_t> steps = fields.counts("rotation_steps", parameters.slots());
    const std::vector<std::size_t> levels = fields.counts("rotation_levels", parameters.slots());
    require<FormatError>(steps.size() == levels.size(), "{}: {} rotation_steps but {} rotation_levels", place,
                         steps.size(), levels.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        require<FormatError>(steps[i] >= 1 && steps[i] < parameters.slots(), "{}: rotation step {} is outside 1 to {}",
                             place, steps[i], parameters.slots() - 1);
        require<FormatError>(levels[i] <= static_cast<std::size_t>(parameters.max_level()),
                             "{}: rotation level {} is above the parameters' {}", place, levels[i],
                             parameters.max_level());
        require<FormatError>(
            keys.rotation_levels.emplace(static_cast<int>(steps[i]), static_cast<int>(levels[i])).second,
            "{}: rotation step {} is given twice", place, steps[i]);
    }
    keys.raised_steps = bootstrapping_steps_from(fields, "raised_steps", place, parameters);
    keys.low_steps = bootstrapping_steps_from(fields, "low_steps", place, parameters);
    require<FormatError>(keys.bootstrapping || (keys.raised_steps.empty() && keys.low_steps.empty()),
                         "{}: rotations of bootstrapping are asked for, but not its other keys", place);
    fields.finish();
    return keys;
}

/// Rows of `length` entries, each that of one of `features` features of an image or Layout::kNothing; every feature of
/// every image must be there.
compile::Layout layout_from_json(const json& rows, const std::string& place, std::size_t images, std::size_t length,
                                 std::size_t features) {
    compile::Layout layout{features, images, {}};
    const std::size_t most = images * features;
    std::vector<bool> found(most);
    for (const json& row : rows) {
        require<FormatError>(row.is_array() && row.size() == length,
                             "{}: each ciphertext of a layout must be an array of {} entries", place, length);
        std::vector<std::int32_t>& positions = layout.position.emplace_back();
        for (const json& entry : row) {
            require<FormatError>(entry.is_number_integer() && entry >= compile::Layout::kNothing && entry < most,
                                 "{}: a layout's entry must be a whole number from -1 to below {}, found {}", place,
                                 most, entry.dump());
            positions.push_back(entry.get<std::int32_t>());
            if (positions.back() != compile::Layout::kNothing) found[static_cast<std::size_t>(positions.back())] = true;
        }
    }
    const auto missing = std::ranges::find(found, false);
    require<FormatError>(missing == found.end(), "{}: entry {} of {} lies nowhere", place, missing - found.begin(),
                         most);
    return layout;
}

double bound_from_json(Fields& fields, const char* key) {
    const double bound = fields.number(key);
    require<FormatError>(std::isfinite(bound) && bound > 0, "{}: '{}' is {}; expected a positive number",
                         fields.place(), key, bound);
    return bound;
}

/// Entries of each ciphertext of a layout whose rows are all equal: of one such row, up to all slots.
std::size_t output_row(const json& rows, const compile::Packing& packing, const std::string& label) {
    const std::size_t length = rows.empty() || !rows.front().is_array() ? 0 : rows.front().size();
    require<FormatError>(length > 0 && packing.slots % length == 0 && rows.size() <= kMaxCount / length,
                         "{}: output_layout: rows of {} entries do not divide {} slots", label, length, packing.slots);
    return length;
}

std::string fingerprint_from_json(Fields& fields, const char* key) {
    std::string fingerprint = fields.text(key);
    require<FormatError>(
        fingerprint.size() == 64 && fingerprint.find_first_not_of("0123456789abcdef") == std::string::npos,
        "{}: '{}' must be 64 hexadecimal digits", fields.place(), key);
    return fingerprint;
}

json to_document(const compile::Frame& frame, const ckks::KeyRequest& keys) {
    return {{"version", kVersion},
            {"parameters", compile::literal_to_json(frame.parameters.literal())},
            {"parameters_fingerprint", frame.parameters.fingerprint()},
            {"model_fingerprint", frame.model_fingerprint},
            {"tokens", frame.packing.tokens},
            {"images", frame.packing.images},
            {"context", frame.context},
            {"width", frame.width},
            {"vocabulary", frame.vocabulary},
            {"least_rows", frame.least_rows},
            {"input_layout", frame.input_layout.position},
            {"input_bound", frame.input_bound},
            {"input_level", frame.input_level},
            {"one_row", frame.one_row},
            {"output_layout", frame.output_layout.position},
            {"output_bound", frame.output_bound},
            {"output_level", frame.output_level},
            {"keys", keys_to_json(keys)}};
}

}  // namespace

ClientPlan client_plan(const compile::Plan& plan) {
    return {plan.frame, plan.keys, runtime::foreseen_noise(plan), client_plan_fingerprint(plan)};
}

std::string client_plan_fingerprint(const compile::Plan& plan) {
    return blake2b_hex(to_document(plan.frame, plan.keys).dump());
}

std::string to_json(const ClientPlan& plan) {
    json document = to_document(plan.frame, plan.keys);
    document["output_noise"] = plan.output_noise;
    return document.dump();
}

ClientPlan client_plan_from_json(std::string_view text, const std::string& label) {
    const json object = parse_json(text, label);
    Fields fields(object, label);
    const std::size_t version = fields.count("version", kMaxCount);
    require<FormatError>(version == kVersion,
                         "{}: version {}, this program reads {}: have the plan made again with `polyformer plan` of "
                         "this version, and take its client folder",
                         label, version, kVersion);
    const ckks::Parameters parameters = ckks::Parameters::create(
        compile::literal_from_json(fields.object("parameters"), fmt::format("{}: parameters", label)));
    const std::string parameters_fingerprint = fingerprint_from_json(fields, "parameters_fingerprint");
    require<FormatError>(parameters.fingerprint() == parameters_fingerprint,
                         "{}: its parameters lead to fingerprint {:.12}…, but it says {:.12}…: it was made by another "
                         "version; get a new one",
                         label, parameters.fingerprint(), parameters_fingerprint);

    compile::Frame frame{.parameters = parameters};
    frame.model_fingerprint = fingerprint_from_json(fields, "model_fingerprint");
    frame.packing.slots = parameters.slots();
    frame.packing.tokens = fields.count("tokens", parameters.slots());
    require<FormatError>(frame.packing.tokens >= 1 && frame.packing.slots % frame.packing.tokens == 0,
                         "{}: {} tokens do not divide {} slots", label, frame.packing.tokens, frame.packing.slots);
    const std::size_t row = frame.packing.slots / frame.packing.tokens;
    frame.packing.images = fields.count("images", row);
    require<FormatError>(frame.packing.images >= 1 && row % frame.packing.images == 0,
                         "{}: {} images do not divide the {} positions of a token", label, frame.packing.images, row);
    frame.packing.features = row / frame.packing.images;
    frame.context = fields.count("context", frame.packing.tokens);
    frame.width = fields.count("width", kMaxCount);
    frame.vocabulary = fields.count("vocabulary", kMaxCount);
    frame.least_rows = fields.count("least_rows", frame.context);
    require<FormatError>(frame.least_rows >= 1 && frame.width >= 1 && frame.vocabulary >= 1,
                         "{}: least_rows {}, width {} and vocabulary {} must be at least 1", label, frame.least_rows,
                         frame.width, frame.vocabulary);

    const std::size_t most_features = std::max(frame.width, frame.vocabulary);
    require<FormatError>(most_features <= kMaxCount / frame.packing.images,
                         "{}: {} images of {} features are more than {} entries of a layout", label,
                         frame.packing.images, most_features, kMaxCount);
    const std::size_t images = frame.packing.images;
    const auto working_level = static_cast<std::size_t>(parameters.working_level());
    frame.input_layout = layout_from_json(fields.array("input_layout", kMaxCount / row),
                                          fmt::format("{}: input_layout", label), images, row, frame.width);
    frame.input_bound = bound_from_json(fields, "input_bound");
    frame.input_level = static_cast<int>(fields.count("input_level", working_level));
    frame.one_row = fields.boolean("one_row");
    const json& outputs = fields.array("output_layout", kMaxCount / row);
    const std::size_t length = frame.one_row ? output_row(outputs, frame.packing, label) : row;
    frame.output_layout =
        layout_from_json(outputs, fmt::format("{}: output_layout", label), images, length, frame.vocabulary);
    frame.output_bound = bound_from_json(fields, "output_bound");
    frame.output_level = static_cast<int>(fields.count("output_level", working_level));
    const double output_noise = bound_from_json(fields, "output_noise");
    ckks::KeyRequest keys = keys_from_json(fields.object("keys"), fmt::format("{}: keys", label), parameters);
    fields.finish();
    std::string fingerprint = blake2b_hex(to_document(frame, keys).dump());
    return {std::move(frame), std::move(keys), output_noise, std::move(fingerprint)};
}

void save_client_plan(const ClientPlan& plan, const std::filesystem::path& directory) {
    make_directory(directory);
    write_file(directory / kClientPlanFile, to_json(plan));
}

ClientPlan load_client_plan(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / kClientPlanFile;
    require_own_file(path);
    return client_plan_from_json(read_file(path, kMaxFileBytes), fmt::format("'{}'", path.string()));
}

}  // namespace polyformer::service
