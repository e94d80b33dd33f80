#include "polyformer/ckks/bootstrapping/modular_sine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <tuple>

#include "polyformer/support/error.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(ModularSine, IsASineNearIntegers) {
    BootstrappingLiteral literal;
    for (const auto& [degree, double_angles, tolerance] :
         {std::tuple{31, 3, 0x1p-25}, std::tuple{59, 2, 0x1p-31}, std::tuple{63, 3, 0x1p-42}}) {
        literal.cosine_degree = degree;
        literal.double_angles = double_angles;
        const std::vector<double> series = modular_sine_series(literal);
        ASSERT_EQ(series.size(), static_cast<std::size_t>(degree) + 1);
        for (int integer = 1 - literal.interval; integer < literal.interval; ++integer) {
            for (const double distance : {-0x1p-10, 0.0, 0x1p-11}) {
                const double y = (integer + distance) / literal.interval;
                double c = 0;
                for (int k = 0; k <= degree; ++k) c += series[static_cast<std::size_t>(k)] * std::cos(k * std::acos(y));
                for (int k = 0; k < double_angles; ++k) c = 2 * c * c - 1;
                EXPECT_NEAR(c, std::sin(2 * std::numbers::pi * distance), tolerance) << degree << " " << integer;
            }
        }
    }
    literal.cosine_degree = 29;
    EXPECT_THAT([&] { modular_sine_series(literal); }, ThrowsMessage<Error>(HasSubstr("takes degree 30")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
