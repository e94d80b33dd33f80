// Input: a list of ciphertexts, plain or seeded, a public key or a reply. Whatever is read can be used.
#include "fuzz/ckks/small_ring.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/service/messages.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    const ckks::Parameters& parameters = fuzz::small_parameters();
    const ckks::MemorySource source(fuzz::as_bytes(data, size));
    try {
        const std::string kind = ckks::ContainerReader(source, fuzz::kWithoutChecksums).header().kind;
        if (kind == ckks::kinds::kCiphertexts) {
            ckks::read_ciphertexts(source, parameters, fuzz::kWithoutChecksums);
        } else if (kind == ckks::kinds::kSeededCiphertexts) {
            for (const auto& ciphertext : ckks::read_seeded_ciphertexts(source, parameters, fuzz::kWithoutChecksums)) {
                ckks::expand(parameters, ciphertext);
            }
        } else if (kind == ckks::kinds::kPublicKey) {
            ckks::read_public_key(source, parameters, fuzz::kWithoutChecksums);
        } else {
            service::read_reply(source, parameters, fuzz::kWithoutChecksums);
        }
    } catch (const FormatError&) {
    }
    return 0;
}
