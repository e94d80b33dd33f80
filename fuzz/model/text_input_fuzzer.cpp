// Input: text.json. Reading ends in a sound description or in FormatError.
#include <cstdint>
#include <string_view>

#include "polyformer/model/language/text_input.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        model::validate(model::text_input_from_json({reinterpret_cast<const char*>(data), size}, "fuzz"));
    } catch (const FormatError&) {
    }
    return 0;
}
