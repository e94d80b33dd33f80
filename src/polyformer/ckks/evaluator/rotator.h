// Automorphisms of ciphertexts: rotations of the slots and conjugation, alone and hoisted.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "polyformer/ckks/key_switching/extended_ciphertext.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// A ciphertext decomposed and raised once, so that many rotations share that work (hoisting).
struct HoistedCiphertext {
    Ciphertext ciphertext;
    std::vector<RnsPolynomial> digits;  ///< of components[1], each over q_0 .. q_level, p_0 .. p_{special-1}
    KeyRole role = KeyRole::rotation;   ///< of the keys that they are for
};

/// What Evaluator's functions of these names do.
class Rotator {
  public:
    Rotator(Parameters parameters, std::shared_ptr<const EvaluationKeys> keys);

    Ciphertext rotate(const Ciphertext& a, long step) const;
    Ciphertext conjugate(const Ciphertext& a) const;
    std::vector<Ciphertext> conjugate(std::span<const Ciphertext> a) const;
    HoistedCiphertext hoist(Ciphertext a, KeyRole role) const;
    std::vector<Ciphertext> rotate(std::span<const HoistedCiphertext> a, long step) const;
    std::vector<ExtendedCiphertext> rotate_extended(std::span<const Ciphertext> a, long step, KeyRole role) const;
    std::vector<ExtendedCiphertext> rotate_extended(std::span<const ExtendedCiphertext> a, long step,
                                                    KeyRole role) const;
    ExtendedCiphertext conjugate_extended(const ExtendedCiphertext& a) const;

  private:
    struct Batch;
    Ending permuted(const Ciphertext& a, std::uint64_t galois_element) const;
    bool is_identity(const Ciphertext& a, long step) const;
    Batch batch_of(std::span<const Ciphertext* const> a, long step, KeyRole role) const;
    /// With `key`, which belongs to the automorphism.
    Batch batch_of(std::span<const Ciphertext* const> a, const SwitchingKey& key, std::uint64_t galois_element,
                   const char* what) const;

    /// Of what is not yet divided by P: only the half that meets the key is.
    std::vector<ExtendedCiphertext> switched(std::span<const ExtendedCiphertext> a, const SwitchingKey& key,
                                             std::uint64_t galois_element) const;

    Parameters parameters_;
    std::shared_ptr<const EvaluationKeys> keys_;
    std::shared_ptr<const AutomorphismCache> automorphisms_;
};

}  // namespace polyformer::ckks
