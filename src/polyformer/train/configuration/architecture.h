// The shape and the variants of a transformer, as a configuration names them.
#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

namespace polyformer::train {

/// How the scores QKᵀ/√d_k become the weights of the values; one source each in variants/.
inline constexpr std::array attention_forms = {"pointwise", "softmax", "power"};
/// σ of pointwise attention, and the functions between the two maps of the feed-forward part.
inline constexpr std::array attention_functions = {"gelu", "relu", "squared_relu", "sigmoid"};
inline constexpr std::array activation_functions = {"gelu", "relu", "silu", "square"};
/// Normalisations; one source each in variants/.
inline constexpr std::array norms = {"layer_norm", "rms_norm", "batch_norm"};
/// Factors that depend on the length L.
inline constexpr std::array length_factors = {"1", "1/sqrt(L)", "1/L"};
/// Which L the factor after σ takes: the context, or the number of keys that the query at position t sees, t + 1.
inline constexpr std::array length_choices = {"position", "context"};
/// What a key weighs before its score is looked at.
inline constexpr std::array key_weight_choices = {"equal", "by_distance"};

/// Attn = (M ⊙ σ(QKᵀ/√d_k · scale_before)) · scale_after · V (arXiv 2311.08610, section 4).
struct Attention {
    std::string form = "pointwise";
    std::string function = "gelu";   ///< σ; pointwise attention alone has one
    std::string scale_before = "1";  ///< L is the context here
    std::string scale_after = "1/sqrt(L)";
    std::string length = "position";  ///< L of scale_after
    std::string key_weights = "equal";
    double initial_score = 1;  ///< mean score before training, pointwise attention only
    std::size_t power = 4;     ///< p of x^p / Σ x^p, even (arXiv 2410.09457)
};

/// A decoder-only transformer, pre-norm, its embedding tied to its logits.
struct Architecture {
    std::size_t layers = 2;
    std::size_t width = 128;
    std::size_t heads = 4;
    std::size_t context = 64;
    std::size_t feed_forward = 512;
    std::size_t vocabulary = 4096;
    Attention attention = {};
    std::string norm = "layer_norm";
    std::string activation = "gelu";
};

/// 1, 1/√L or 1/L. Throws Error for a factor that length_factors does not list.
double length_factor(const std::string& factor, double length);

/// Why a network with this attention has no polynomial form, or an empty text when it has one.
std::string obstacle_to_substitution(const Attention& attention);

nlohmann::ordered_json to_json(const Attention& attention);
nlohmann::ordered_json to_json(const Architecture& model);

}  // namespace polyformer::train
