// The rotation keys, and the conjugation's, that a plan has chosen so far, and what more of them would be worth.
#pragma once

#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::compile {

/// Keys that steps share. Choosing baby steps, a rotation whose key is there already costs its time only; one whose key
/// is missing costs what its bytes on disk are worth besides.
class KeySet {
  public:
    KeySet(const ckks::Parameters& parameters, double seconds_per_byte, ckks::KeyRequest existing = {});
    /// Seconds that the keys of rotations and conjugation missing for `wanted` are worth.
    double price(const ckks::KeyRequest& wanted) const;
    void add(const ckks::KeyRequest& wanted) { request_.merge(wanted); }
    const ckks::KeyRequest& request() const { return request_; }

  private:
    double bytes(int level) const;

    ckks::Parameters parameters_;
    double seconds_per_byte_;
    ckks::KeyRequest request_;
};

}  // namespace polyformer::compile
