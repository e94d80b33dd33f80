// The texts of a distillation in a file: the trainer needs no tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace polyformer::train {

/// A row of `context` ids for each text, `vocabulary` itself behind the last of a shorter one: as a prepared text whose
/// end of line that is (prepared_text.h).
void save_rows(const std::vector<std::vector<std::int32_t>>& texts, std::size_t vocabulary, std::size_t context,
               const std::filesystem::path& file);

}  // namespace polyformer::train
