// What a reply must be before anyone believes it: the one that the plan promises, to the request that was made. Whoever
// computed it is not trusted to have computed anything; this finds damage, mix-ups and clumsy forgeries, not a server
// that lies with care (SECURITY.md).
#pragma once

#include <complex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/files/serialization.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/service/messages.h"
#include "polyformer/support/error.h"

namespace polyformer::service {

/// A reply of the right form whose slots hold what no answer of its plan does.
class InvalidAnswer : public Error {
  public:
    using Error::Error;
};

/// A reply without its ciphertexts, of which there are `ciphertexts`: plan, key set, number and lengths of texts,
/// number of ciphertexts and, where it is known what was asked, whether this answers it. Throws Error naming what does
/// not fit and what to do.
void check_reply(const ClientPlan& plan, const std::string& key_fingerprint, const Reply& fields,
                 std::size_t ciphertexts, const std::optional<Asked>& asked);

/// Ciphertext `index` by what it says of itself: level, components, scale, slots. Throws Error.
void check_output(const ClientPlan& plan, std::size_t index, const ckks::CiphertextHead& head);

/// The decrypted slots of all ciphertexts: finite, within the bound of the logits with a slack of kBoundSlack, without
/// an imaginary part, 0 where the plan promises that, copies equal, all up to kNoiseSlack times the noise that the plan
/// foresees. Throws InvalidAnswer naming the value, the place, the bound and what it may mean.
void check_slots(const ClientPlan& plan, const Asked& asked, std::span<const std::vector<std::complex<double>>> slots);

inline constexpr double kBoundSlack = 2;
inline constexpr double kNoiseSlack = 256;

}  // namespace polyformer::service
