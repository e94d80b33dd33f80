#include "polyformer/compile/schedule/costs.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "polyformer/ckks/bootstrapping/bootstrap_counts.h"
#include "polyformer/ckks/bootstrapping/transform_plan.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

StepCost& StepCost::operator+=(const StepCost& other) {
    seconds += other.seconds;
    key_switches += other.key_switches;
    ciphertext_products += other.ciphertext_products;
    plaintext_products += other.plaintext_products;
    return *this;
}

std::vector<ckks::KeySaving> key_savings(long baby) {
    constexpr long kMostInner = 4;
    std::vector<ckks::KeySaving> savings;
    for (const bool horner : {false, true}) {
        for (long inner = 1; inner <= kMostInner && 2 * inner <= std::max(2L, baby); inner *= 2) {
            savings.push_back({inner, horner});
        }
    }
    return savings;
}

std::vector<MapChoice> map_choices(const ckks::MapShape& shape, bool real_inputs, Savings savings) {
    std::vector<ckks::Pairing> pairings{ckks::Pairing::none};
    if (real_inputs && shape.diagonals > 1) {
        pairings.push_back(ckks::Pairing::outputs);
        pairings.push_back(ckks::Pairing::inputs);
        if (shape.alike) pairings.push_back(ckks::Pairing::both);
    }
    long range = 1;
    if (!shape.offsets.empty()) {
        range = std::max(std::abs(shape.offsets.front()), std::abs(shape.offsets.back())) / shape.stride + 1;
    }
    std::vector<MapChoice> choices;
    for (long baby = 1; baby < 2 * range; baby *= 2) {
        for (const ckks::Pairing pairing : pairings) {
            ckks::PairedMap map(shape, pairing, baby);
            const auto ways = savings == Savings::all ? key_savings(baby) : std::vector<ckks::KeySaving>(1);
            std::vector<ckks::MapCounts> counts;
            for (const ckks::KeySaving& saving : ways) {
                map.saving = saving;
                counts.push_back(periodic_map_counts(map));
            }
            map.terms = std::vector<ckks::MapTerm>();  // thousands, and counted
            for (std::size_t way = 0; way < ways.size(); ++way) {
                map.saving = ways[way];
                choices.push_back({map, counts[way]});
            }
        }
    }
    return choices;
}

std::vector<ckks::RotatedInnerProduct> product_choices(ckks::RotatedInnerProduct product) {
    std::vector<ckks::RotatedInnerProduct> choices;
    const long terms = product.last - product.first;
    for (product.baby = 1; product.baby <= product.last; product.baby *= 2) {
        // The left operand's rotations are held at once: never more than the right one's.
        for (product.left_shifts = 1;
             product.left_shifts * product.left_shifts * product.baby <= std::max(terms, product.baby);
             product.left_shifts *= 2) {
            for (const ckks::KeySaving& saving : key_savings(product.baby)) {
                if (saving.horner) continue;
                product.inner = saving.inner;
                choices.push_back(product);
            }
        }
    }
    return choices;
}

StepPrices::StepPrices(ckks::Parameters parameters, CostModel costs, double bootstrap_key_price)
    : parameters_(std::move(parameters)), costs_(std::move(costs)), bootstrap_key_price_(bootstrap_key_price) {
    if (bootstrap_key_price == 0) return;
    const auto seconds = [&](double key_price) {
        return costs_.seconds(parameters_,
                              ckks::plan_transforms(parameters_, parameters_.slots(), key_price).counts(parameters_));
    };
    slower_transforms_ = seconds(bootstrap_key_price) - seconds(0);
}

double StepPrices::periodic_products(double count) const {
    return count * static_cast<double>(parameters_.ring_dimension()) * costs_.product_word / costs_.threads;
}

double StepPrices::full_products(double count) const {
    return costs_.seconds(parameters_, {.products = count});
}

double StepPrices::sums(double count) const {
    return count * static_cast<double>(parameters_.ring_dimension()) * costs_.sum_word / costs_.threads;
}

double StepPrices::ntts(double count) const {
    return costs_.seconds(parameters_, {.transforms = count});
}

StepCost StepPrices::map(const ckks::MapCounts& counts, std::size_t period, int level) const {
    const double limbs = level + 1;
    const auto diagonals = static_cast<double>(counts.diagonals);
    StepCost cost;
    cost.seconds = costs_.seconds(parameters_, counts.switches, level);
    if (counts.parting > 0) cost.seconds += counts.parting * costs_.rotation(parameters_, level - 1);
    if (period == parameters_.slots()) {
        cost.seconds += full_products(2 * limbs * diagonals) + ntts(diagonals * (limbs + 2));
    } else {
        const double encoded = diagonals * limbs * 2 * static_cast<double>(period);
        cost.seconds += periodic_products(2 * limbs * diagonals) + encoded * costs_.encoding_word / costs_.threads;
    }
    cost.key_switches = counts.key_switches();
    cost.plaintext_products = counts.diagonals;
    return cost;
}

StepCost StepPrices::rotated_product(const ckks::RotatedInnerProduct& product, int level) const {
    const double limbs = level + 1;
    const auto terms = static_cast<double>(product.last - product.first);
    const ckks::KeySwitches switches = rotated_product_switches(product);
    StepCost cost;
    cost.seconds = costs_.seconds(parameters_, switches, level) + full_products(4 * limbs * terms);
    cost.key_switches = switches.total();
    cost.ciphertext_products = static_cast<std::size_t>(terms);
    return cost;
}

