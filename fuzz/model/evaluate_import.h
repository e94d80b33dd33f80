// What a checkpoint is imported for, in small.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::fuzz {

/// One token through the model, with exact functions.
inline void evaluate_import(const std::filesystem::path& checkpoint) {
    const model::ImportedModel imported = model::read_checkpoint(checkpoint, 1);
    const std::vector<std::int32_t> ids{0};
    const std::vector<model::Tensor> embedded{imported.embedding.embed(ids)};
    static_cast<void>(model::evaluate_batch(imported.graph, embedded, model::Functions::exact));
}

}  // namespace polyformer::fuzz
