// How well a LibTorch model predicts a text; `polyformer eval` measures the exported model by itself.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <vector>

#include "polyformer/train/data/prepared_text.h"
#include "polyformer/trainer/network/transformer.h"

namespace polyformer::train {

struct Quality {
    double nats_per_token = 0;
    double perplexity_per_word = 0;
};

/// Over the first `most_tokens` of the text (words counted in proportion), windows half a context apart.
Quality evaluate(TransformerImpl& model, const PreparedText& text, std::size_t most_tokens);

}  // namespace polyformer::train
