// A bare vocab.txt, as BERT's authors published it, as a tokenizer.json of the same meaning.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace polyformer::model {

/// What a tokenizer_config.json says beside a vocab.txt.
struct BertSettings {
    std::optional<bool> lowercase;      ///< none: yes, unless the vocabulary has no lower-case letters
    std::optional<bool> strip_accents;  ///< none: as lowercase
    bool chinese_characters = true;     ///< as words by themselves
    std::string unknown = "[UNK]";
    std::string start = "[CLS]";
    std::string end = "[SEP]";
    std::string padding = "[PAD]";
    std::string mask = "[MASK]";
    std::size_t most_tokens = 0;  ///< 0: not said
};

/// Reads the settings above and passes over all others. Throws FormatError naming `label` and the key.
BertSettings bert_settings_from_json(std::string_view text, const std::string& label);

/// tokenizer.json's text: BERT's normaliser and words, WordPiece, [CLS] and [SEP] around a text. Where each piece but
/// the special ones is one character, every character is a word, with or without spaces between them (amino acids).
/// Throws FormatError naming `label` and the line: for pieces that are no UTF-8 or there twice, when there are none or
/// too many, and when a special token is missing (the mask and the padding may be).
std::string tokenizer_from_vocabulary(std::string_view vocabulary, const BertSettings& settings,
                                      const std::string& label);

}  // namespace polyformer::model
