// Token-major packing: slot(t, b, f) = t·(B·F) + b·F + f with F = slots / (T·B) feature positions for each token of
// each of B images (docs/packing.md).
//
// A Layout says what each position of a token's row holds. It is the same for all tokens, so weight diagonals repeat
// from row to row, and from image to image where all images lie alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace polyformer::compile {

/// How a value's rows divide the slots. Where tokens merge, the same slots are read as fewer, longer rows.
struct Packing {
    std::size_t slots = 0;     ///< N / 2
    std::size_t tokens = 0;    ///< T: rounded up to a power of two
    std::size_t features = 0;  ///< F = slots / (tokens · images)
    std::size_t images = 1;    ///< B, side by side in every row; or texts, of any lengths

    /// Positions of a token, of all images: from one token to the next.
    std::size_t row() const { return images * features; }
    friend bool operator==(const Packing&, const Packing&) = default;
};

/// Tokens of each text of a request, or patches of each image, in the order of their places. Of places that are left
/// over each holds the last text again.
using Lengths = std::vector<std::size_t>;

/// Of what lies at `place`; there is a text.
std::size_t length_at(const Lengths& lengths, std::size_t place);

/// T is the context rounded up to a power of two. Throws Error when `images` is no power of two, or even one feature a
/// token does not fit.
Packing choose_packing(std::size_t slots, std::size_t context, std::size_t images = 1);

/// What to do about too few slots: `less`, or a larger ring where there are secure parameters for it.
std::string fewer_or_larger(const std::string& less, std::size_t ring_dimension);

/// The packing in which `group` consecutive tokens are one; group is a power of two up to packing.tokens.
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

/// The positions of one image of `features` features, for every image.
std::vector<std::int32_t> for_all_images(const std::vector<std::int32_t>& one, std::size_t features,
                                         std::size_t images);

/// Features 0 .. count−1 of each image in ciphertexts of F positions each. With count < F the block, padded to a power
/// of two, repeats through all F positions, so that a linear map finds every feature within one period of any position.
Layout replicated_layout(const Packing& packing, std::size_t count);

/// `layout` with one entry for each `share` consecutive features, wherever it holds one of them: what multiplies them
/// together. `share` divides the features.
Layout shared_by_features(Layout layout, std::size_t share);

/// Whether `layout` holds what `other` does wherever that holds something; of one ciphertext: for all of the other's.
bool covers(const Layout& layout, const Layout& other);

/// A value in this layout whose tokens were merged by `group`: feature j·C + c of a merged token lies where feature c
/// of the j-th of its tokens did.
Layout merged(const Layout& layout, std::size_t group);

/// Entries 0 .. count−1 of each image over all rows, for values whose rows are equal: entry v in row v / F at position
/// v mod F. A row of this layout is all slots.
Layout spread_layout(const Packing& packing, std::size_t count);

}  // namespace polyformer::compile
