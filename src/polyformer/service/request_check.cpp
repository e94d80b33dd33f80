#include "polyformer/service/request_check.h"

#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::service {

void check_request_fields(const ExpectedRequest& expected, const Request& request, std::size_t ciphertexts) {
    const compile::Frame& frame = expected.frame;
    require<FormatError>(
        request.model_fingerprint == frame.model_fingerprint,
        "the request is for model {:.12}…, but this plan runs model {:.12}…: encrypt the text with the client files "
        "of this plan",
        request.model_fingerprint, frame.model_fingerprint);
    require<FormatError>(
        request.plan_fingerprint == expected.plan_fingerprint,
        "the request was packed for plan {:.12}…, but this is plan {:.12}…: encrypt the text with the client files "
        "of this plan",
        request.plan_fingerprint, expected.plan_fingerprint);
    require<FormatError>(
        request.key_fingerprint == expected.key_fingerprint,
        "the request is encrypted under key set {:.12}…, but the server keys belong to {:.12}…: send the server keys "
        "made together with the secret key that encrypted it",
        request.key_fingerprint, expected.key_fingerprint);
    const compile::Lengths& lengths = request.lengths;
    require<FormatError>(!lengths.empty() && lengths.size() <= frame.packing.images,
                         "the request has {} texts or images; this plan takes 1 to {}", lengths.size(),
                         frame.packing.images);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        require<FormatError>(lengths[i] >= frame.least_rows && lengths[i] <= frame.context,
                             "text or image {} of the request has {} tokens; this plan takes {} to {}", i + 1,
                             lengths[i], frame.least_rows, frame.context);
    }
    require<FormatError>(ciphertexts == frame.input_ciphertexts(), "the request has {} ciphertexts; this plan takes {}",
                         ciphertexts, frame.input_ciphertexts());
}

void check_request_input(const ExpectedRequest& expected, const ckks::CiphertextMetadata& input) {
    const compile::Frame& frame = expected.frame;
    const double scale = frame.parameters.scale(frame.input_level);
    require<FormatError>(
        std::isfinite(input.scale) && input.scale > 0,
        "a ciphertext of the request has the scale {}, which is not finite or not positive: encrypt the text again",
        input.scale);
    require<FormatError>(
        input.level == frame.input_level && ckks::same_scale(scale, input.scale) && input.slots == frame.packing.slots,
        "a ciphertext of the request has level {}, scale 2^{:.4f} and {} slots; this plan takes level {}, scale "
        "2^{:.4f} and {} slots",
        input.level, std::log2(input.scale), input.slots, frame.input_level, std::log2(scale), frame.packing.slots);
}

}  // namespace polyformer::service
