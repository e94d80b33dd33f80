// The configuration of a training run: one JSON file, every value checked before anything starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace polyformer::train {

/// S(L), by which the output of a pointwise attention is divided.
enum class LengthScale {
    context_root,   ///< √L for every query, L the context
    position_root,  ///< √(t+1) for the query at position t: the number of keys it sees
};

/// Shape of the decoder-only transformer.
struct Architecture {
    std::size_t layers = 2;
    std::size_t width = 128;
    std::size_t heads = 4;
    std::size_t context = 64;
    std::size_t feed_forward = 512;
    std::size_t vocabulary = 4096;
    LengthScale length_scale = LengthScale::position_root;
};

struct TokenizerConfig {
    std::string algorithm = "unigram";  ///< of SentencePiece: "unigram" or "bpe"
    std::size_t sentences = 200000;     ///< lines sampled from the training text to learn the vocabulary
};

/// One stage of gradient descent (AdamW, linear warm-up, then a cosine to zero).
struct Schedule {
    double epochs = 1;
    std::size_t batch = 32;  ///< sequences of `context` tokens a step
    double learning_rate = 1e-3;
    std::size_t warmup_steps = 100;
    double weight_decay = 0.05;
    double dropout = 0;
    double gradient_clip = 1;    ///< largest norm of the gradient
    double range_weight = 0;     ///< α of loss = task + α·range + β·variance
    double variance_weight = 0;  ///< β
};

/// Where range minimisation wants the inputs of the non-polynomial functions.
struct TargetRanges {
    double scores = 4;          ///< |attention score| at most
    double hidden = 6;          ///< |feed-forward pre-activation| at most
    double variance_ratio = 8;  ///< largest over smallest variance of a LayerNorm's inputs
};

/// Degrees of the polynomials and how far their intervals reach beyond what calibration saw.
struct Substitution {
    std::size_t scores_degree = 15;
    std::size_t hidden_degree = 15;
    std::size_t inverse_sqrt_degree = 15;
    double margin = 0.15;  ///< of an interval's width (of its logarithmic width for variances), at each end
};

struct Config {
    std::uint64_t seed = 1;
    Architecture model;
    TokenizerConfig tokenizer;
    Schedule train;
    Schedule tune;
    TargetRanges ranges;
    Schedule convert;  ///< training with the polynomials in place; 0 epochs leaves it out
    Substitution substitution;
};

/// Reads and checks a configuration. Throws FormatError naming the file, the key, the value and what is allowed;
/// unknown keys are refused, missing ones keep the defaults above.
Config load_config(const std::filesystem::path& file);
Config parse_config(const std::string& text, const std::string& origin);

/// The configuration with every value spelled out, in a form that parse_config() reads.
nlohmann::ordered_json to_json(const Config& config);
nlohmann::ordered_json to_json(const Architecture& model);
nlohmann::ordered_json to_json(const Schedule& schedule);

}  // namespace polyformer::train
