#include "polyformer/compile/plan_choice.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>

#include "polyformer/compile/compile.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::compile {

PlanOptions plan_options(const PlanChoice& choice, const model::Graph& graph, std::size_t inputs) {
    PlanOptions options;
    options.positions = choice.positions == "all" ? Positions::all : Positions::last;
    options.parameters = choice.insecure_ring_dimension == 0
                             ? ckks::presets::bootstrapping_65536()
                             : ckks::presets::insecure_bootstrapping(choice.insecure_ring_dimension);
    const std::optional<Keys> keys = keys_named(choice.keys);
    require(keys.has_value(), "keys '{}': give 'small', 'balanced' or 'fast'", choice.keys);
    options.keys = *keys;
    options.costs.threads = static_cast<double>(thread_count());
    if (choice.images == "most" || (choice.images.empty() && inputs > 1)) {
        const std::size_t most = largest_image_count(graph, ckks::Parameters::create(options.parameters));
        options.images = choice.images == "most" ? most : std::min(most, std::bit_ceil(inputs));
    } else if (!choice.images.empty()) {
        const auto [end, error] =
            std::from_chars(choice.images.data(), choice.images.data() + choice.images.size(), options.images);
        require(error == std::errc{} && end == choice.images.data() + choice.images.size() &&
                    std::has_single_bit(options.images),
                "--images {} (or --texts): give a power of two, or 'most'", choice.images);
    }
    return options;
}

}  // namespace polyformer::compile
