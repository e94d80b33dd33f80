// Input: a safetensors file. Whatever it holds, parsing ends in tensors whose shapes fit their values or in
// FormatError.
#include <cstdint>
#include <cstdlib>

#include "polyformer/model/graph/safetensors.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto tensors = polyformer::model::parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
        for (const auto& [name, tensor] : tensors) {
            std::size_t count = 1;
            for (const std::size_t dimension : tensor.shape) count *= dimension;
            if (count != tensor.values.size()) std::abort();
        }
    } catch (const polyformer::FormatError&) {
    }
    return 0;
}
