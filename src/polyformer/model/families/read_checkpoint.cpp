#include "polyformer/model/families/read_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "polyformer/model/checkpoints/built_from.h"
#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/checkpoints/sentence_modules.h"
#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/model/families/decoders/read_decoder.h"
#include "polyformer/model/families/encoder_builder.h"
#include "polyformer/model/families/encoder_family.h"
#include "polyformer/model/families/vision/read_vision.h"
#include "polyformer/model/gguf/gguf_file.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxTokenizerBytes = std::size_t{1} << 28;

TextOutput output_of(const ModelConfig& config, bool sentence_model) {
    const std::string& name = config.architecture;
    if (sentence_model || name.ends_with("Model")) return TextOutput::embedding;
    if (name.ends_with("ForMaskedLM") || name.ends_with("ForPreTraining")) return TextOutput::tokens;
    if (name.ends_with("ForSequenceClassification")) {
        require<FormatError>(config.labels.size() >= 2,
                             "{}: {} has {} labels: a single number, as a regression gives, cannot be imported",
                             config.label, name, config.labels.size());
        return TextOutput::classes;
    }
    fail<FormatError>(
        "{}: 'architectures' is {}, which cannot be imported; names that end in Model, ForMaskedLM, "
        "ForPreTraining or ForSequenceClassification can, and any with sentence-transformers' "
        "modules.json beside it",
        config.label, name.empty() ? "missing" : fmt::format("'{}'", name));
}

std::filesystem::path find_tokenizer(const std::filesystem::path& folder) {
    if (is_gguf(folder)) return folder;
    for (const char* name : {"tokenizer.json", "vocab.txt"}) {
        if (is_there(folder / name)) return folder / name;
    }
    fail<IoError>("{}: there is neither tokenizer.json nor vocab.txt: copy the model's there", folder.string());
}

/// tokenizer_config.json's greatest number of tokens, which is absurdly large where there is none.
std::size_t most_tokens_of(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "tokenizer_config.json";
    if (!is_there(file)) return SIZE_MAX;
    const nlohmann::json document = parse_json(read_file(file, kMaxTokenizerBytes), file.string());
    Fields fields(document, file.string());
    const nlohmann::json* most = fields.find("model_max_length");
    if (most == nullptr || !most->is_number() || !(most->get<double>() >= 1 && most->get<double>() <= 1e9)) {
        return SIZE_MAX;
    }
    return static_cast<std::size_t>(most->get<double>());
}

/// sentence-transformers may make texts lower case before the tokenizer; ours does so only if it says so itself.
void require_own_lower_case(const std::filesystem::path& tokenizer, const std::filesystem::path& folder) {
    if (tokenizer.extension() != ".json") return;
    const nlohmann::json document = parse_json(read_file(tokenizer, kMaxTokenizerBytes), tokenizer.string());
    Fields fields(document, tokenizer.string());
    const nlohmann::json* normalizer = fields.find("normalizer");
    const std::string text = normalizer == nullptr ? "" : to_text(*normalizer);
    require<FormatError>(
        text.find("\"lowercase\":true") != std::string::npos || text.find("\"Lowercase\"") != std::string::npos,
        "{}: 'do_lower_case' asks for lower case, but {} keeps upper case: give it a normalizer that "
        "makes lower case",
        (folder / "sentence_bert_config.json").string(), tokenizer.string());
}

/// The line "license: ..." between the two "---" that a model card begins with.
std::string licence_of(const std::filesystem::path& folder) {
    if (is_gguf(folder)) return std::string(GgufFile(folder).metadata().text("general.license", ""));
    std::ifstream card(folder / "README.md");
    std::string line;
    if (!std::getline(card, line) || !line.starts_with("---")) return {};
    constexpr std::string_view kKey = "license:";
    while (std::getline(card, line) && !line.starts_with("---")) {
        if (!line.starts_with(kKey)) continue;
        const std::size_t start = line.find_first_not_of(" '\"", kKey.size());
        const std::size_t end = line.find_last_not_of(" '\"\r");
        return start == std::string::npos ? "" : line.substr(start, end + 1 - start);
    }
    return {};
}

EncoderHead read_head(const EncoderFamily& family, const ModelConfig& config, const EncoderShape& shape,
                      const std::optional<SentenceModules>& modules, TextOutput output, const Matrix& tokens,
                      CheckpointWeights& weights) {
    if (output == TextOutput::tokens) return family.masked_language_head(weights, shape, config, tokens);
    if (output == TextOutput::classes) return family.classifier(weights, shape, config.labels.size());
    EmbeddingHead head;
    if (!modules) return head;
    head.pooling = modules->pooling;
    for (const DenseModule& module : modules->dense) {
        CheckpointWeights dense(module.folder, "");
        EmbeddingMap map{.map = {}, .activation = module.activation};
        map.map.weight = transposed(dense.matrix("linear.weight", module.outputs, module.inputs));
        if (module.bias) map.map.bias = dense.vector("linear.bias", module.outputs);
        head.maps.push_back(std::move(map));
        dense.require_all_read({});
    }
    return head;
}

