// Input: an image file. Decoding it ends in as many values as its size says or in FormatError; so does resizing.
#include <cstdlib>
#include <span>

#include "polyformer/model/pixels/image.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    constexpr std::size_t side = 7;
    try {
        const model::Image image = model::decode_image(std::as_bytes(std::span(data, size)), "input");
        if (image.values.size() != image.height * image.width * 3 || image.values.empty()) std::abort();
        if (model::resized(image, side, side + 1).values.size() != side * (side + 1) * 3) std::abort();
    } catch (const FormatError&) {
    }
    return 0;
}
