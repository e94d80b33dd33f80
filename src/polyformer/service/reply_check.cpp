#include "polyformer/service/reply_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "polyformer/compile/layout/slots.h"
#include "polyformer/support/error.h"

namespace polyformer::service {

namespace {

constexpr std::size_t kComponents = 2;

constexpr const char* kMeanings =
    "Either the text or image lies outside the intervals that the model's polynomials were made for, so that its "
    "answer means nothing (`polyformer run --backend clear` shows how far), or the reply does not come from this plan "
    "and request";

}  // namespace

void check_reply(const ClientPlan& plan, const std::string& key_fingerprint, const Reply& fields,
                 std::size_t ciphertexts, const std::optional<Asked>& asked) {
    const compile::Frame& frame = plan.frame;
    require(fields.plan_fingerprint == plan.fingerprint,
            "the reply was computed with another plan ({:.12}…, yours is {:.12}…): decrypt it with the client.json "
            "that the request was made with",
            fields.plan_fingerprint, plan.fingerprint);
    require(fields.key_fingerprint == key_fingerprint,
            "the reply is encrypted under key set {:.12}…, but this secret key belongs to {:.12}…: use the secret key "
            "that the request was made with",
            fields.key_fingerprint, key_fingerprint);
    const Asked& answered = fields.asked;
    const compile::Lengths& lengths = answered.lengths;
    require(!lengths.empty() && lengths.size() <= frame.packing.images,
            "the reply is to {} texts or images; the plan takes 1 to {}", lengths.size(), frame.packing.images);
    if (asked) {
        require(answered.mark == asked->mark && lengths == asked->lengths,
                "this is the reply to another request (of {} tokens), not to the one given (of {} tokens): take the "
                "reply that the server gave to it",
                fmt::join(lengths, ", "), fmt::join(asked->lengths, ", "));
    }
    for (const std::size_t length : lengths) {
        require(length >= frame.least_rows && length <= frame.context,
                "the reply is to {} tokens; the model takes {} to {}", length, frame.least_rows, frame.context);
    }
    require(ciphertexts == frame.output_ciphertexts(), "the reply has {} ciphertexts, the plan's output {}",
            ciphertexts, frame.output_ciphertexts());
}

void check_output(const ClientPlan& plan, std::size_t index, const ckks::CiphertextHead& head) {
    const compile::Frame& frame = plan.frame;
    require(
        head.level == 0 && head.components == kComponents && head.slots == frame.packing.slots &&
            ckks::same_scale(head.scale, frame.output_scale()),
        "ciphertext {} of the reply has level {}, {} components, {} slots and the scale 2^{:.4f}; this plan's has "
        "level 0, {} components, {} slots and the scale 2^{:.4f}: ask the server for the reply of polyformer-server "
        "with the plan of this client.json",
        index, head.level, head.components, head.slots, std::log2(head.scale), kComponents, frame.packing.slots,
        std::log2(frame.output_scale()));
}

void check_slots(const ClientPlan& plan, const Asked& asked, std::span<const std::vector<std::complex<double>>> slots) {
    const compile::Frame& frame = plan.frame;
    const double noise = kNoiseSlack * plan.output_noise;
    const compile::Lengths rows = frame.logit_rows(asked.lengths);
    std::vector<std::optional<double>> seen(std::reduce(rows.begin(), rows.end()) * frame.vocabulary);
    for (std::size_t c = 0; c < slots.size(); ++c) {
        for (std::size_t s = 0; s < slots[c].size(); ++s) {
            const double value = frame.output_bound * slots[c][s].real();
            const double imaginary = frame.output_bound * slots[c][s].imag();
            const auto refuse_unless = [&](bool sound, const char* what, double found, double bound) {
                require<InvalidAnswer>(sound,
                                       "slot {} of ciphertext {} of the reply {} {:.4g}, where {:.4g} is the most: {}",
                                       s, c, what, found, bound, kMeanings);
            };
            // Written so that NaN is refused.
            const double most = kBoundSlack * frame.output_bound;
            refuse_unless(std::abs(value) <= most, "holds a logit of", value, most);
            refuse_unless(std::abs(imaginary) <= noise, "has an imaginary part of", imaginary, noise);
            const std::optional<std::size_t> logit = compile::logit_in_slot(frame, c, s, rows);
            if (!logit) {
                refuse_unless(std::abs(value) <= noise, "should be empty and holds", value, noise);
            } else if (seen[*logit]) {
                refuse_unless(std::abs(value - *seen[*logit]) <= noise, "differs from its copy by",
                              value - *seen[*logit], noise);
            } else {
                seen[*logit] = value;
            }
        }
    }
}

}  // namespace polyformer::service
