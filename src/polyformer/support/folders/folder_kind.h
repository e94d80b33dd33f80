// Folders that commands are given: models, and the two parts of a plan.
#pragma once

#include <filesystem>

namespace polyformer {

enum class FolderKind { model, plan_client, plan_server };

/// Throws IoError for what is not there or no folder, and Error for a folder of another kind, naming the one to give
/// instead where it lies close by. What is in the folder is not read.
void require_folder(const std::filesystem::path& folder, FolderKind kind);

}  // namespace polyformer
