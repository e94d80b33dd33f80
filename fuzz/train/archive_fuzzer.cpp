// Input: an archive of any kind. Reading an entry ends in at most as many bytes as are allowed or in an error of ours.
#include <cstdlib>
#include <span>

#include "fuzz/scratch_file.h"
#include "polyformer/support/error.h"
#include "polyformer/train/download/archive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    constexpr std::uint64_t most = 1 << 16;
    try {
        const train::Archive archive(fuzz::scratch_file(data, size));
        std::uint64_t read = 0;
        archive.read("a/b.txt", most, [&](std::span<const std::byte> bytes) { read += bytes.size(); });
        if (read > most) std::abort();
    } catch (const Error&) {
    }
    return 0;
}
