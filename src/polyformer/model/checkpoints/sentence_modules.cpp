#include "polyformer/model/checkpoints/sentence_modules.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxModules = 16;

json read_json(const std::filesystem::path& file) {
    return parse_json(read_file(file, kMaxBytes), file.string());
}

/// "sentence_transformers.models.Pooling" → "Pooling".
std::string last_part(const std::string& name) {
    return name.substr(name.rfind('.') + 1);
}

/// A folder inside `folder`: nothing in the file may lead out of it.
std::filesystem::path inside(const std::filesystem::path& folder, const std::string& name, const std::string& label) {
    require<FormatError>(name.find_first_of("/\\") == std::string::npos && name != "..",
                         "{}: the path '{}' leads out of the folder", label, name);
    return name.empty() ? folder : folder / name;
}

Pooling read_pooling(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "config.json";
    const json document = read_json(file);
    require<FormatError>(document.is_object(), "{}: must be an object, found {}", file.string(), document.type_name());
    std::vector<std::string> modes;
    for (const auto& [key, value] : document.items()) {
        constexpr std::string_view kMode = "pooling_mode_";
        if (key.starts_with(kMode) && value == true) modes.push_back(key.substr(kMode.size()));
        if (key == "pooling_mode" && value.is_string()) modes.push_back(value.get<std::string>());
    }
    if (modes.size() == 1 && (modes[0] == "mean_tokens" || modes[0] == "mean")) return Pooling::mean;
    if (modes.size() == 1 && (modes[0] == "cls_token" || modes[0] == "cls")) return Pooling::first;
    fail<FormatError>("{}: the pooling is {}, but only mean_tokens alone or cls_token alone can be imported",
                      file.string(), modes.empty() ? "not given" : fmt::format("{}", fmt::join(modes, " and ")));
}

DenseModule read_dense(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "config.json";
    const json document = read_json(file);
    Fields fields(document, file.string());
    DenseModule dense{.folder = folder,
                      .inputs = fields.count("in_features", kMaxFeatures),
                      .outputs = fields.count("out_features", kMaxFeatures),
                      .bias = true,
                      .activation = {}};
    fields.read("bias", dense.bias);
    std::string activation = "torch.nn.modules.activation.Tanh";
    fields.read("activation_function", activation);
    const std::string name = last_part(activation);
    require<FormatError>(name == "Identity" || name == "Tanh",
                         "{}: the activation is '{}', but only Identity and Tanh can be imported", file.string(),
                         activation);
    if (name == "Tanh") dense.activation = "tanh";
    return dense;
}

/// sentence_bert_config.json, which older versions named after the model.
void read_text_settings(const std::filesystem::path& folder, SentenceModules& modules) {
    for (const char* name : {"sentence_bert_config.json", "sentence_roberta_config.json",
                             "sentence_distilbert_config.json", "sentence_xlm-roberta_config.json"}) {
        const std::filesystem::path file = folder / name;
        if (!is_there(file)) continue;
        const json document = read_json(file);
        Fields fields(document, file.string());
        if (const json* most = fields.find("max_seq_length"); most != nullptr && !most->is_null()) {
            fields.read("max_seq_length", modules.most_tokens, 1, kMaxContext);
        }
        fields.read("do_lower_case", modules.lower_case);
        return;
    }
}

/// config_sentence_transformers.json: {"default_prompt_name": "query", "prompts": {"query": "query: "}}.
void read_prompt(const std::filesystem::path& folder, SentenceModules& modules) {
    const std::filesystem::path file = folder / "config_sentence_transformers.json";
    if (!is_there(file)) return;
    const json document = read_json(file);
    Fields fields(document, file.string());
    const json* name = fields.find("default_prompt_name");
    if (name == nullptr || name->is_null()) return;
    Fields prompts(fields.object("prompts"), file.string() + ".prompts");
    modules.prompt = prompts.text(fields.text("default_prompt_name").c_str());
}

}  // namespace

std::optional<SentenceModules> read_sentence_modules(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "modules.json";
    if (!is_there(file)) return std::nullopt;
    const std::string label = file.string();
    const json document = read_json(file);
    require<FormatError>(document.is_array() && document.size() <= kMaxModules,
                         "{}: must be an array of at most {} modules", label, kMaxModules);
    SentenceModules modules;
    std::string order;
    for (const json& module : document) {
        Fields fields(module, label);
        const std::string type = fields.text("type");
        const std::string kind = last_part(type);
        const std::filesystem::path part = inside(folder, fields.text("path"), label);
        if (kind == "Transformer") {
            modules.transformer = part;
        } else if (kind == "Pooling") {
            modules.pooling = read_pooling(part);
        } else if (kind == "Dense") {
            modules.dense.push_back(read_dense(part));
        } else if (kind == "Normalize") {
            modules.normalise = true;
        } else {
            fail<FormatError>(
                "{}: the module '{}' cannot be imported; Transformer, Pooling, Dense and Normalize can, in this order",
                label, type);
        }
        order += kind.front();
    }
    const std::size_t dense = modules.dense.size();
    const std::string expected = "TP" + std::string(dense, 'D') + (modules.normalise ? "N" : "");
    require<FormatError>(order == expected,
                         "{}: the modules must be Transformer, Pooling, then any number of Dense, then at most one "
                         "Normalize, but begin with the letters {}",
                         label, order);
    read_text_settings(modules.transformer, modules);
    read_prompt(folder, modules);
    return modules;
}

}  // namespace polyformer::model
