#include "polyformer/tasks/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"

namespace polyformer::tasks {

namespace {

/// Its place among others: what is not a number lies below all of them.
double worth(double value) {
    return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
}

/// Ranks from 0, equal values sharing the mean of theirs.
std::vector<double> ranks_of(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return worth(values[i]); });
    std::vector<double> ranks(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t end = first + 1;
        while (end < order.size() && worth(values[order[end]]) == worth(values[order[first]])) ++end;
        for (std::size_t i = first; i < end; ++i) ranks[order[i]] = static_cast<double>(first + end - 1) / 2;
        first = end;
    }
    return ranks;
}

/// Less its mean.
std::vector<double> centred(std::vector<double> x) {
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
    for (double& value : x) value -= mean;
    return x;
}

double norm(std::span<const double> x) {
    return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

double discount(std::size_t place) {
    return 1 / std::log2(static_cast<double>(place) + 2);
}

}  // namespace

double spearman(std::span<const double> a, std::span<const double> b) {
    require(a.size() == b.size() && a.size() >= 2,
            "a rank correlation needs as many values on both sides, at least 2: there are {} and {}", a.size(),
            b.size());
    return cosine(centred(ranks_of(a)), centred(ranks_of(b)));
}

double cosine(std::span<const double> a, std::span<const double> b) {
    require(a.size() == b.size(), "a cosine needs vectors of one length: these have {} and {}", a.size(), b.size());
    const double norms = norm(a) * norm(b);
    if (norms == 0) return std::numeric_limits<double>::quiet_NaN();
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0) / norms;
}

std::vector<double> normalised(std::vector<double> x) {
    const double length = norm(x);
    if (length == 0) return x;
    for (double& value : x) value /= length;
    return x;
}

std::size_t most_likely_class(std::span<const double> logits) {
    return argmax(logits).value_or(kNoAnswer);
}

Classification judge_classes(std::span<const std::size_t> predicted, std::span<const std::size_t> truth) {
    require(predicted.size() == truth.size() && !truth.empty(),
            "accuracy needs as many answers as labels, at least 1: there are {} and {}", predicted.size(),
            truth.size());
    struct Counts {
        double right = 0;
        double predicted = 0;
        double true_ones = 0;
    };
    std::map<std::size_t, Counts> classes;
    double right = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        ++classes[truth[i]].true_ones;
        if (predicted[i] == kNoAnswer) continue;
        ++classes[predicted[i]].predicted;
        if (predicted[i] != truth[i]) continue;
        ++classes[truth[i]].right;
        ++right;
    }
    double f1 = 0;
    for (const auto& [name, counts] : classes) f1 += 2 * counts.right / (counts.predicted + counts.true_ones);
    return {right / static_cast<double>(truth.size()), f1 / static_cast<double>(classes.size())};
}

std::vector<std::size_t> best_of(std::span<const double> scores, std::size_t most) {
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto is_better = [&](std::size_t a, std::size_t b) {
        return worth(scores[a]) != worth(scores[b]) ? worth(scores[a]) > worth(scores[b]) : a < b;
    };
    const std::size_t kept = std::min(most, order.size());
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(kept), is_better);
    order.resize(kept);
    return order;
}

double ndcg(std::span<const std::size_t> ranking, const std::map<std::size_t, double>& relevance, std::size_t most) {
    double gained = 0;
    for (std::size_t place = 0; place < std::min(most, ranking.size()); ++place) {
        const auto found = relevance.find(ranking[place]);
        if (found != relevance.end()) gained += found->second * discount(place);
    }
    std::vector<double> gains;
    for (const auto& [document, gain] : relevance) gains.push_back(gain);
    std::ranges::sort(gains, std::greater<>());
    double best = 0;
    for (std::size_t place = 0; place < std::min(most, gains.size()); ++place) best += gains[place] * discount(place);
    return best > 0 ? gained / best : 0;
}

}  // namespace polyformer::tasks
