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

/// How one attention lies in its ciphertexts. Each head owns 2·lanes positions of every token, `lanes` being at least
/// its width padded to a power of two; all heads of a group stand side by side in one ciphertext. Scores fill them:
/// position ℓ < 2·lanes of ciphertext j holds the score of a query with the key ℓ + 2·lanes·j tokens before it. Queries
/// and keys stand twice, so that a rotation by 0 .. lanes−1 wraps inside a head without a mask.
struct AttentionLayout {
    std::size_t heads = 0;
    std::size_t head_width = 0;  ///< before padding
    std::size_t lanes = 0;       ///< a power of two
    std::size_t heads_per_group = 0;
    std::size_t groups = 0;
    std::size_t blocks = 0;    ///< ciphertexts of scores for each group: 2 · lanes · blocks is a multiple of T
    std::size_t features = 0;  ///< F

    Layout query() const;  ///< position ℓ of each head: feature ℓ mod lanes
    Layout key() const;    ///< the same
    Layout value() const;  ///< position i < lanes: feature i; the upper positions kNothing
    /// Token shift s(f) of keys and values: K'[t, f] = K[t − s(f), f], s = ℓ at position ℓ of a head.
    std::vector<std::size_t> shift() const;
};

/// Throws Error when a head does not fit: 2·lanes·T must be at most the slots; says what would.
AttentionLayout attention_layout(const Packing& packing, std::size_t heads, std::size_t head_width);

}  // namespace polyformer::compile
