#include "polyformer/model/families/decoders/decoder_family.h"

#include <algorithm>
#include <array>

namespace polyformer::model {

namespace {

std::array<const DecoderFamily*, 2> families() {
    return {&llama_family(), &gpt2_family()};
}

}  // namespace

const DecoderFamily* find_decoder_family(const ModelConfig& config) {
    for (const DecoderFamily* family : families()) {
        if (std::ranges::find(family->model_types, config.model_type) != family->model_types.end()) return family;
    }
    return nullptr;
}

std::vector<std::string_view> decoder_model_types() {
    std::vector<std::string_view> known;
    for (const DecoderFamily* family : families()) {
        known.insert(known.end(), family->model_types.begin(), family->model_types.end());
    }
    return known;
}

bool tied(const ModelConfig& config, bool otherwise) {
    const auto found = config.document.find("tie_word_embeddings");
    return found == config.document.end() || found->is_null() ? otherwise : config.tied;
}

}  // namespace polyformer::model
