// The files that a command will read and write, judged together before it starts to work.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/support/system/atomic_file.h"

namespace polyformer {

/// Collects them, then check()s. Empty paths are options that were not given.
///
///     CommandFiles().reads("--secret", secret).writes("--request", request).writes("--json", json).check();
class CommandFiles {
  public:
    /// `option` is what the user calls it: "--secret". Of a folder it is the files right in it that are read.
    CommandFiles& reads(const std::string& option, const std::filesystem::path& path);
    CommandFiles& reads(const std::string& option, const std::vector<std::string>& paths);
    /// A file, or "-" for standard output.
    CommandFiles& writes(const std::string& option, const std::filesystem::path& path,
                         FileAccess access = FileAccess::everyone);
    /// A folder that is filled, made where it is missing, and the files that are written into it.
    CommandFiles& writes_folder(const std::string& option, const std::filesystem::path& path,
                                const std::vector<std::string>& files = {});

    /// Throws IoError for what cannot be written (see AtomicFile; a folder that is a file) and Error for two outputs
    /// that are one file, for an output that is an input, by whatever name, and for one in the place of a secret key.
    /// Where one is standard output, that is reserved for it (see standard_streams.h).
    void check() const;

  private:
    struct Entry {
        std::string option;
        std::filesystem::path path;
        FileAccess access = FileAccess::everyone;
    };

    std::vector<Entry> inputs_;
    std::vector<Entry> outputs_;
    std::vector<Entry> folders_;
};

}  // namespace polyformer
