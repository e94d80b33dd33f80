// The configuration of a training run: one JSON file, every value checked before anything starts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "polyformer/train/configuration/architecture.h"
#include "polyformer/train/configuration/vision_architecture.h"

namespace polyformer::train {

/// How the vocabulary is learned.
struct TokenizerConfig {
    std::string algorithm = "unigram";  ///< of SentencePiece: "unigram" or "bpe"
    std::size_t sentences = 200000;     ///< lines sampled from the training text to learn the vocabulary
};

/// What makes updates of gradients: AdamW, or Muon (Jordan et al., 2024) for the matrices of hidden layers and AdamW
/// for all else. Muon's updates are orthogonal matrices, so with weight decay λ no map's gain exceeds √(rows/columns) /
/// λ.
inline constexpr std::array optimizers = {"adamw", "muon"};

/// One stage of gradient descent (linear warm-up, then a cosine to zero).
struct Schedule {
    double epochs = 1;
    std::size_t batch = 32;      ///< sequences of `context` tokens, or images, a pass
    std::size_t accumulate = 1;  ///< passes whose gradients make one update
    std::string optimizer = "adamw";
    double learning_rate = 1e-3;         ///< of AdamW
    double matrix_learning_rate = 0.02;  ///< of Muon
    std::size_t warmup_steps = 100;
    double weight_decay = 0.05;
    double dropout = 0;
    double gradient_clip = 1;    ///< largest norm of the gradient
    double range_weight = 0;     ///< α of loss = task + α·range + β·variance: scores and pre-activations
    double variance_weight = 0;  ///< β: the norms
    double penalty_ramp = 0;     ///< share of the stage over which α and β rise from 0
    /// Share of the rows that are unlike any text or picture: tokens repeated, shuffled or drawn at random, images of
    /// twice the contrast, noise. Nothing is learned from them but to keep to the intervals, which are measured on
    /// them, too.
    double strange_share = 0;
    std::size_t validate_every = 0;  ///< updates between validations; 0: at the end only
    std::size_t patience = 0;        ///< validations without a better one that end the stage, the best kept; 0: never
};

/// Whether inputs of non-polynomial functions cost something. In the first stage they do so from its beginning: scores
/// of pointwise attention, which no sum divides, grow into the hundreds otherwise.
bool penalised(const Schedule& schedule);

/// An interval that a site's inputs should keep to.
struct TargetInterval {
    double lower = 0;
    double upper = 0;
};

/// The intervals that range minimisation draws the inputs of the non-polynomial functions into.
struct TargetRanges {
    double scores = 4;          ///< |attention score| at most
    double hidden = 6;          ///< |feed-forward pre-activation| at most
    double variance_ratio = 8;  ///< largest over smallest variance of a LayerNorm's inputs
    std::map<std::string, TargetInterval> sites =
        {};  ///< single sites by name, such as "layers.0.attention.activation"
};

/// How approximation is measured and minimised; see approx/method.h.
inline constexpr std::array approximation_methods = {"minimax", "weighted_minimax", "weighted_least_squares",
                                                     "chebyshev"};

/// Which polynomials take the functions' places.
struct Substitution {
    std::string method = "minimax";
    double margin = 0.15;  ///< of an interval's width (of its logarithmic width for variances), at each end
    std::size_t scores_degree = 15;
    std::size_t hidden_degree = 15;
    std::size_t inverse_sqrt_degree = 15;
    /// Levels for the polynomials of half a layer (a norm's and what follows it) together; degrees are then chosen
    /// jointly, those above do not count. 0: the degrees above.
    std::size_t attention_depth = 0;
    std::size_t feed_forward_depth = 0;
};

/// A whole training run: the model, its data and every stage.
struct Config {
    std::uint64_t seed = 1;
    Architecture model;  ///< of a language model, unless there is a vision model
    TokenizerConfig tokenizer;
    std::optional<VisionArchitecture> vision = std::nullopt;
    Augmentation augmentation = {};  ///< of a vision model's images
    Schedule train;
    Schedule tune;
    TargetRanges ranges;
    Schedule convert;  ///< training with the polynomials in place; 0 epochs leaves it out
    Substitution substitution;
};

/// Why the configured model has no polynomial form, or an empty text when it has one.
std::string obstacle_to_substitution(const Config& config);

/// Reads and checks a configuration. Throws FormatError naming the file, the key, the value and what is allowed;
/// unknown keys are refused, missing ones keep the defaults above.
Config load_config(const std::filesystem::path& file);
Config parse_config(const std::string& text, const std::string& origin);
Config config_from(const nlohmann::ordered_json& json, const std::string& origin);

/// The configuration with every value spelled out, in a form that parse_config() reads.
nlohmann::ordered_json to_json(const Config& config);
nlohmann::ordered_json to_json(const Schedule& schedule);
nlohmann::ordered_json to_json(const TargetRanges& ranges);
nlohmann::ordered_json to_json(const Substitution& substitution);

}  // namespace polyformer::train
