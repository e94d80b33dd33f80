// Seconds that steps take by level, and the pairings and baby-step numbers that make them cheap.
#pragma once

#include <span>
#include <vector>

#include "polyformer/ckks/circuits/circuit_counts.h"
#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/plan/cost_model.h"

namespace polyformer::compile {

/// What one step takes.
struct StepCost {
    double seconds = 0;
    std::size_t key_switches = 0;
    std::size_t ciphertext_products = 0;
    std::size_t plaintext_products = 0;  ///< diagonals and masks
    StepCost& operator+=(const StepCost& other);
};

/// A way to compute a map.
struct MapChoice {
    ckks::PairedMap map;  ///< without its terms
    ckks::MapCounts counts;
};

/// Whether ways that take longer than others, but fewer keys, are wanted too.
enum class Savings { none, all };

/// All ways to compute a map: baby-step numbers are powers of two, so that maps share keys, and slots are paired only
/// where inputs are real.
std::vector<MapChoice> map_choices(const ckks::MapShape& shape, bool real_inputs, Savings savings = Savings::none);

/// The ways to save keys with so many baby steps.
std::vector<ckks::KeySaving> key_savings(long baby);

/// Likewise for a product: baby-step numbers, shifts of the left operand and ways to save keys.
std::vector<ckks::RotatedInnerProduct> product_choices(ckks::RotatedInnerProduct product);

/// Prices steps for one parameter set.
class StepPrices {
  public:
    /// `bootstrap_key_price`: ckks::Bootstrapper's.
    StepPrices(ckks::Parameters parameters, CostModel costs, double bootstrap_key_price = 0);

    /// `period`: of its diagonals.
    StepCost map(const ckks::MapCounts& counts, std::size_t period, int level) const;
    StepCost rotated_product(const ckks::RotatedInnerProduct& product, int level) const;
    StepCost polynomial(std::size_t degree, bool masked, int level) const;
    StepCost product(int level) const;
    StepCost affine(int level) const;
    StepCost sum(int level) const;
    StepCost sum_slots(std::size_t count, int level) const;
    /// `rotations` different ones, and a conjugation if the real part is taken.
    StepCost combine(std::size_t terms, std::size_t rotations, bool real_part, int level) const;
    StepCost select_token(std::size_t tokens, int level) const;
    /// Refreshing one or two real ciphertexts together.
    StepCost bootstrap(std::size_t ciphertexts) const;

    /// The choice of least time.
    const MapChoice& best_choice(std::span<const MapChoice> choices, std::size_t period, int level) const;
    /// A product in the way of least time.
    double least_seconds(const ckks::RotatedInnerProduct& product, int level) const;

    /// The whole gate at `level`, in the ways of least time. `choices` are those of a gate's map, which take longer to
    /// find than to price.
    double gate(const Gate& gate, const Circuit& circuit, const Packing& packing, std::span<const MapChoice> choices,
                int level) const;

  private:
    // Seconds of so many limbs.
    double periodic_products(double count) const;
    double full_products(double count) const;
    double sums(double count) const;
    double ntts(double count) const;

    ckks::Parameters parameters_;
    CostModel costs_;
    double bootstrap_key_price_;
    double slower_transforms_ = 0;  ///< seconds that a bootstrap takes longer for having fewer keys
};

}  // namespace polyformer::compile
