// What answers are judged by: rank correlation, accuracy, F1, discounted cumulative gain.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace polyformer::tasks {

/// Spearman's rank correlation, equal values sharing the mean of their ranks; NaN where one side is constant. What is
/// not a number ranks lowest. Throws Error unless both are of one length, at least 2.
double spearman(std::span<const double> a, std::span<const double> b);

/// a·b / (|a|·|b|); NaN where one is zero.
double cosine(std::span<const double> a, std::span<const double> b);

/// x / |x|; as it is where it is zero.
std::vector<double> normalised(std::vector<double> x);

/// Instead of a class: there is no answer, which is wrong whatever the truth.
inline constexpr std::size_t kNoAnswer = std::numeric_limits<std::size_t>::max();

/// The class of the greatest logit, the first of equals; kNoAnswer unless all are finite.
std::size_t most_likely_class(std::span<const double> logits);

/// Of predicted against true classes.
struct Classification {
    double accuracy = 0;
    double macro_f1 = 0;  ///< the mean of the F1 of all classes that occur, as either
};
/// Throws Error unless both are of one length, at least 1.
Classification judge_classes(std::span<const std::size_t> predicted, std::span<const std::size_t> truth);

/// The `most` best of the scores, best first; among equals the earlier one. NaN counts as the worst.
std::vector<std::size_t> best_of(std::span<const double> scores, std::size_t most);

/// nDCG of the first `most` with gains as they are (trec_eval's, BEIR's): Σ gain_i / log2(i + 2) of the ranking over
/// the same of the best one. `relevance` holds the documents that are relevant and their gains; 0 where there are none.
double ndcg(std::span<const std::size_t> ranking, const std::map<std::size_t, double>& relevance, std::size_t most);

}  // namespace polyformer::tasks
