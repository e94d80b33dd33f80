// Lines of text as what a student learns on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "polyformer/model/language/tokenizer.h"

namespace polyformer::train {

/// Texts of one to `context` tokens, special ones included.
struct EncoderText {
    std::vector<std::vector<std::int32_t>> train;
    std::vector<std::vector<std::int32_t>> valid;  ///< every 50th, 512 at most
};

/// Each line in stretches of words one behind the other, short and long ones alike often, so that texts have all
/// lengths; the same for the same lines. Throws FormatError for files that are no text, Error for fewer than 1,000
/// stretches.
EncoderText encoder_text(const std::vector<std::string>& files, const model::Tokenizer& tokenizer, std::size_t context);

}  // namespace polyformer::train
