// What `transformers` gives for the texts of a committed checkpoint.
#pragma once

#include <cstddef>
#include <filesystem>

namespace polyformer::model {

/// Reads the checkpoint in `folder`, for texts of up to `context` tokens, and expects of each of the texts in its
/// expected.json the outputs there, to 5e-6.
void expect_golden_outputs(const std::filesystem::path& folder, std::size_t context);

}  // namespace polyformer::model
