// Input as a file, for what reads nothing else.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace polyformer::fuzz {

/// One file a process, holding the input of the run in hand.
inline std::filesystem::path scratch_file(const std::uint8_t* data, std::size_t size) {
    static const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("polyformer-fuzz-" + std::to_string(getpid()));
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    return file;
}

}  // namespace polyformer::fuzz
