// Input: tokenizer.json. Reading ends in a tokenizer, which takes and shows a text, or in FormatError.
#include <cstdint>
#include <string_view>

#include "polyformer/model/tokenizers/hugging_face.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        const model::HuggingFaceTokenizer tokenizer(std::string_view(reinterpret_cast<const char*>(data), size),
                                                    "fuzz");
        try {
            static_cast<void>(tokenizer.decode(tokenizer.encode("Ein naïver Bank-[MASK] fragt: 東京?\n\u00bd 🇩🇪")));
        } catch (const FormatError&) {
            throw;
        } catch (const Error&) {  // a pattern that takes too long
        }
    } catch (const FormatError&) {
    }
    return 0;
}
