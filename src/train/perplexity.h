// Perplexity of a LibTorch model, to watch the stages; `polyformer eval` measures the exported model by itself.
#pragma once

#include <cstddef>

#include "train/prepared_text.h"
#include "train/transformer.h"

namespace polyformer::train {

struct Quality {
    double nats_per_token = 0;
    double perplexity_per_word = 0;
};

/// Over the first `most_tokens` of the text (words counted in proportion), windows half a context apart.
Quality evaluate(Transformer& model, const PreparedText& text, std::size_t most_tokens);

}  // namespace polyformer::train
