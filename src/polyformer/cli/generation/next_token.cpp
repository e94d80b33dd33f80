#include "polyformer/cli/generation/next_token.h"

#include <array>
#include <random>
#include <vector>

namespace polyformer::cli {

service::Probable next_token(std::span<const double> logits, const Sampling& sampling, std::size_t step) {
    if (sampling.temperature == 0) return service::most_probable(logits, 1).front();
    std::vector<double> scaled(logits.begin(), logits.end());
    for (double& logit : scaled) logit /= sampling.temperature;
    std::vector<service::Probable> among =
        service::most_probable(scaled, sampling.top_k == 0 ? scaled.size() : sampling.top_k);
    double sum = 0;
    for (const service::Probable& probable : among) sum += probable.probability;
    for (service::Probable& probable : among) probable.probability /= sum;

    std::seed_seq seeds{sampling.seed & 0xffffffffU, sampling.seed >> 32U, std::uint64_t{step}};
    std::mt19937_64 random(seeds);
    double drawn = std::generate_canonical<double, 53>(random);
    for (const service::Probable& probable : among) {
        drawn -= probable.probability;
        if (drawn < 0) return probable;
    }
    return among.front();  // what rounding has left over
}

}  // namespace polyformer::cli
