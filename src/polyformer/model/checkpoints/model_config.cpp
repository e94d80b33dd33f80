#include "polyformer/model/checkpoints/model_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "polyformer/model/checkpoints/gguf_config.h"
#include "polyformer/model/gguf/gguf_file.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 26;
/// What a config does not say: `transformers` leaves names of two classes out when they are its own.
constexpr std::size_t kClassesOfNoName = 2;

/// The value under `key`, or null where it is missing: other programs write either for "not set".
const json& value_of(const json& document, const char* key) {
    static const json nothing;
    const auto found = document.find(key);
    return found == document.end() ? nothing : *found;
}

/// A setting that must have one of few values to mean nothing.
struct Setting {
    const char* key;
    bool (*harmless)(const json&);
    const char* lacks;
};

bool is_unset(const json& value) {
    return value.is_null() || value == false || (value.is_structured() && value.empty());
}

constexpr std::array settings = {
    Setting{"is_decoder", is_unset, "decoders that look back only cannot be imported"},
    Setting{"is_encoder_decoder", is_unset, "models of an encoder and a decoder cannot be imported"},
    Setting{"add_cross_attention", is_unset, "attention to another model's values cannot be imported"},
    Setting{"position_embedding_type", [](const json& value) { return value.is_null() || value == "absolute"; },
            "only absolute positions, a table of embeddings, can be imported"},
    Setting{"pruned_heads", is_unset, "layers with different numbers of heads cannot be imported"},
    Setting{"quantization_config", is_unset, "quantised weights cannot be imported: save them as float32 or float16"},
    Setting{"auto_map", is_unset, "the model brings code of its own, and may compute anything"},
    Setting{"problem_type", [](const json& value) { return value.is_null() || value == "single_label_classification"; },
            "only classes that exclude each other can be imported"},
};

std::string one_architecture(const json& document, const std::string& label) {
    const json& names = value_of(document, "architectures");
    if (names.is_null()) return {};
    require<FormatError>(names.is_array() && names.size() == 1 && names[0].is_string(),
                         "{}: 'architectures' must hold one name, found {}", label, to_text(names));
    return names[0].get<std::string>();
}

/// {"0": "negative", "1": "positive"}: the numbers must be 0, 1, 2, ...
std::vector<std::string> labels_of(const ModelConfig& config) {
    const json& names = value_of(config.document, "id2label");
    std::vector<std::string> labels;
    if (!names.is_null()) {
        require<FormatError>(names.is_object() && names.size() <= kMaxFeatures,
                             "{}: 'id2label' must be an object of at most {} labels", config.label, kMaxFeatures);
        for (std::size_t i = 0; i < names.size(); ++i) {
            const json& name = value_of(names, std::to_string(i).c_str());
            require<FormatError>(name.is_string(), "{}: 'id2label' has {} entries, but no text under \"{}\"",
                                 config.label, names.size(), i);
            labels.push_back(name.get<std::string>());
        }
    }
    // Where both are given and differ, `transformers` numbers the classes.
    const std::size_t count =
        config.size("num_labels", 1, kMaxFeatures, names.is_null() ? kClassesOfNoName : labels.size());
    if (count != labels.size()) {
        labels.clear();
        for (std::size_t i = 0; i < count; ++i) labels.push_back(fmt::format("LABEL_{}", i));
    }
    return labels;
}

}  // namespace

std::size_t ModelConfig::size(const char* key, std::size_t least, std::size_t most) const {
    require<FormatError>(!value_of(document, key).is_null(), "{}: the field '{}' is missing", label, key);
    return size(key, least, most, least);
}

std::size_t ModelConfig::size(const char* key, std::size_t least, std::size_t most, std::size_t otherwise) const {
    if (value_of(document, key).is_null()) return otherwise;
    std::size_t value = 0;
    Fields(document, label).read(key, value, least, most);
    return value;
}

double ModelConfig::number(const char* key, double least, double most, double otherwise) const {
    if (value_of(document, key).is_null()) return otherwise;
    double value = 0;
    Fields(document, label).read(key, value, least, most);
    return value;
}

bool ModelConfig::flag(const char* key, bool otherwise) const {
    return value_of(document, key).is_null() ? otherwise : Fields(document, label).boolean(key);
}

std::string ModelConfig::text(const char* key, const std::string& otherwise) const {
    return value_of(document, key).is_null() ? otherwise : Fields(document, label).text(key);
}

ModelConfig read_model_config(const std::filesystem::path& checkpoint) {
    ModelConfig config;
    if (is_gguf(checkpoint)) {
        config.label = checkpoint.string();
        config.document = gguf_config(GgufFile(checkpoint));
    } else {
        config.label = (checkpoint / "config.json").string();
        config.document = parse_json(read_file(config.label, kMaxConfigBytes), config.label);
    }
    Fields fields(config.document, config.label);
    require<FormatError>(!value_of(config.document, "model_type").is_null(),
                         "{}: 'model_type', which says what family this is, is missing: old files need one added, such "
                         "as \"model_type\": \"bert\"",
                         config.label);
    config.model_type = fields.text("model_type");
    for (const Setting& setting : settings) {
        const json& value = value_of(config.document, setting.key);
        require<FormatError>(setting.harmless(value), "{}: '{}' is {}, but {}", config.label, setting.key,
                             to_text(value), setting.lacks);
    }
    config.architecture = one_architecture(config.document, config.label);
    if (!value_of(config.document, "tie_word_embeddings").is_null()) fields.read("tie_word_embeddings", config.tied);
    config.labels = labels_of(config);
    return config;
}

std::string activation_of(const ModelConfig& config, const char* key, const char* otherwise) {
    static constexpr std::array<std::pair<const char*, const char*>, 9> kNames = {{{"gelu", "gelu"},
                                                                                   {"gelu_python", "gelu"},
                                                                                   {"gelu_new", "gelu_tanh"},
                                                                                   {"gelu_fast", "gelu_tanh"},
                                                                                   {"gelu_pytorch_tanh", "gelu_tanh"},
                                                                                   {"relu", "relu"},
                                                                                   {"silu", "silu"},
                                                                                   {"swish", "silu"},
                                                                                   {"tanh", "tanh"}}};
    const std::string name = config.text(key, otherwise);
    const auto* found = std::ranges::find(kNames, name, [](const auto& pair) { return std::string_view(pair.first); });
    if (found != kNames.end()) return found->second;
    std::vector<const char*> known;
    for (const auto& [foreign, ours] : kNames) known.push_back(foreign);
    fail<FormatError>("{}: '{}' is '{}', an activation that cannot be imported; {} can", config.label, key, name,
                      fmt::join(known, ", "));
}

}  // namespace polyformer::model
