// Input: a GGUF file. Reading ends in a model that can be evaluated, or in FormatError; so does reading its tokenizer,
// which takes and shows a text.
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "fuzz/model/evaluate_import.h"
#include "fuzz/scratch_file.h"
#include "polyformer/model/gguf/gguf_file.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/error.h"

namespace {

using namespace polyformer;

template <class Action>
void accept_format_errors(const Action& action) {
    try {
        action();
    } catch (const FormatError&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::filesystem::path file = fuzz::scratch_file(data, size, ".gguf");
    accept_format_errors([&] {
        const model::GgufFile gguf(file);
        for (const auto& entry : gguf.tensors()) {
            accept_format_errors([&] {
                std::size_t count = 1;
                for (const std::size_t dimension : entry.second.shape) count *= dimension;
                if (gguf.read(entry.first).values.size() != count) std::abort();
            });
        }
    });
    accept_format_errors([&] { fuzz::evaluate_import(file); });
    accept_format_errors([&] {
        const model::Tokenizer tokenizer(file);
        static_cast<void>(tokenizer.decode(tokenizer.encode("In 1984 naïve 東京\n\u00bd 🇩🇪")));
    });
    return 0;
}
