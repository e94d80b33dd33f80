// Input: a prepared text. Mapping it ends in tokens below the vocabulary or in FormatError.
#include <cstdlib>

#include "fuzz/scratch_file.h"
#include "polyformer/support/error.h"
#include "polyformer/train/data/prepared_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        const train::PreparedText text = train::load_text(fuzz::scratch_file(data, size));
        for (const std::int32_t id : text.ids) {
            if (id < 0 || static_cast<std::size_t>(id) >= text.vocabulary) std::abort();
        }
    } catch (const FormatError&) {
    }
    return 0;
}
