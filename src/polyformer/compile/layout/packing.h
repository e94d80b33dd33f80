// Token-major packing: slot(t, b, f) = t·(B·F) + b·F + f with F = slots / (T·B) feature positions for each token of
// each of B images (docs/packing.md).
//
// A Layout says what each position of a token's row holds. It is the same for all tokens, so weight diagonals repeat
// from row to row, and from image to image where all images lie alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polyformer::compile {

/// The frame of a value. Where tokens merge, the same slots are read as fewer, longer rows.
struct Packing {
    std::size_t slots = 0;     ///< N / 2
    std::size_t tokens = 0;    ///< T: rounded up to a power of two
    std::size_t features = 0;  ///< F = slots / (tokens · images)
    std::size_t images = 1;    ///< B, side by side in every row; or texts

    /// Positions of a token, of all images: from one token to the next.
    std::size_t row() const { return images * features; }
    friend bool operator==(const Packing&, const Packing&) = default;
};

/// The frame in which `group` consecutive tokens are one; group is a power of two up to packing.tokens.
Packing merged(const Packing& packing, std::size_t group);

/// position[c][p]: the entry held at position p of a row of ciphertext c, image · features + feature, or kNothing.
struct Layout {
    static constexpr std::int32_t kNothing = -1;  ///< zero or garbage that stays within [-1, 1]
    std::size_t features = 0;                     ///< of the value: C
    std::size_t images = 1;
    std::vector<std::vector<std::int32_t>> position;

    std::size_t ciphertexts() const { return position.size(); }
    std::size_t row() const { return position.front().size(); }
    std::size_t feature(std::int32_t entry) const { return static_cast<std::size_t>(entry) % features; }
    std::size_t image(std::int32_t entry) const { return static_cast<std::size_t>(entry) / features; }
    /// Whether each image has row() / images positions of its own, with the same features in the same order.
    bool images_alike() const;
    friend bool operator==(const Layout&, const Layout&) = default;
};

/// Features 0 .. count−1 of each image in ciphertexts of F positions each. With count < F the block, padded to a power
/// of two, repeats through all F positions, so that a linear map finds every feature within one period of any position.
Layout replicated_layout(const Packing& packing, std::size_t count);

/// A value in this layout whose tokens were merged by `group`: feature j·C + c of a merged token lies where feature c
/// of the j-th of its tokens did.
Layout merged(const Layout& layout, std::size_t group);

/// Entries 0 .. count−1 of each image over all rows, for values whose rows are equal: entry v in row v / F at position
/// v mod F. A row of this layout is all slots.
Layout spread_layout(const Packing& packing, std::size_t count);

/// How one attention lies in its ciphertexts. Each head owns 2·lanes positions of every token, `lanes` being at least
/// its width padded to a power of two; all heads of a group stand side by side in one ciphertext. Scores fill them:
/// position ℓ < 2·lanes of ciphertext j holds the score of a query with the key first_shift + ℓ + 2·lanes·j tokens
/// before it. Queries and keys stand twice, so that a rotation by 0 .. lanes−1 wraps inside a head without a mask.
struct AttentionLayout {
    std::size_t heads = 0;
    std::size_t head_width = 0;  ///< before padding
    std::size_t lanes = 0;       ///< a power of two
    std::size_t heads_per_group = 0;
    std::size_t groups = 0;
    std::size_t blocks = 0;  ///< ciphertexts of scores for each group
    std::size_t window = 0;  ///< W: a query meets the keys of its window of W tokens; 0: all tokens, cyclically
    Packing packing;

    /// 0, so that 2·lanes·blocks shifts, a multiple of T, meet all keys; or −(W−1), for shifts up to W−1.
    long first_shift() const { return window == 0 ? 0 : 1 - static_cast<long>(window); }
    Layout query() const;  ///< position ℓ of each head: feature ℓ mod lanes
    Layout key() const;    ///< the same
    Layout value() const;  ///< position i < lanes: feature i; the upper positions kNothing
    /// Token shift s(f) of keys and values at position f of an image: K'[t, f] = K[t − s(f), f], s = ℓ at position ℓ of
    /// a head.
    std::vector<std::size_t> shift() const;
};

/// `window` as in AttentionLayout. Throws Error when a head does not fit: 2·lanes positions must be at most F; says
/// what would.
AttentionLayout attention_layout(const Packing& packing, std::size_t heads, std::size_t head_width,
                                 std::size_t window = 0);

}  // namespace polyformer::compile
