// What stands where something shall be written: a file to replace, a new one, or a device, pipe or link to one.
#pragma once

#include <sys/types.h>

#include <filesystem>

namespace polyformer {

/// What a path leads to.
struct OutputTarget {
    enum class Kind {
        file,        ///< a regular file, or none yet
        stream,      ///< a device, a pipe or a socket: bytes go into it, it cannot be replaced
        descriptor,  ///< one of this process's descriptors, such as /dev/stdout
    };

    Kind kind = Kind::file;
    std::filesystem::path path;  ///< behind all symbolic links
    bool exists = false;
    mode_t mode = 0;  ///< of the file that exists, permissions alone; and whose it is
    uid_t owner = 0;
    gid_t group = 0;
    int descriptor = -1;  ///< of Kind::descriptor
};

/// Follows symbolic links, whose last one may lead to nothing yet. Throws IoError where nothing can be written: a
/// directory, a file that is write-protected, a descriptor that is closed, links in a circle.
OutputTarget output_target(const std::filesystem::path& path);

/// Opens a stream or a descriptor for writing, to be closed by whoever asked. Of a named pipe it waits a few seconds
/// for a reader. Throws IoError when it cannot be opened, or nobody reads the pipe.
int open_stream(const OutputTarget& target);

/// The secret key's file begins like this (ckks/files/container.h has the rest of it).
bool is_secret_key_file(const std::filesystem::path& path);

}  // namespace polyformer
