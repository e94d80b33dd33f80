// Input as a file, for what reads nothing else.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace polyformer::fuzz {

/// A name of this process's own.
inline std::filesystem::path scratch_path(const std::string& ending) {
    return std::filesystem::temp_directory_path() / ("polyformer-fuzz-" + std::to_string(getpid()) + ending);
}

/// One file a process, holding the input of the run in hand.
inline std::filesystem::path scratch_file(const std::uint8_t* data, std::size_t size, const std::string& ending = "") {
    static const std::filesystem::path file = scratch_path(ending);
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    return file;
}

}  // namespace polyformer::fuzz
