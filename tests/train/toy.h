// A model and a text small enough to train in a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/config.h"
#include "train/transformer.h"

namespace polyformer::train {

/// One layer, width 16, two heads, context 8, 20 tokens.
Architecture toy_architecture();

/// Its weights are those of `seed`, gains and biases of the norms included.
Transformer toy_model(std::uint64_t seed);

/// `length` tokens below 20 in which each mostly decides the next.
std::vector<std::int32_t> toy_text(std::size_t length);

/// An empty directory that the name is told of, removed at the end.
class ScratchDirectory {
  public:
    explicit ScratchDirectory(const std::string& name);
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ScratchDirectory(ScratchDirectory&&) = delete;
    ScratchDirectory& operator=(ScratchDirectory&&) = delete;

    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace polyformer::train
