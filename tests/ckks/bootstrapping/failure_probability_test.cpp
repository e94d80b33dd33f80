#include "polyformer/ckks/bootstrapping/failure_probability.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "polyformer/support/error.h"

namespace polyformer::ckks::testing {
namespace {

TEST(BootstrapFailure, AgreesWithExactRationals) {
    std::ifstream golden(POLYFORMER_TEST_DATA "/bootstrap_failure.txt");
    ASSERT_TRUE(golden);
    std::size_t ring_dimension = 0;
    int weight = 0;
    int interval = 0;
    double expected = 0;
    int rows = 0;
    while (golden >> ring_dimension >> weight >> interval >> expected) {
        EXPECT_NEAR(log2_bootstrap_failure(ring_dimension, weight, interval), expected, 1e-6)
            << ring_dimension << " " << weight << " " << interval;
        ++rows;
    }
    EXPECT_GE(rows, 10);
    EXPECT_LT(log2_bootstrap_failure(std::size_t{1} << 16, 32, 16), -128);
    // No sum of 32 numbers up to 1/2 is beyond 16.
    EXPECT_EQ(log2_bootstrap_failure(std::size_t{1} << 16, 32, 17), -INFINITY);
    EXPECT_THROW(log2_bootstrap_failure(std::size_t{1} << 16, 0, 16), Error);
}

}  // namespace
}  // namespace polyformer::ckks::testing
