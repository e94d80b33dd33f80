// Learning a SentencePiece vocabulary from a WikiText training file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// Learns a vocabulary of `pieces` from the lines of `text`; bytes stand in for rare characters, "<unk>" (a word of
/// WikiText) and the newline are pieces of their own. Returns the serialised SentencePiece model. Throws Error with
/// SentencePiece's own message when it fails, for one because the text is too short for so many pieces.
std::string train_tokenizer(const std::filesystem::path& text, const TokenizerConfig& config, std::size_t pieces);

}  // namespace polyformer::train
