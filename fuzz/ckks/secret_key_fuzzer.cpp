// Input: a secret key file. Reading ends in a ternary secret or in FormatError.
#include "fuzz/ckks/small_ring.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        ckks::read_secret_key(ckks::MemorySource(fuzz::as_bytes(data, size)), fuzz::small_parameters(),
                              fuzz::kWithoutChecksums);
    } catch (const FormatError&) {
    }
    return 0;
}
