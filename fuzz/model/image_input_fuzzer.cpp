// Input: image.json. Reading ends in a sound description, which gives an order of tokens, or in FormatError.
#include <cstdint>
#include <string_view>

#include "polyformer/model/images/image_input.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        const model::ImageInput input =
            model::image_input_from_json({reinterpret_cast<const char*>(data), size}, "fuzz");
        model::token_order(input.rows(), input.columns(), input.blocks);
    } catch (const FormatError&) {
    }
    return 0;
}
