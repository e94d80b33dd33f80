// A model and a text small enough to train in a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/train/configuration/config.h"
#include "polyformer/train/data/prepared_text.h"
#include "polyformer/trainer/network/transformer.h"
#include "tests/train/scratch.h"

namespace polyformer::train {

/// One layer, width 16, two heads, context 8, 20 tokens.
Architecture toy_architecture();

/// Its weights are those of `seed`, gains and biases of the norms included.
Transformer toy_model(std::uint64_t seed);

/// `length` tokens below 20 in which each mostly decides the next.
std::vector<std::int32_t> toy_text(std::size_t length);

/// toy_text() as batches and evaluations take it.
PreparedText toy_prepared(std::size_t length);
/// Any tokens in that form.
PreparedText prepared_from(std::vector<std::int32_t> ids, std::size_t vocabulary);

/// An empty directory that the name is told of, removed at the end.
class ScratchDirectory : public ScratchFolder {
  public:
    using ScratchFolder::ScratchFolder;
    std::filesystem::path operator/(const std::string& name) const { return path() / name; }
};

}  // namespace polyformer::train
