// Input: vocab.txt. Reading ends in the text of a tokenizer.json that can be read, or in FormatError.
#include <cstdint>
#include <string_view>

#include "polyformer/model/tokenizers/hugging_face.h"
#include "polyformer/model/tokenizers/vocabulary_file.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        const std::string text =
            model::tokenizer_from_vocabulary({reinterpret_cast<const char*>(data), size}, {}, "fuzz");
        static_cast<void>(model::HuggingFaceTokenizer(std::string_view(text), "fuzz").encode("naïve [MASK] 東京"));
    } catch (const FormatError&) {
    }
    return 0;
}
