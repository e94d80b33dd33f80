#include "polyformer/substitution/polynomials/degree_choice.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace polyformer::substitution {
namespace {

using Sites = std::vector<std::vector<DegreeOption>>;

double loss_of(const Sites& sites, const std::vector<std::size_t>& picks) {
    double sum = 0;
    for (std::size_t s = 0; s < sites.size(); ++s) sum += sites[s][picks[s]].loss;
    return sum;
}

double price_of(const Sites& sites, const std::vector<std::size_t>& picks) {
    double sum = 0;
    for (std::size_t s = 0; s < sites.size(); ++s) sum += sites[s][picks[s]].price;
    return sum;
}

TEST(DegreeChoice, SpendsWhereItHelpsMost) {
    const Sites sites{{{15, 0.1, 1}, {31, 0.001, 2}}, {{15, 0.002, 1}, {31, 0.001, 2}}};
    EXPECT_EQ(choose_degrees(sites, 0.004), (std::vector<std::size_t>{1, 0}));
    EXPECT_EQ(choose_degrees(sites, 1), (std::vector<std::size_t>{0, 0}));
    EXPECT_EQ(choose_degrees(sites, 0.002), (std::vector<std::size_t>{1, 1}));
    EXPECT_EQ(choose_degrees(sites, 1e-9), (std::vector<std::size_t>{1, 1})) << "out of reach: the best there is";
}

TEST(DegreeChoice, AvoidsWhatBreaksTheModel) {
    const double infinite = std::numeric_limits<double>::infinity();
    const Sites sites{{{15, infinite, 1}, {31, 0.5, 2}}, {{15, 0, 1}}};
    EXPECT_EQ(choose_degrees(sites, 1), (std::vector<std::size_t>{1, 0}));
    EXPECT_EQ(choose_degrees(sites, 0.1), (std::vector<std::size_t>{1, 0}));
}

TEST(DegreeChoice, IsWithinAQuarterOfTheBest) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (int trial = 0; trial < 50; ++trial) {
        Sites sites(4);
        for (auto& options : sites) {
            double loss = uniform(random);
            for (int depth = 4; depth <= 7; ++depth, loss *= 0.3 * uniform(random)) {
                options.push_back({(std::size_t{1} << depth) - 1, loss, static_cast<double>(depth)});
            }
        }
        const double budget = 0.3;
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t code = 0; code < 256; ++code) {
            const std::vector<std::size_t> picks{code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
            if (loss_of(sites, picks) <= budget) best = std::min(best, price_of(sites, picks));
        }
        const std::vector<std::size_t> chosen = choose_degrees(sites, budget);
        ASSERT_LE(loss_of(sites, chosen), budget);
        ASSERT_LE(price_of(sites, chosen), 1.25 * best);
    }
}

}  // namespace
}  // namespace polyformer::substitution
