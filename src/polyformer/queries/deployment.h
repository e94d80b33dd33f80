// A plan as what is handed out: one folder for the server, one for clients.
#pragma once

#include <filesystem>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/support/folders/folder_writer.h"

namespace polyformer::queries {

/// OUT/server and OUT/client, each there as a whole or not at all.
class PlanFolders {
  public:
    /// Throws as FolderWriter does: before anything is computed.
    explicit PlanFolders(const std::filesystem::path& out);

    /// Writes a plan of `graph`, which is of the model in `model`: how a text or an image becomes what it takes goes to
    /// clients. Throws IoError when a file cannot be read or written, FormatError when one of the model's is damaged.
    void write(const compile::Plan& plan, const model::Graph& graph, const std::filesystem::path& model);

    static std::filesystem::path server_in(const std::filesystem::path& out) { return out / "server"; }
    static std::filesystem::path client_in(const std::filesystem::path& out) { return out / "client"; }

  private:
    FolderWriter server_;
    FolderWriter client_;
};

}  // namespace polyformer::queries
