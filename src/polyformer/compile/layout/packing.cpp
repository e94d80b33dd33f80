#include "polyformer/compile/layout/packing.h"

#include <algorithm>
#include <bit>

#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

std::size_t divide_up(std::size_t value, std::size_t divisor) {
    return (value + divisor - 1) / divisor;
}

}  // namespace

std::string fewer_or_larger(const std::string& less, std::size_t ring_dimension) {
    constexpr std::size_t kLargestSecure = 65536;  // of the parameters with bootstrapping that there are
    if (ring_dimension > kLargestSecure) return less;
    return fmt::format("{}, or use a ring dimension of at least {}", less, ring_dimension);
}

std::size_t length_at(const Lengths& lengths, std::size_t place) {
    return lengths[std::min(place, lengths.size() - 1)];
}

Packing choose_packing(std::size_t slots, std::size_t context, std::size_t images) {
    const std::size_t tokens = std::bit_ceil(context);
    require(std::has_single_bit(images), "{} images a ciphertext: their number must be a power of two", images);
    require(
        tokens <= slots && images <= slots / tokens, "{} image(s) of {} tokens do not fit {} slots: {}", images,
        context, slots,
        fewer_or_larger(images > 1 ? "take fewer images" : "take a model with a shorter context", 2 * tokens * images));
    return {slots, tokens, slots / tokens / images, images};
}

std::vector<std::int32_t> for_all_images(const std::vector<std::int32_t>& one, std::size_t features,
                                         std::size_t images) {
    std::vector<std::int32_t> all;
    for (std::size_t image = 0; image < images; ++image) {
        for (const std::int32_t feature : one) {
            const auto entry = static_cast<std::int32_t>(image * features) + feature;
            all.push_back(feature == Layout::kNothing ? Layout::kNothing : entry);
        }
    }
    return all;
}

Packing merged(const Packing& packing, std::size_t group) {
    return {packing.slots, packing.tokens / group, packing.features * group, packing.images};
}

bool Layout::images_alike() const {
    const std::size_t own = row() / images;
    return std::ranges::all_of(position, [&](const std::vector<std::int32_t>& positions) {
        const std::vector<std::int32_t> first(positions.begin(), positions.begin() + static_cast<std::ptrdiff_t>(own));
        return positions == for_all_images(first, features, images);
    });
}

Layout replicated_layout(const Packing& packing, std::size_t count) {
    Layout layout{count, packing.images, {}};
    const std::size_t period = count < packing.features ? std::bit_ceil(count) : packing.features;
    const std::size_t ciphertexts = divide_up(count, packing.features);
    for (std::size_t c = 0; c < ciphertexts; ++c) {
        std::vector<std::int32_t> positions(packing.features, Layout::kNothing);
        for (std::size_t f = 0; f < packing.features; ++f) {
            const std::size_t feature = c * packing.features + f % period;
            if (feature < count) positions[f] = static_cast<std::int32_t>(feature);
        }
        layout.position.push_back(for_all_images(positions, count, packing.images));
    }
    return layout;
}

Layout shared_by_features(Layout layout, std::size_t share) {
    // An image's entries are a multiple of `share`, so that its number survives the division.
    layout.features /= share;
    for (auto& positions : layout.position) {
        for (std::int32_t& held : positions) {
            if (held != Layout::kNothing) held /= static_cast<std::int32_t>(share);
        }
    }
    return layout;
}

bool covers(const Layout& layout, const Layout& other) {
    if (layout.row() != other.row() || layout.features != other.features || layout.images != other.images ||
        (layout.ciphertexts() != 1 && layout.ciphertexts() != other.ciphertexts())) {
        return false;
    }
    for (std::size_t c = 0; c < other.ciphertexts(); ++c) {
        const auto& held = layout.position[c % layout.ciphertexts()];
        for (std::size_t p = 0; p < held.size(); ++p) {
            if (other.position[c][p] != Layout::kNothing && held[p] != other.position[c][p]) return false;
        }
    }
    return true;
}

Layout merged(const Layout& layout, std::size_t group) {
    Layout result{group * layout.features, layout.images, {}};
    for (const std::vector<std::int32_t>& positions : layout.position) {
        std::vector<std::int32_t>& longer = result.position.emplace_back();
        for (std::size_t j = 0; j < group; ++j) {
            for (const std::int32_t held : positions) {
                const std::size_t entry = held == Layout::kNothing ? 0
                                                                   : layout.image(held) * result.features +
                                                                         j * layout.features + layout.feature(held);
                longer.push_back(held == Layout::kNothing ? Layout::kNothing : static_cast<std::int32_t>(entry));
            }
        }
    }
    return result;
}

Layout spread_layout(const Packing& packing, std::size_t count) {
    Layout layout{count, packing.images, {}};
    const std::size_t capacity = packing.tokens * packing.features;  // of a ciphertext, for each image
    for (std::size_t first = 0; first < count; first += capacity) {
        auto& positions = layout.position.emplace_back(packing.slots, Layout::kNothing);
        for (std::size_t v = first; v < std::min(first + capacity, count); ++v) {
            const std::size_t slot = (v - first) / packing.features * packing.row() + (v - first) % packing.features;
            for (std::size_t image = 0; image < packing.images; ++image) {
                positions[slot + image * packing.features] = static_cast<std::int32_t>(image * count + v);
            }
        }
    }
    return layout;
}

}  // namespace polyformer::compile