Embedding client_embedding(EncoderWeights& weights, const EncoderShape& shape, std::size_t context) {
    Embedding embedding{.tokens = std::move(weights.tokens), .positions = std::move(weights.positions)};
    embedding.positions.rows = context;
    embedding.positions.values.resize(context * shape.width);
    embedding.norm = EmbeddingNorm{.gamma = std::move(weights.embedding_norm.gamma),
                                   .beta = std::move(weights.embedding_norm.beta),
                                   .epsilon = static_cast<float>(shape.epsilon)};
    return embedding;
}

void check_shape(const EncoderShape& shape, const ModelConfig& config, const std::optional<SentenceModules>& modules,
                 std::size_t context) {
    require<FormatError>(shape.width % shape.heads == 0, "{}: {} heads do not divide a width of {}", config.label,
                         shape.heads, shape.width);
    require(context >= 1 && context <= shape.positions, "a context of {} tokens: {} has positions for 1 to {}", context,
            config.label, shape.positions);
    std::size_t width = shape.width;
    if (!modules) return;
    for (const DenseModule& module : modules->dense) {
        require<FormatError>(module.inputs == width, "{}: 'in_features' is {}, but {} features come in",
                             (module.folder / "config.json").string(), module.inputs, width);
        width = module.outputs;
    }
}

ImportedModel next_token_model(const std::filesystem::path& folder, const ModelConfig& config, std::size_t context) {
    ImportedModel result;
    result.family = config.model_type;
    result.licence = licence_of(folder);
    result.tokenizer_file = find_tokenizer(folder);
    result.text = {.tokenizer = "tokenizer.json",
                   .special_tokens = true,
                   .most_tokens = 0,
                   .output = TextOutput::next_token,
                   .normalise = false,
                   .labels = {}};
    DecoderModel decoder = read_decoder(folder, config, context);
    result.graph = std::move(decoder.graph);
    result.embedding = std::move(decoder.embedding);
    return result;
}

}  // namespace

ImportedModel read_checkpoint(const std::filesystem::path& path, std::size_t context, std::size_t before) {
    const std::filesystem::path folder = find_checkpoint(path);
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored)) find_weight_files(folder);  // says what is needed instead
    const std::optional<SentenceModules> modules = read_sentence_modules(folder);
    const std::filesystem::path main = modules ? modules->transformer : folder;
    const ModelConfig config = read_model_config(main);
    require<FormatError>(!is_vision(config), "{}: '{}' is a model of images, but this is for models of texts",
                         config.label, config.model_type);
    if (is_decoder(config)) {
        require<FormatError>(!modules,
                             "{}: sentence-transformers' modules.json asks for an embedding, but of {} only "
                             "logits of the next token can be imported",
                             folder.string(), config.model_type);
        return next_token_model(folder, config, before + context);
    }
    const EncoderFamily& family = find_family(config);
    const EncoderShape shape = family.shape(config);
    const TextOutput output = output_of(config, modules.has_value());
    check_shape(shape, config, modules, context);

    ImportedModel result;
    result.family = config.model_type;
    result.licence = licence_of(folder);
    result.tokenizer_file = find_tokenizer(main);
    if (modules && modules->lower_case) require_own_lower_case(result.tokenizer_file, main);
    result.text = {.tokenizer = "tokenizer.json",
                   .special_tokens = true,
                   .most_tokens = std::min(context, most_tokens_of(main)),
                   .output = output,
                   .normalise = modules && modules->normalise,
                   .labels = {}};
    if (modules && modules->most_tokens > 0) {
        result.text.most_tokens = std::min(result.text.most_tokens, modules->most_tokens);
    }
    if (output == TextOutput::classes) result.text.labels = config.labels;
    try {
        validate(result.text);
    } catch (const Error& error) {
        fail<FormatError>("{}: {}", config.label, error.what());
    }
    if (output == TextOutput::embedding && !modules) {
        result.notes.push_back(
            fmt::format("{}: there is no modules.json that says how tokens become one vector: their mean is taken",
                        folder.string()));
    }
    if (modules && !modules->prompt.empty()) {
        result.notes.push_back(fmt::format("{}: sentence-transformers puts '{}' before each text: write it there",
                                           folder.string(), printable(modules->prompt)));
    }

    CheckpointWeights weights(main, std::string(family.prefix));
    EncoderWeights encoder = family.encoder(weights, shape);
    const EncoderHead head = read_head(family, config, shape, modules, output, encoder.tokens, weights);
    weights.require_all_read(family.unused);
    result.graph = built_from(main, [&] { return build_encoder(shape, encoder, head, context); });
    result.embedding = client_embedding(encoder, shape, context);
    return result;
}

}  // namespace polyformer::model