StepCost StepPrices::polynomial(std::size_t degree, bool masked, int level) const {
    const ckks::ChebyshevSeries series{std::vector<double>(degree + 1), {}};
    const double products = ckks::chebyshev_products(degree);
    const double average_level = std::max(1.0, level - (series.depth() - 1) / 2.0);
    StepCost cost;
    cost.seconds = products * costs_.multiplication(parameters_, static_cast<int>(average_level)) +
                   full_products(2 * average_level * static_cast<double>(degree));
    if (masked) cost.seconds += ntts(average_level * static_cast<double>(degree));  // masks are encoded in full length
    cost.key_switches = static_cast<std::size_t>(products);
    cost.ciphertext_products = static_cast<std::size_t>(products);
    cost.plaintext_products = masked ? degree + 1 : 0;
    return cost;
}

StepCost StepPrices::product(int level) const {
    return {.seconds = costs_.multiplication(parameters_, level),
            .key_switches = 1,
            .ciphertext_products = 1,
            .plaintext_products = 0};
}

StepCost StepPrices::affine(int level) const {
    const double limbs = level + 1;
    return {.seconds = full_products(3 * limbs) + ntts(2 * (limbs + 1)),
            .key_switches = 0,
            .ciphertext_products = 0,
            .plaintext_products = 1};
}

StepCost StepPrices::sum(int level) const {
    return {.seconds = sums(2.0 * (level + 1)), .key_switches = 0, .ciphertext_products = 0, .plaintext_products = 0};
}

StepCost StepPrices::sum_slots(std::size_t count, int level) const {
    const int rotations = std::countr_zero(count);
    return {.seconds = rotations * (costs_.rotation(parameters_, level) + sum(level).seconds),
            .key_switches = static_cast<std::size_t>(rotations),
            .ciphertext_products = 0,
            .plaintext_products = 0};
}

StepCost StepPrices::combine(std::size_t terms, std::size_t rotations, bool real_part, int level) const {
    const std::size_t key_switches = rotations + (real_part ? 1 : 0);
    return {.seconds = static_cast<double>(key_switches) * costs_.rotation(parameters_, level) +
                       static_cast<double>(terms) * sum(level).seconds,
            .key_switches = key_switches,
            .ciphertext_products = 0,
            .plaintext_products = 0};
}

StepCost StepPrices::select_token(std::size_t tokens, int level) const {
    StepCost cost = affine(level);
    cost.seconds += ntts(level + 1);
    cost += sum_slots(tokens, level - 1);
    return cost;
}

StepCost StepPrices::bootstrap(std::size_t ciphertexts) const {
    const double seconds = costs_.bootstrap + static_cast<double>(ciphertexts - 1) * costs_.bootstrap_second;
    return {.seconds = seconds * ring_factor(parameters_) / costs_.threads + slower_transforms_,
            .key_switches =
                ckks::bootstrap_key_switches(parameters_, parameters_.slots(), ciphertexts, bootstrap_key_price_),
            .ciphertext_products = ckks::bootstrap_products(parameters_, ciphertexts),
            .plaintext_products = 0};
}

const MapChoice& StepPrices::best_choice(std::span<const MapChoice> choices, std::size_t period, int level) const {
    return *std::ranges::min_element(
        choices, {}, [&](const MapChoice& choice) { return map(choice.counts, period, level).seconds; });
}

double StepPrices::least_seconds(const ckks::RotatedInnerProduct& product, int level) const {
    double least = std::numeric_limits<double>::infinity();
    for (const ckks::RotatedInnerProduct& choice : product_choices(product)) {
        least = std::min(least, rotated_product(choice, level).seconds);
    }
    return least;
}

double StepPrices::gate(const Gate& gate, const Circuit& circuit, const Packing& packing,
                        std::span<const MapChoice> choices, int level) const {
    const auto count = static_cast<double>(circuit.bundles[gate.outputs.front()].ciphertexts);
    return std::visit(
        model::Overloaded{
            [&](const MapGate& mapped) {
                const std::size_t period = mapped.map.period;
                return map(best_choice(choices, period, level).counts, period, level).seconds;
            },
            [&](const SumGate&) { return count * sum(level).seconds; },
            [&](const ProductGate&) { return count * product(level).seconds; },
            [&](const AffineGate&) { return count * affine(level).seconds; },
            [&](const PolynomialGate& polynomial_gate) {
                return count *
                       polynomial(polynomial_gate.coefficients.size() - 1, !polynomial_gate.masks.empty(), level)
                           .seconds;
            },
            [&](const AttentionGate& attention) {
                const double blocks = attention.sums_blocks ? static_cast<double>(attention.right_offsets.size()) : 1;
                return count * blocks * least_seconds(attention.product, level);
            },
            [&](const SumSlotsGate& gate_sum) { return count * sum_slots(gate_sum.count, level).seconds; },
            [&](const CombineGate& combined) {
                double seconds = 0;
                for (const auto& terms : combined.outputs) {
                    const auto rotations =
                        std::ranges::count_if(terms, [](const CombineGate::Term& term) { return term.rotation != 0; });
                    seconds +=
                        combine(terms.size(), static_cast<std::size_t>(rotations), combined.doubled_real_part, level)
                            .seconds;
                }
                return seconds;
            },
            [&](const SelectTokenGate&) { return count * select_token(packing.tokens, level).seconds; }},
        gate.operation);
}

}  // namespace polyformer::compile
