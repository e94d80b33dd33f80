// Input: prepared images. Mapping them ends in labels that are classes and as many pixels as promised, or in
// FormatError.
#include <cstdlib>

#include "fuzz/scratch_file.h"
#include "polyformer/support/error.h"
#include "polyformer/train/data/prepared_images.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        const train::PreparedImages images = train::load_images(fuzz::scratch_file(data, size));
        if (images.pixels.size() != images.size() * images.image_bytes()) std::abort();
        for (const std::uint16_t label : images.labels) {
            if (label >= images.classes.size()) std::abort();
        }
    } catch (const FormatError&) {
    }
    return 0;
}
