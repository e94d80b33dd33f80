#include "polyformer/model/families/encoder_checkpoint.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/model/families/encoder_family.h"
#include "polyformer/model/graph/safetensors.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

namespace fs = std::filesystem;

void put(FloatTensors& tensors, const std::string& name, const Matrix& matrix) {
    tensors[name] = {{matrix.rows, matrix.columns}, matrix.values};
}

void put(FloatTensors& tensors, const std::string& name, const LinearWeights& linear) {
    put(tensors, name + ".weight", transposed(linear.weight));
    tensors[name + ".bias"] = {{linear.bias.size()}, linear.bias};
}

void put(FloatTensors& tensors, const std::string& name, const NormWeights& norm) {
    tensors[name + ".weight"] = {{norm.gamma.size()}, norm.gamma};
    tensors[name + ".bias"] = {{norm.beta.size()}, norm.beta};
}

/// Under the names that bert.cpp reads. Positions have the first token type's row in them, so that it is 0 here.
FloatTensors tensors_of(const EncoderShape& shape, const EncoderWeights& weights) {
    FloatTensors tensors;
    put(tensors, "embeddings.word_embeddings.weight", weights.tokens);
    put(tensors, "embeddings.position_embeddings.weight", weights.positions);
    put(tensors, "embeddings.token_type_embeddings.weight", Matrix{1, shape.width, std::vector<float>(shape.width)});
    put(tensors, "embeddings.LayerNorm", weights.embedding_norm);
    for (std::size_t i = 0; i < weights.layers.size(); ++i) {
        const EncoderLayer& layer = weights.layers[i];
        const std::string name = fmt::format("encoder.layer.{}.", i);
        put(tensors, name + "attention.self.query", layer.query);
        put(tensors, name + "attention.self.key", layer.key);
        put(tensors, name + "attention.self.value", layer.value);
        if (!shape.attention_function.empty()) put(tensors, name + "attention.self.shift", layer.shift);
        put(tensors, name + "attention.output.dense", layer.output);
        put(tensors, name + "attention.output.LayerNorm", layer.attention_norm);
        put(tensors, name + "intermediate.dense", layer.up);
        put(tensors, name + "output.dense", layer.down);
        put(tensors, name + "output.LayerNorm", layer.feed_forward_norm);
    }
    return tensors;
}

nlohmann::ordered_json config_of(const EncoderShape& shape) {
    const bool pointwise = !shape.attention_function.empty();
    nlohmann::ordered_json config = {{"architectures", {"BertModel"}},
                                     {"model_type", pointwise ? std::string(kPointwiseBert) : "bert"},
                                     {"hidden_size", shape.width},
                                     {"num_hidden_layers", shape.layers},
                                     {"num_attention_heads", shape.heads},
                                     {"intermediate_size", shape.hidden},
                                     {"hidden_act", shape.activation == "gelu_tanh" ? "gelu_new" : shape.activation},
                                     {"vocab_size", shape.vocabulary},
                                     {"type_vocab_size", 1},
                                     {"max_position_embeddings", shape.positions},
                                     {"layer_norm_eps", shape.epsilon}};
    if (pointwise) config["attention_function"] = shape.attention_function;
    return config;
}

/// Whether a file lies beside a model's weights and config and is about texts, or for people.
bool goes_along(const fs::path& file) {
    const std::string name = file.filename().string();
    const std::string kind = file.extension().string();
    if (name == "config.json" || name == "model.safetensors.index.json") return false;
    return kind == ".json" || kind == ".txt" || kind == ".md" || name.starts_with("LICENSE");
}

void copy_along(const fs::path& from, const fs::path& to) {
    fs::create_directories(to);
    for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
        if (entry.is_regular_file() && goes_along(entry.path())) {
            fs::copy_file(entry.path(), to / entry.path().filename(), fs::copy_options::overwrite_existing);
        }
    }
}

/// Where the encoder itself lies in its folder.
fs::path transformer_in(const fs::path& folder, const std::optional<SentenceModules>& modules) {
    return modules ? modules->transformer.lexically_relative(folder) : fs::path(".");
}

void write_all(const EncoderShape& shape, const EncoderWeights& weights, const fs::path& original,
               const fs::path& out) {
    const fs::path transformer = transformer_in(original, read_sentence_modules(original));
    copy_along(original, out);
    copy_along(original / transformer, out / transformer);
    for (const fs::directory_entry& entry : fs::directory_iterator(original)) {
        // The modules of sentence-transformers behind the encoder.
        const bool is_module = entry.is_directory() && fs::exists(entry.path() / "config.json");
        if (!is_module || entry.path().filename() == transformer) continue;
        fs::copy(entry.path(), out / entry.path().filename(), fs::copy_options::recursive);
    }
    write_file(out / transformer / "config.json", to_text(config_of(shape), 2) + "\n");
    const FloatTensors tensors = tensors_of(shape, weights);
    FloatTensorViews views;
    for (const auto& [name, tensor] : tensors) views[name] = {tensor.shape, tensor.values};
    write_safetensors(views, out / transformer / "model.safetensors");
}

}  // namespace

EncoderCheckpoint read_encoder(const fs::path& folder) {
    const std::optional<SentenceModules> modules = read_sentence_modules(folder);
    const fs::path main = modules ? modules->transformer : folder;
    const ModelConfig config = read_model_config(main);
    const EncoderFamily& family = find_family(config);
    EncoderCheckpoint checkpoint{.shape = family.shape(config), .weights = {}, .pooling = Pooling::mean};
    if (modules) checkpoint.pooling = modules->pooling;
    CheckpointWeights weights(main, std::string(family.prefix));
    checkpoint.weights = family.encoder(weights, checkpoint.shape);
    return checkpoint;
}

void require_no_folder(const fs::path& out) {
    std::error_code ignored;
    require(!fs::exists(out, ignored) || (fs::is_directory(out, ignored) && fs::is_empty(out, ignored)),
            "'{}' is there already, and not an empty folder: name another, or move it away", out.string());
}

void write_encoder(const EncoderShape& shape, const EncoderWeights& weights, const fs::path& original,
                   const fs::path& out) {
    require_no_folder(out);
    const fs::path target = fs::absolute(out).lexically_normal();
    const fs::path whole = target.has_filename() ? target : target.parent_path();
    const fs::path part = whole.string() + ".part";
    try {
        fs::remove_all(part);  // of a run that was killed
        fs::create_directories(part);
        write_all(shape, weights, original, part);
        fs::rename(part, whole);
    } catch (const fs::filesystem_error& error) {
        fail<IoError>("cannot write '{}': {}", out.string(), error.what());
    }
}

}  // namespace polyformer::model
