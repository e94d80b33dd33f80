// One run at a time in a folder. The kernel keeps the lock and gives it back whatever becomes of its holders.
#pragma once

#include <filesystem>

namespace polyformer::train {

/// Holds FOLDER/lock for as long as it lives. Programs started meanwhile inherit it: the folder stays locked until they
/// have ended, too.
class FolderLock {
  public:
    /// Makes the folder when it is missing. Throws IoError naming the folder and the process when another run holds it.
    /// When that run's process is gone and only the trainers that it started are left, which then save and end, waits
    /// for them; throws Interrupted when it is to end meanwhile.
    explicit FolderLock(const std::filesystem::path& folder);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;
    FolderLock(FolderLock&&) = delete;
    FolderLock& operator=(FolderLock&&) = delete;

  private:
    int descriptor_ = -1;
};

}  // namespace polyformer::train
