// Unigram and interpolated bigram models over words: what any language model must beat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace polyformer::model {

/// Counts of words and of pairs of neighbours; the end of each line is a word, and the text starts after one.
class NgramModel {
  public:
    /// Counts a line, words separated by spaces.
    void learn(std::string_view line);

    /// (count(w) + 1) / (N + V + 1): one share in N + V + 1 is left for words never seen.
    double unigram(const std::string& word) const;
    /// weight · count(v w) / count(v) + (1 − weight) · unigram(w), after word v.
    double bigram(const std::string& previous, const std::string& word, double weight) const;

  private:
    std::uint32_t id(const std::string& word) const;  // 0 when never seen

    std::unordered_map<std::string, std::uint32_t> ids_;  // from 1
    std::unordered_map<std::uint32_t, double> counts_;
    std::unordered_map<std::uint64_t, double> pairs_;  // (previous, word)
    double total_ = 0;
    std::uint32_t last_ = 0;
};

/// The word that ends each line.
inline constexpr std::string_view end_of_line_word = "\n";

/// Perplexities per word of two simple models, as baselines.
struct NgramPerplexity {
    std::size_t words = 0;
    double unigram = 0;
    double bigram = 0;
    double bigram_weight = 0;  ///< of the bigram in the mixture, the best on the validation text
};

/// Perplexities per word of `evaluated` under models of `training`. Throws IoError when a file cannot be read.
NgramPerplexity ngram_perplexity(const std::filesystem::path& training, const std::filesystem::path& validation,
                                 const std::filesystem::path& evaluated);

}  // namespace polyformer::model
