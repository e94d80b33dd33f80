// What a back end offers: how to do each kind of step on its own kind of ciphertext.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/compile/plan/steps.h"

namespace polyformer::runtime {

/// `Value` is the back end's ciphertext. Steps come with operands at their level; results are at the level that the
/// plan says, and at its scale. A back end that has begin_step(const compile::Step&) is told of each step.
template <class B>
concept Backend = requires(B backend, const typename B::Value& value, std::span<const typename B::Value> values,
                           const compile::LinearMapStep& linear, const compile::AffineStep& affine,
                           const compile::PolynomialStep& polynomial, const compile::RotatedProductStep& product,
                           const compile::SumSlotsStep& sum, const compile::CombineStep& combination, int level,
                           double factor, std::span<const std::size_t> rows) {
    { backend.level(value) } -> std::same_as<int>;
    { backend.adjust(value, level) } -> std::same_as<typename B::Value>;
    { backend.scaled(value, factor) } -> std::same_as<typename B::Value>;
    { backend.add(value, value) } -> std::same_as<typename B::Value>;
    { backend.multiply(value, value) } -> std::same_as<typename B::Value>;
    { backend.square(value) } -> std::same_as<typename B::Value>;
    { backend.linear_map(linear, values) } -> std::same_as<std::vector<typename B::Value>>;
    { backend.affine(affine, value) } -> std::same_as<typename B::Value>;
    { backend.polynomial(polynomial, values) } -> std::same_as<std::vector<typename B::Value>>;
    { backend.rotated_product(product, values, values) } -> std::same_as<std::vector<typename B::Value>>;
    { backend.sum_slots(sum, value) } -> std::same_as<typename B::Value>;
    { backend.combine(combination, values) } -> std::same_as<typename B::Value>;
    { backend.bootstrap(values) } -> std::same_as<std::vector<typename B::Value>>;
    { backend.select_token(value, rows) } -> std::same_as<typename B::Value>;
};

}  // namespace polyformer::runtime
