#include "polyformer/calibration/measured_costs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "polyformer/calibration/machine.h"
#include "polyformer/compile/plan/costs_json.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::calibration {
namespace {

TEST(MeasuredCosts, ArePositiveAndOfThisMachine) {
    const ckks::Parameters parameters = ckks::Parameters::create(ckks::presets::insecure_bootstrapping(1024));
    std::vector<double> shares;
    const compile::CostModel costs = measure_costs(parameters, {.seconds = 0, .runs = 1, .bytes = std::size_t{1} << 20},
                                                   [&](double share) { shares.push_back(share); });
    for (const double cost : {costs.ntt, costs.conversion_word, costs.product_word, costs.inner_word, costs.key_word,
                              costs.encoding_word, costs.sum_word, costs.bootstrap, costs.bootstrap_second}) {
        EXPECT_TRUE(std::isfinite(cost) && cost > 0) << cost;
    }
    EXPECT_EQ(costs.threads, static_cast<double>(thread_count()));
    EXPECT_EQ(costs.machine, this_machine());
    EXPECT_EQ(shares.back(), 1);
    EXPECT_EQ(compile::costs_from_json(compile::costs_to_json(costs), "costs"), costs);
}

}  // namespace
}  // namespace polyformer::calibration
