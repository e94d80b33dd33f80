// Input: a server key file, of two special primes. Reading ends in FormatError or in keys that an evaluator can use.
#include <memory>

#include "fuzz/ckks/small_ring.h"
#include "fuzz/ckks/use_keys.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        const auto keys = std::make_shared<const ckks::EvaluationKeys>(ckks::read_evaluation_keys(
            ckks::MemorySource(fuzz::as_bytes(data, size)), fuzz::small_parameters(), fuzz::kWithoutChecksums));
        fuzz::use_keys(fuzz::small_parameters(), keys);
    } catch (const FormatError&) {
    }
    return 0;
}
