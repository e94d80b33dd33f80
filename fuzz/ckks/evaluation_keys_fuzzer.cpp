// Input: a server key file. Reading ends in expanded keys or in FormatError.
#include "fuzz/ckks/small_ring.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        ckks::read_evaluation_keys(ckks::MemorySource(fuzz::as_bytes(data, size)), fuzz::small_parameters(),
                                   fuzz::kWithoutChecksums);
    } catch (const FormatError&) {
    }
    return 0;
}
