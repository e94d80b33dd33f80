// Runs a plan on a back end. A back end knows how to do each kind of step on its own kind of ciphertext; the executor
// knows the order, brings operands to their level, frees values after their last use, reports progress and profiles.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compile/plan.h"

namespace polyformer::runtime {

/// What a back end offers; `Value` is its ciphertext.
template <class B>
concept Backend = requires(B backend, const typename B::Value& value, std::span<const typename B::Value> values,
                           const compile::LinearMapStep& linear, const compile::AffineStep& affine,
                           const compile::PolynomialStep& polynomial, const compile::RotatedProductStep& product,
                           int level, std::size_t row) {
    { backend.level(value) } -> std::same_as<int>;
    { backend.adjust(value, level) } -> std::same_as<typename B::Value>;
    { backend.add(value, value) } -> std::same_as<typename B::Value>;
    { backend.multiply(value, value) } -> std::same_as<typename B::Value>;
    { backend.linear_map(linear, values) } -> std::same_as<std::vector<typename B::Value>>;
    { backend.affine(affine, value) } -> std::same_as<typename B::Value>;
    { backend.polynomial(polynomial, values) } -> std::same_as<std::vector<typename B::Value>>;
    { backend.rotated_product(product, value, value) } -> std::same_as<typename B::Value>;
    { backend.bootstrap(values) } -> std::same_as<std::vector<typename B::Value>>;
    { backend.select_token(value, row) } -> std::same_as<typename B::Value>;
};

/// One row of a profile.
struct ProfileEntry {
    std::string step;
    std::string operation;
    int level = 0;
    double seconds = 0;
};

struct Profile {
    std::vector<ProfileEntry> entries;
    /// Seconds by kind of operation, and by layer ("layers.0", ...).
    std::map<std::string, double> by_operation() const;
    std::map<std::string, double> by_layer() const;
};

/// Called after each step with the share of the estimated work done and the step's name.
using ProgressCallback = std::function<void(double share, const std::string& step)>;

}  // namespace polyformer::runtime
