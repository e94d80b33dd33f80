#include "polyformer/substitution/polynomials/degree_choice.h"

#include <cmath>
#include <limits>

#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

struct Choice {
    std::vector<std::size_t> picks;
    double loss = 0;
};

/// For each site the least price + multiplier · loss.
Choice choose(std::span<const std::vector<DegreeOption>> sites, double multiplier) {
    Choice choice;
    for (const std::vector<DegreeOption>& options : sites) {
        std::size_t best = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < options.size(); ++i) {
            const double sum = options[i].price + multiplier * options[i].loss;
            if (sum < least) {
                least = sum;
                best = i;
            }
        }
        choice.picks.push_back(best);
        choice.loss += options[best].loss;
    }
    return choice;
}

/// Gives up what is cheapest to give up while the budget lasts: the multiplier's steps are coarse.
void use_rest(std::span<const std::vector<DegreeOption>> sites, double budget, Choice& choice) {
    for (;;) {
        double most_saved = 0;
        std::size_t at = 0;
        std::size_t pick = 0;
        for (std::size_t s = 0; s < sites.size(); ++s) {
            const DegreeOption& now = sites[s][choice.picks[s]];
            for (std::size_t i = 0; i < sites[s].size(); ++i) {
                const double saved = now.price - sites[s][i].price;
                if (saved <= most_saved || choice.loss - now.loss + sites[s][i].loss > budget) continue;
                most_saved = saved;
                at = s;
                pick = i;
            }
        }
        if (most_saved == 0) return;
        choice.loss += sites[at][pick].loss - sites[at][choice.picks[at]].loss;
        choice.picks[at] = pick;
    }
}

}  // namespace

std::vector<std::size_t> choose_degrees(std::span<const std::vector<DegreeOption>> sites, double budget) {
    for (const std::vector<DegreeOption>& options : sites) require(!options.empty(), "a site has no degree to choose");
    constexpr double kLargest = 1e30;
    Choice within = choose(sites, kLargest);
    if (!(within.loss <= budget)) return within.picks;
    double lower = std::log(1e-9);
    double upper = std::log(kLargest);
    for (int step = 0; step < 60; ++step) {
        const double middle = (lower + upper) / 2;
        Choice choice = choose(sites, std::exp(middle));
        if (choice.loss <= budget) {
            upper = middle;
            within = std::move(choice);
        } else {
            lower = middle;
        }
    }
    use_rest(sites, budget, within);
    return within.picks;
}

}  // namespace polyformer::substitution
