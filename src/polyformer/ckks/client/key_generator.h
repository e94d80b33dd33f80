// Key generation, on the client's side.
#pragma once

#include <cstddef>
#include <functional>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Makes the public keys that belong to a secret, each time with fresh randomness.
class KeyGenerator {
  public:
    /// `secret` must outlive the generator. Throws Error when it belongs to other parameters.
    KeyGenerator(Parameters parameters, const SecretKey& secret);

    PublicKey public_key() const;
    /// Makes all keys asked for, one after the other, in the order of KeyRequest::keys(), and hands each to `take`:
    /// memory need hold only one. Throws Error for a level that the parameters do not have, like KeyRequest::keys(),
    /// and what `take` throws.
    void generate(const KeyRequest& request, const std::function<void(KeyId, SwitchingKey)>& take) const;
    /// The same, collected; `progress(done, total)` after each key.
    EvaluationKeys evaluation_keys(const KeyRequest& request,
                                   const std::function<void(std::size_t, std::size_t)>& progress = {}) const;

  private:
    Parameters parameters_;
    const SecretKey* secret_;
};

}  // namespace polyformer::ckks
