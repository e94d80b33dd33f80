#include "polyformer/trainer/statistics/value_counts.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>
#include <vector>

namespace polyformer::train {
namespace {

std::vector<double> counts_of(const torch::Tensor& x, float reach, std::size_t bins) {
    std::vector<double> counts(bins);
    add_counts({x.data_ptr<float>(), static_cast<std::size_t>(x.numel())}, reach, counts);
    return counts;
}

TEST(ValueCounts, AreThoseOfAnotherImplementation) {
    torch::manual_seed(5);
    for (const std::int64_t size : {0, 1, 7, 1 << 20}) {  // the last one in several parts
        const torch::Tensor x = torch::randn({size}) * 40;
        const torch::Tensor expected = torch::histc(x.clamp(-64, 64), 4096, -64, 64);
        const std::vector<double> counts = counts_of(x, 64, 4096);
        for (std::size_t bin = 0; bin < counts.size(); ++bin) {
            ASSERT_EQ(counts[bin], expected[static_cast<std::int64_t>(bin)].item<double>()) << size << ", bin " << bin;
        }
    }
}

TEST(ValueCounts, TheOutermostTakeWhatLiesBeyond) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const torch::Tensor x = torch::tensor({-kInfinity, -8.5F, -8.0F, std::numeric_limits<float>::quiet_NaN(), -4.0F,
                                           -0.001F, 0.0F, 3.999F, 4.0F, 8.0F, 9.0F, kInfinity});
    EXPECT_EQ(counts_of(x, 8, 4), (std::vector<double>{4, 2, 2, 4}));
}

TEST(ValueCounts, AddToWhatIsThere) {
    std::vector<double> counts{1, 2};
    add_counts(std::vector<float>{-1, 1, 1}, 8, counts);
    EXPECT_EQ(counts, (std::vector<double>{2, 4}));
}

}  // namespace
}  // namespace polyformer::train
