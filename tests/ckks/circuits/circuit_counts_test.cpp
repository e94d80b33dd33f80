// The counts of circuits against what the kernels are asked to do.
#include "polyformer/ckks/circuits/circuit_counts.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <span>

#include "polyformer/ckks/bootstrapping/bootstrap_counts.h"
#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/bootstrapping/modulus_raising.h"
#include "polyformer/ckks/circuits/linear_transform.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "tests/ckks/circuits/circuit_fixture.h"
#include "tests/ckks/evaluator/counting_kernels.h"

namespace polyformer::ckks::testing {
namespace {

constexpr int kLevel = 5;

const CircuitScheme& scheme() {
    static const CircuitScheme kScheme(small_literal(10, 6, 2));
    return kScheme;
}

Ciphertext ciphertext(unsigned seed) {
    return scheme().encrypt(random_values(scheme().slots(), seed), kLevel);
}

Measured measure(const std::function<void()>& body) {
    return count(2 * scheme().slots(), body);
}

OperationCounts in_all(const KeySwitches& switches) {
    const OperationCounter at(scheme().parameters(), kLevel);
    return switches.again * (at.half_division() + at.decomposition() + at.key_product()) +
           switches.decompositions * at.decomposition() + switches.hoisted * at.hoisted_rotation() +
           switches.whole * at.rotation() + switches.summed * (at.decomposition() + at.key_product()) +
           switches.divisions * at.division();
}

TEST(CircuitCounts, OfADiagonalTransform) {
    const Parameters& parameters = scheme().parameters();
    std::map<long, std::vector<Complex>> diagonals;
    std::vector<Complex> periodic(scheme().slots(), 0.25);
    for (std::size_t i = 0; i < periodic.size(); i += 8) periodic[i] = 0.5;
    for (long offset = 0; offset < 12; ++offset) diagonals[offset] = periodic;
    const OperationCounter at(parameters, kLevel);
    for (const KeySaving saving : {KeySaving{1, false}, KeySaving{1, true}, KeySaving{2, true}}) {
        const DiagonalTransform transform(Encoder(parameters), parameters, diagonals, 1, 4, kLevel,
                                          parameters.scale(kLevel), saving);
        const Evaluator evaluator = scheme().evaluator(transform.key_request(parameters));
        const Ciphertext input = ciphertext(1);
        const Measured measured = measure([&] { transform.apply_extended(evaluator, input); });
        const BabyWork babies = transform.steps().baby_rotations();
        EXPECT_EQ(babies.intermediates, saving.inner - 1);
        const OperationCounts counts =
            diagonal_transform_counts(parameters, kLevel, babies, transform.steps().giant_rotations(), 12) +
            at.decomposition();
        SCOPED_TRACE(::testing::Message() << saving.inner << " " << saving.horner);
        EXPECT_EQ(measured.transforms, counts.transforms);
        EXPECT_EQ(measured.products, 2 * counts.key_limbs);
        // What is decomposed again was not permuted over P.
        EXPECT_EQ(measured.permuted, counts.permuted - babies.intermediates * 2 * (at.rows() - at.limbs()));
        // Conversions write one limb for each transform forth of what they wrote, and take off a multiple of Q for
        // each.
        const double decompositions = 3 + babies.intermediates;
        const double half_divisions = 2 + 2 * babies.intermediates;
        const double converted = decompositions * (at.raised_limbs() - at.limbs()) + half_divisions * at.limbs();
        EXPECT_EQ(measured.weighted, counts.products + counts.conversion_products + converted);
    }
}

TEST(CircuitCounts, OfATransformOfWhatWasJustRaised) {
    const CircuitScheme bootstrapping(presets::insecure_bootstrapping(std::size_t{1} << 10));
    const Parameters& parameters = bootstrapping.parameters();
    const int top = parameters.max_level();
    std::map<long, std::vector<Complex>> diagonals;
    for (long offset = 0; offset < 12; ++offset) diagonals[offset] = random_values(parameters.slots(), 1);
    for (const int baby : {12, 4}) {
        const DiagonalTransform transform(Encoder(parameters), parameters, diagonals, 1, baby, top,
                                          static_cast<double>(parameters.q(top).modulus().value()),
                                          {.inner = 1, .horner = true}, false, KeyRole::sparse_to_dense);
        KeyRequest request = transform.key_request(parameters);
        request.bootstrapping = true;
        const Evaluator evaluator = bootstrapping.evaluator(request);
        const RaisedCiphertext input =
            raise_to_digit(parameters, bootstrapping.encrypt(random_values(parameters.slots(), 2), 0));
        const Measured measured =
            count(parameters.ring_dimension(), [&] { transform.apply_extended(evaluator, input); });
        const double giants = transform.steps().giant_rotations();
        EXPECT_EQ(giants, 12 / baby - 1);
        const BabyWork babies{.rotations = static_cast<double>(baby), .intermediates = 0};
        const OperationCounts counts =
            diagonal_transform_counts(parameters, top, babies, giants, 12, KeyRole::sparse_to_dense);
        EXPECT_EQ(measured.transforms, counts.transforms) << baby;
        EXPECT_EQ(measured.products, counts.products + 2 * counts.key_limbs) << baby;
        EXPECT_EQ(measured.permuted, counts.permuted) << baby;
    }
}

DiagonalBlock block_at(std::span<const long> offsets) {
    std::map<long, std::vector<double>> diagonals;
    for (const long offset : offsets) diagonals[offset] = std::vector<double>(16, 0.1);
    return diagonals;
}

TEST(CircuitCounts, OfAPeriodicMap) {
    PeriodicDiagonals map{.period = 16, .inputs = 2, .outputs = 3, .stride = 1, .baby = 4, .blocks = {}};
    map.blocks.assign(3, std::vector<DiagonalBlock>(2));
    const std::array offsets{-9L, -4L, 0L, 1L, 6L};
    for (std::size_t output = 0; output < 3; ++output) {
        for (auto& block : map.blocks[output]) block = block_at(std::span(offsets).subspan(output > 0 ? 0 : 2));
    }
    const Evaluator evaluator = scheme().evaluator(map.key_request(scheme().parameters(), kLevel));
    const std::vector<Ciphertext> inputs{ciphertext(1), ciphertext(2)};
    const Measured measured = measure([&] { apply_periodic(evaluator, map, inputs); });
    const MapCounts counts = periodic_map_counts(PairedMap(MapShape(map), map.pairing, map.baby));
    const KeySwitches& switches = counts.switches;
    EXPECT_EQ(counts.diagonals, 2U * (3 + 5 + 5));
    EXPECT_EQ(switches.hoisted, 2 * 3);           // by 1, 2 and 3
    EXPECT_EQ(switches.summed, 1 + 2 * (2 + 1));  // by 4; by -12 and -4 as well
    EXPECT_EQ(switches.total(), 13U);
    EXPECT_EQ(measured.transforms, in_all(switches).transforms);
    EXPECT_EQ(measured.products, 2 * in_all(switches).key_limbs);
}

TEST(CircuitCounts, OfAPeriodicMapWhoseSlotsArePaired) {
    PeriodicDiagonals map{.period = 16, .inputs = 3, .outputs = 3, .stride = 1, .baby = 4, .blocks = {}};
    map.blocks.assign(3, std::vector<DiagonalBlock>(3));
    const std::array offsets{-9L, -4L, 0L, 1L, 6L, 10L};
    for (std::size_t i = 0; i < 3; ++i) map.blocks[i][i] = block_at(offsets);
    const std::vector<Ciphertext> inputs{ciphertext(1), ciphertext(2), ciphertext(3)};
    for (const Pairing pairing : {Pairing::outputs, Pairing::inputs, Pairing::both}) {
        map.pairing = pairing;
        const Evaluator evaluator = scheme().evaluator(map.key_request(scheme().parameters(), kLevel));
        const Measured measured = measure([&] { apply_periodic(evaluator, map, inputs); });
        const MapCounts counts = periodic_map_counts(PairedMap(MapShape(map), pairing, map.baby));
        const OperationCounts parting = counts.parting * OperationCounter(scheme().parameters(), kLevel - 1).rotation();
        EXPECT_EQ(measured.transforms, (in_all(counts.switches) + parting).transforms) << static_cast<int>(pairing);
        EXPECT_EQ(measured.products, 2 * (in_all(counts.switches) + parting).key_limbs) << static_cast<int>(pairing);
    }
}

TEST(CircuitCounts, OfAPeriodicMapWithFewerKeys) {
    PeriodicDiagonals map{.period = 16, .inputs = 2, .outputs = 3, .stride = 1, .baby = 4, .blocks = {}};
    const auto block = [](std::initializer_list<long> offsets, long shift) {
        std::map<long, std::vector<double>> diagonals;
        for (const long offset : offsets) diagonals[offset + shift] = std::vector<double>(16, 0.1);
        return std::vector<DiagonalBlock>(2, DiagonalBlock(diagonals));
    };
    for (const long shift : {0L, 32L}) {  // giant steps about 0, and far from it
        map.blocks = {block({-9, -4, 0, 1, 6, 11, 15}, shift), block({0, 1, 6, 11, 15}, shift), block({-12}, shift)};
        for (const KeySaving saving : {KeySaving{1, true}, KeySaving{2, false}, KeySaving{2, true}}) {
            map.saving = saving;
            const Evaluator evaluator = scheme().evaluator(map.key_request(scheme().parameters(), kLevel));
            const std::vector<Ciphertext> inputs{ciphertext(1), ciphertext(2)};
            const Measured measured = measure([&] { apply_periodic(evaluator, map, inputs); });
            const MapCounts counts = periodic_map_counts(PairedMap(MapShape(map), map.pairing, map.baby, saving));
            SCOPED_TRACE(::testing::Message() << shift << " " << saving.inner << " " << saving.horner);
            EXPECT_EQ(measured.transforms, in_all(counts.switches).transforms);
            EXPECT_EQ(measured.products, 2 * in_all(counts.switches).key_limbs);
        }
    }
}

TEST(CircuitCounts, APairHasHalfTheProductsAndSteps) {
    PeriodicDiagonals map{.period = 16, .inputs = 2, .outputs = 2, .stride = 1, .baby = 4, .blocks = {}};
    map.blocks.assign(2, std::vector<DiagonalBlock>(2));
    std::vector<long> offsets(16);
    std::iota(offsets.begin(), offsets.end(), 0L);
    for (auto& row : map.blocks) row.assign(2, block_at(offsets));
    const auto counts = [&](Pairing pairing) { return periodic_map_counts(PairedMap(MapShape(map), pairing, 4)); };
    EXPECT_EQ(counts(Pairing::none).diagonals, 64U);
    EXPECT_EQ(counts(Pairing::outputs).diagonals, 32U);
    EXPECT_EQ(counts(Pairing::outputs).switches.summed, counts(Pairing::none).switches.summed / 2);
    EXPECT_EQ(counts(Pairing::outputs).parting, 1);
    EXPECT_EQ(counts(Pairing::inputs).diagonals, 32U);
    EXPECT_EQ(counts(Pairing::inputs).switches.hoisted, counts(Pairing::none).switches.hoisted / 2);
    EXPECT_EQ(counts(Pairing::inputs).parting, 2);
}

TEST(CircuitCounts, OfARotatedInnerProduct) {
    RotatedInnerProduct product{.first = -8, .last = 8, .left_step = 1, .right_step = 17, .right_offset = 5, .baby = 4};
    for (const auto& [shifts, inner] : {std::pair{1L, 1L}, {1L, 2L}, {2L, 1L}, {2L, 2L}, {4L, 1L}}) {
        SCOPED_TRACE(::testing::Message() << shifts << " left shifts, inner " << inner);
        product.left_shifts = shifts;
        product.inner = inner;
        const Evaluator evaluator = scheme().evaluator(product.key_request(scheme().parameters(), kLevel));
        const std::vector<Ciphertext> left{ciphertext(1)};
        const std::vector<Ciphertext> right{ciphertext(2)};
        const Measured measured = measure([&] { apply_rotated_inner_product(evaluator, product, left, right); });
        const OperationCounts counts = in_all(rotated_product_switches(product));
        const OperationCounter at(scheme().parameters(), kLevel);
        // Counted as if one shift took the right operand as it is; here all of them rotate it.
        const OperationCounts more = at.decomposition() + at.hoisted_rotation();
        EXPECT_EQ(measured.products, 2 * (counts + more).key_limbs + 4 * at.limbs() * 16);
        EXPECT_EQ(measured.transforms, (counts + more).transforms);
    }
}

TEST(CircuitCounts, ShiftsOfBothOperandsSaveRotations) {
    RotatedInnerProduct product{.first = 0, .last = 64, .left_step = 1, .right_step = 257, .baby = 8};
    const KeySwitches one_shifted = rotated_product_switches(product);
    product.left_shifts = 2;
    const KeySwitches both_shifted = rotated_product_switches(product);
    EXPECT_EQ(one_shifted.hoisted, 7 + 8 * 7 + 7);
    EXPECT_EQ(both_shifted.hoisted, 2 * 7 + 1 + 4 * 7 + 3);
    EXPECT_EQ(both_shifted.again, one_shifted.again);
    EXPECT_EQ(both_shifted.summed, one_shifted.summed);
}

TEST(CircuitCounts, OfABootstrapAreAboutWhatItTakes) {
    const CircuitScheme bootstrapping(presets::insecure_bootstrapping(std::size_t{1} << 10));
    const Parameters& parameters = bootstrapping.parameters();
    const std::size_t slots = parameters.slots();
    const Bootstrapper bootstrapper(parameters, slots);
    const Evaluator evaluator = bootstrapping.evaluator(Bootstrapper::key_request(parameters, slots));
    const Ciphertext input =
        bootstrapping.encrypt(as_complex(random_reals(slots, 1)), parameters.bootstrapping_input_level());
    const Measured measured = count(2 * slots, [&] { bootstrapper.bootstrap_real(evaluator, input); });
    const OperationCounts counts = bootstrap_counts(parameters, 1);
    EXPECT_LT(counts.transforms, 1.4 * measured.transforms);
    EXPECT_GT(counts.transforms, measured.transforms / 1.4);
    const double products = counts.products + 2 * counts.key_limbs + counts.conversion_products;
    EXPECT_LT(products, 1.4 * (measured.products + measured.weighted));
    EXPECT_GT(products, (measured.products + measured.weighted) / 1.4);
    EXPECT_EQ(bootstrap_products(parameters, 2), 2 * bootstrap_products(parameters, 1));
}

}  // namespace
}  // namespace polyformer::ckks::testing
