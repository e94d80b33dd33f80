#include "polyformer/tasks/text_model.h"

#include <algorithm>

#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"

namespace polyformer::tasks {

model::EncodedText TextModel::encode(const std::string& text) const {
    const std::size_t most = input.most_tokens == 0 ? graph.context : std::min(input.most_tokens, graph.context);
    if (input.adds_special_tokens()) return tokenizer.encode_whole(text, most);
    model::EncodedText encoded{.ids = tokenizer.encode(text)};
    if (encoded.ids.size() > most) {
        encoded.left_out = encoded.ids.size() - most;
        encoded.ids.resize(most);
    }
    return encoded;
}

model::Tensor TextModel::embed(const std::string& text) const {
    const model::EncodedText encoded = encode(text);
    require(!encoded.ids.empty(), "the text '{}' has no token: give one with words",
            printable(shortened(printable(text), 40)));
    return embedding.embed(encoded.ids);
}

TextModel load_text_model(const std::filesystem::path& folder) {
    require(!std::filesystem::exists(folder / "image.json"), "'{}' is a model of images, but this is for texts",
            folder.string());
    model::TextInput input = model::load_text_input(folder);
    model::Tokenizer tokenizer(folder / input.tokenizer);
    TextModel model{.graph = model::load_graph(folder),
                    .embedding = model::load_embedding(folder),
                    .input = std::move(input),
                    .tokenizer = std::move(tokenizer)};
    const model::Matrix& tokens = model.embedding.tokens;
    require<FormatError>(tokens.columns == model.graph.width && model.embedding.places() >= model.graph.context &&
                             model.tokenizer.vocabulary() <= tokens.rows,
                         "'{}': an embedding of {} tokens and {} places, ({}) wide, does not fit a graph of width {} "
                         "and context {} and a tokenizer of {} tokens: its files are of several models",
                         folder.string(), tokens.rows, model.embedding.places(), tokens.columns, model.graph.width,
                         model.graph.context, model.tokenizer.vocabulary());
    return model;
}

bool is_checkpoint(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::exists(path / "graph.json", ignored) || !std::filesystem::exists(path, ignored)) return false;
    return std::filesystem::exists(path / "config.json", ignored) ||
           model::find_checkpoint(path).extension() == ".gguf";
}

TextModel load_model_or_checkpoint(const std::filesystem::path& folder, std::size_t tokens) {
    if (!is_checkpoint(folder)) return load_text_model(folder);
    model::ImportedModel imported = model::read_checkpoint(folder, tokens);
    return {.graph = std::move(imported.graph),
            .embedding = std::move(imported.embedding),
            .input = std::move(imported.text),
            .tokenizer = model::Tokenizer(imported.tokenizer_file)};
}

void save_text_model(const std::filesystem::path& folder, const std::filesystem::path& like, const model::Graph& graph,
                     const model::TextInput& input) {
    FolderWriter writer(folder);
    model::save_graph(graph, writer.path());
    model::save_embedding(model::load_embedding(like), writer.path());
    model::save_text_input(input, writer.path());
    write_file(writer.path() / input.tokenizer, read_file(like / input.tokenizer));
    writer.commit();
}

}  // namespace polyformer::tasks
