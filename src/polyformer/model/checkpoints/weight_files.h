// Which files hold a checkpoint's weights: of a Hugging Face folder, or a GGUF file. Pickles, which could execute
// anything when they are loaded, are refused.
#pragma once

#include <filesystem>
#include <vector>

namespace polyformer::model {

/// A GGUF file itself; of a folder model.safetensors, or the files that model.safetensors.index.json lists. Throws
/// IoError when there is neither, FormatError with the remedy when the weights are in another format, there are none,
/// or the index names what is no file of the folder.
std::vector<std::filesystem::path> find_weight_files(const std::filesystem::path& checkpoint);

/// A folder with one GGUF file and no other weights that we read stands for that file; all else for itself. Throws
/// FormatError when there are several.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);

/// Whether there is such a file that we may look at.
bool is_there(const std::filesystem::path& file);

/// Throws FormatError, naming the remedy, when the file is a pickle or a zip of them under whatever name.
void refuse_pickle(const std::filesystem::path& file);

}  // namespace polyformer::model
