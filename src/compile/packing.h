// Token-major packing: slot(t, f) = t·F + f with F = slots / T feature positions a token (docs/packing.md).
//
// A Layout says which feature each position f of each ciphertext of a value holds. It is the same for all tokens, so
// weight diagonals have period F and masks by feature do too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polyformer::compile {

/// The frame of all values of a plan.
struct Packing {
    std::size_t slots = 0;     ///< N / 2
    std::size_t tokens = 0;    ///< T: the context rounded up to a power of two
    std::size_t features = 0;  ///< F = slots / tokens
};

/// position[c][f]: the feature held at position f of ciphertext c, or kNothing.
struct Layout {
    static constexpr std::int32_t kNothing = -1;  ///< zero or garbage that stays within [-1, 1]
    std::vector<std::vector<std::int32_t>> position;
    std::size_t ciphertexts() const { return position.size(); }
    friend bool operator==(const Layout&, const Layout&) = default;
};

/// Features 0 .. count−1 in ciphertexts of F positions each. With count < F the block, padded to a power of two,
/// repeats through all F positions, so that a linear map finds every feature within one period of any position.
Layout replicated_layout(const Packing& packing, std::size_t count);

/// How one attention lies in its ciphertexts. Each head owns 2w lanes (w = head width, padded to a power of two);
/// `copies` blocks of all heads of a group stand side by side, copy c serving key shifts w·c .. w·c + w − 1. A group of
/// heads is one ciphertext; `blocks` ciphertexts a group serve further shifts. Doubling the lanes lets a rotation by
/// 0 .. w−1 wrap inside a head without a mask.
struct AttentionLayout {
    std::size_t heads = 0;
    std::size_t head_width = 0;  ///< w before padding
    std::size_t lanes = 0;       ///< w padded to a power of two
    std::size_t heads_per_group = 0;
    std::size_t groups = 0;
    std::size_t copies = 0;
    std::size_t blocks = 0;  ///< copies · blocks · lanes ≥ T

    Layout query() const;  ///< lane ℓ of each head and copy: feature ℓ mod w, all 2w lanes
    Layout key() const;    ///< the same
    Layout value() const;  ///< lane i < w: feature i; upper lanes kNothing
    /// Key shift s(f): K'[t, f] = K[t − s(f), f]; ℓ + w·c for keys (ℓ < 2w), i + w·c for values.
    std::vector<std::size_t> key_shift() const;
    std::vector<std::size_t> value_shift() const;
    std::size_t features = 0;  ///< F
};

/// Throws Error when a head does not fit: 2·w·T must be at most the slots; says what would.
AttentionLayout attention_layout(const Packing& packing, std::size_t heads, std::size_t head_width);

}  // namespace polyformer::compile
