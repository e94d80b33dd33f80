// A folder that appears whole or not at all: written aside, then exchanged with what stood there.
//
//     FolderWriter folder("model");
//     save_graph(graph, folder.path());
//     save_embedding(embedding, folder.path());
//     folder.commit();
#pragma once

#include <deque>
#include <filesystem>

#include "polyformer/support/process/temporary_files.h"

namespace polyformer {

/// Throws as the constructor below does for what it would not replace: for those who write after hours of work.
void require_replaceable(const std::filesystem::path& target);

/// Writes the folder of a model, or one of a plan's two. Without commit() the destructor removes what was written, and
/// the folder stays as it was.
class FolderWriter {
  public:
    /// Makes the folders above `target` and one beside it to write into; removes what killed processes have left there.
    /// Throws IoError when that cannot be done or `target` is no folder, Error when it holds anything but the files of
    /// a model or plan: those would be lost.
    explicit FolderWriter(const std::filesystem::path& target);
    ~FolderWriter();
    FolderWriter(const FolderWriter&) = delete;
    FolderWriter& operator=(const FolderWriter&) = delete;
    FolderWriter(FolderWriter&&) = delete;
    FolderWriter& operator=(FolderWriter&&) = delete;

    /// Where to write the files, under their names.
    const std::filesystem::path& path() const { return temporary_; }

    /// Adds the manifest and puts the folder in its place in one step. Where that is impossible (a mount point, the
    /// working directory, some file systems) the files are replaced one by one, the manifest first, so that a stop
    /// half-way shows. Throws as the constructor does.
    void commit();

  private:
    void replace_files();

    std::filesystem::path target_;
    std::filesystem::path temporary_;
    std::deque<TemporaryName> names_;  ///< of all that a signal would have to remove
};

}  // namespace polyformer
