// Files under temporary names: gone when a signal ends the process before they are done.
#pragma once

#include <cstddef>
#include <string>

namespace polyformer {

/// While one exists, a signal that ends the process removes the file `path`, or the folder when it is empty then,
/// first, provided that remove_temporary_files_on_signals() was called. Says nothing about files when destroyed.
class TemporaryName {
  public:
    explicit TemporaryName(const std::string& path);
    ~TemporaryName();
    TemporaryName(const TemporaryName&) = delete;
    TemporaryName& operator=(const TemporaryName&) = delete;
    TemporaryName(TemporaryName&&) = delete;
    TemporaryName& operator=(TemporaryName&&) = delete;

  private:
    std::size_t slot_;
};

/// Removes the files of all TemporaryNames that there are. For signal handlers that end the process.
void remove_temporary_files() noexcept;

/// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT remove temporary files and then end the process as they always do.
/// Signals that are ignored, as under nohup, stay so. For main().
void remove_temporary_files_on_signals();

}  // namespace polyformer
