// What goes around a text: the "post_processor" of a tokenizer.json, as far as it is about one text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/model/tokenizers/added_tokens.h"
#include "polyformer/model/tokenizers/word_pieces.h"

namespace polyformer::model {

/// Ids in their order.
struct SpecialTokens {
    std::vector<std::int32_t> before;
    std::vector<std::int32_t> after;
};

/// `document` is null (nothing is added), or TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, or a
/// Sequence of which one adds tokens. Throws FormatError naming `place` and what is asked for beyond that, and for
/// tokens whose ids are others in the vocabulary.
SpecialTokens read_special_tokens(const nlohmann::json& document, const std::string& place,
                                  const Vocabulary& vocabulary, const AddedTokens& added);

}  // namespace polyformer::model
