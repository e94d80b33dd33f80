#include "polyformer/model/families/decoders/read_decoder.h"

#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/checkpoints/built_from.h"
#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/families/decoders/decoder_builder.h"
#include "polyformer/model/families/decoders/decoder_family.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr const char* kLogits = "lm_head";

void check_shape(const DecoderShape& shape, const ModelConfig& config, std::size_t context) {
    require<FormatError>(shape.head_width > 0, "{}: {} heads are more than the {} features that they share",
                         config.label, shape.heads, shape.width);
    require<FormatError>(shape.heads % shape.key_heads == 0,
                         "{}: {} heads of queries do not divide into groups for {} heads of keys", config.label,
                         shape.heads, shape.key_heads);
    require(context >= 1 && context <= shape.positions, "a context of {} tokens: {} has positions for 1 to {}", context,
            config.label, shape.positions);
}

/// What a LayerNorm would subtract from each row is left out at once: nothing else reads the stream.
Embedding client_embedding(DecoderTables tables, const DecoderShape& shape, std::size_t context) {
    if (!tables.positions.values.empty()) {
        tables.positions.rows = context;
        tables.positions.values.resize(context * shape.width);
    }
    if (shape.norm != NormKind::layer_norm) {
        return {.tokens = std::move(tables.tokens), .positions = std::move(tables.positions)};
    }
    return {.tokens = centred(std::move(tables.tokens)), .positions = centred(std::move(tables.positions))};
}

}  // namespace

bool is_decoder(const ModelConfig& config) {
    return find_decoder_family(config) != nullptr;
}

DecoderModel read_decoder(const std::filesystem::path& checkpoint, const ModelConfig& config, std::size_t context) {
    const DecoderFamily& family = *find_decoder_family(config);
    require<FormatError>(config.architecture.empty() || config.architecture.ends_with(family.architecture),
                         "{}: 'architectures' is '{}', but of {} only a name that ends in {}, with logits of the next "
                         "token, can be imported",
                         config.label, config.architecture, config.model_type, family.architecture);
    const DecoderShape shape = family.shape(config, context);
    check_shape(shape, config, context);

    CheckpointWeights weights(checkpoint, std::string(family.prefix));
    DecoderTables tables = family.tables(weights, shape);
    const std::string own = std::string(kLogits) + ".weight";
    // Without a matrix of their own, logits can only be meant to be tied.
    LinearWeights logits{
        transposed(shape.tied || !weights.contains(own) ? tables.tokens
                                                        : weights.matrix(own, shape.vocabulary, shape.width)),
        {}};
    const NormWeights final_norm = std::move(tables.final_norm);
    DecoderModel result;
    const auto read_layer = [&](std::size_t layer) { return family.layer(weights, shape, layer); };
    result.graph = built_from(checkpoint,
                              [&] { return build_decoder(shape, read_layer, final_norm, std::move(logits), context); });
    std::vector<std::string> unused = family.unused(shape);
    if (shape.tied) unused.emplace_back(kLogits);
    weights.require_all_read(std::vector<std::string_view>(unused.begin(), unused.end()));
    result.embedding = client_embedding(std::move(tables), shape, context);
    return result;
}

}  // namespace polyformer::model
