// Input: config.json, a zero byte, model.safetensors. Importing ends in a model that can be evaluated, or in
// FormatError.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>

#include "fuzz/model/evaluate_import.h"
#include "fuzz/scratch_file.h"
#include "polyformer/support/error.h"

namespace {

void write(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::filesystem::path folder = [] {
        std::filesystem::path made = polyformer::fuzz::scratch_path(".checkpoint");
        std::filesystem::create_directories(made);
        write(made / "tokenizer.json", {});  // is only looked for
        return made;
    }();
    const std::span<const std::uint8_t> input(data, size);
    const auto end = std::ranges::find(input, std::uint8_t{0});
    const auto config = static_cast<std::size_t>(end - input.begin());
    write(folder / "config.json", input.first(config));
    write(folder / "model.safetensors", input.subspan(std::min(config + 1, size)));
    try {
        polyformer::fuzz::evaluate_import(folder);
    } catch (const polyformer::FormatError&) {
    }
    return 0;
}
