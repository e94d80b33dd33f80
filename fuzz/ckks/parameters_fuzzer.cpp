// Input: a parameters file. Reading ends in valid parameters or in an Error.
#include "fuzz/ckks/small_ring.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    const ckks::MemorySource source(fuzz::as_bytes(data, size));
    try {
        const ckks::ContainerReader reader(source, fuzz::kWithoutChecksums);
        if (reader.header().literal.ring_dimension > fuzz::kMaxRingDimension) return -1;
        ckks::read_parameters(source, fuzz::kWithoutChecksums);
    } catch (const Error&) {
    }
    return 0;
}
