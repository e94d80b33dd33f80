// What the compiler is told besides the model.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/compile/plan/cost_model.h"

namespace polyformer::compile {

/// Which logits the client gets. A model that gives one row for all tokens gives it either way.
enum class Positions { last, all };

/// What keys may cost: `small` takes the fewest bytes, `fast` the least time.
enum class Keys { small, balanced, fast };

/// "small", "balanced" or "fast", and back; other words give nothing.
std::string name_of(Keys keys);
std::optional<Keys> keys_named(std::string_view name);

/// Seconds that a byte of key files is worth where all work takes so many, if keys cost nothing: a share of them for
/// each GiB at N = 2^16. Smaller rings have smaller keys for the same work.
double seconds_per_key_byte(Keys keys, double seconds, const ckks::Parameters& parameters);
/// ckks::Bootstrapper's price for so many seconds a byte, to be shared by so many bootstraps.
double bootstrap_key_price(double seconds_per_byte, std::size_t bootstraps, const ckks::Parameters& parameters,
                           const CostModel& costs);

/// Saved with the plan, so that a server can compile it again.
struct PlanOptions {
    Positions positions = Positions::all;
    ckks::ParametersLiteral parameters = ckks::presets::bootstrapping_65536();
    CostModel costs;
    /// The request's ciphertexts come at most this high; by default as high as pays.
    std::optional<int> highest_input_level{};
    /// Images (or texts) that a request holds side by side, a power of two: the same steps serve all of
    /// them, as long as their features fit.
    std::size_t images = 1;
    Keys keys = Keys::balanced;
};

}  // namespace polyformer::compile
