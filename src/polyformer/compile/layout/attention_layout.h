// How heads, lanes and scores of attention share the positions of a token (docs/packing.md).
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/compile/layout/packing.h"

namespace polyformer::compile {

/// How one attention lies in its ciphertexts. Each head owns 2·lanes positions of every token, `lanes` being at least
/// its width padded to a power of two; all heads of a group stand side by side in one ciphertext. Scores fill them:
/// position ℓ < 2·lanes of ciphertext j holds the score of a query with the key first_shift + ℓ + 2·lanes·j tokens
/// before it. Queries and keys stand twice, so that a rotation by 0 .. lanes−1 wraps inside a head without a mask.
///
/// Where tokens are no more than half of a head's features, heads are `paired`: the first half of their features lies
/// in the lower lanes, the rest in the upper ones, and attention reads them as complex numbers. A head then takes half
/// as many positions and products, and its scores lie in the lower lanes only.
struct AttentionLayout {
    std::size_t heads = 0;
    std::size_t head_width = 0;  ///< before padding
    std::size_t lanes = 0;       ///< a power of two
    std::size_t heads_per_group = 0;
    std::size_t groups = 0;
    std::size_t blocks = 0;  ///< ciphertexts of scores for each group
    bool paired = false;
    std::size_t window = 0;  ///< W: a query meets the keys of its window of W tokens; 0: all tokens, cyclically
    Packing packing;

    /// 0, so that 2·lanes·blocks shifts, a multiple of T, meet all keys; or −(W−1), for shifts up to W−1.
    long first_shift() const { return window == 0 ? 0 : 1 - static_cast<long>(window); }
    Layout query() const;  ///< position ℓ of each head: feature ℓ mod lanes; paired: as for values
    /// The same; of `key_heads`, a divisor of the heads, each of which stands for heads/key_heads consecutive ones.
    Layout key(std::size_t key_heads) const;
    Layout key() const { return key(heads); }
    /// Position i < lanes: feature i; the upper positions kNothing, or paired: position i, lanes + i: feature i of the
    /// first and of the second half. `value_heads` as for keys.
    Layout value(std::size_t value_heads) const;
    Layout value() const { return value(heads); }
    /// One number for each head, wherever its values lie: what multiplies values by head.
    Layout by_head() const;
    Layout by_head_in_lower_lanes() const;  ///< what is added to raw scores
    Layout by_head_in_all_lanes() const;
    Layout by_head_where_scores_lie() const;
    /// `count` numbers a head, at most as many as lanes, in the first upper lanes: where paired heads have no scores.
    Layout behind_scores(std::size_t count) const;
    Layout by_lane() const;  ///< of each head as many numbers as lanes, twice
    /// Token shift s(f) of keys and values at position f of an image: K'[t, f] = K[t − s(f), f], s = ℓ at position ℓ of
    /// a head.
    std::vector<std::size_t> shift() const;
};

/// `window` as in AttentionLayout. Throws Error when a head does not fit: 2·lanes positions must be at most F; says
/// what would.
AttentionLayout attention_layout(const Packing& packing, std::size_t heads, std::size_t head_width,
                                 std::size_t window = 0);

}  // namespace polyformer::compile
