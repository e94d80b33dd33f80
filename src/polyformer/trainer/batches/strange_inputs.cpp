#include "polyformer/trainer/batches/strange_inputs.h"

#include <algorithm>

#include "polyformer/support/shuffle.h"

namespace polyformer::train {
namespace {

constexpr std::size_t kLongestRefrain = 8;
constexpr std::size_t kNeighbours = 64;  // ids of a script or of signs often lie this close together

/// Below `count`, which is not 0.
std::size_t below(std::size_t count, std::mt19937_64& random) {
    return random() % count;
}

void repeat(std::span<std::int64_t> tokens, std::size_t period) {
    for (std::size_t i = period; i < tokens.size(); ++i) tokens[i] = tokens[i - period];
}

}  // namespace

void make_strange(std::span<std::int64_t> tokens, std::size_t vocabulary, std::mt19937_64& random) {
    if (tokens.empty()) return;
    const auto any = [&] { return static_cast<std::int64_t>(below(vocabulary, random)); };
    switch (random() % 8) {
        case 0:  // one that texts have
            tokens[0] = tokens[below(tokens.size(), random)];
            return repeat(tokens, 1);
        case 1:  // or hardly have
            tokens[0] = any();
            return repeat(tokens, 1);
        case 2:
            for (std::size_t i = 0; i < std::min<std::size_t>(2, tokens.size()); ++i) tokens[i] = any();
            return repeat(tokens, 2);
        case 3:
            return repeat(tokens,
                          std::clamp<std::size_t>(tokens.size() / 2, 1, 3 + below(kLongestRefrain - 2, random)));
        case 4:
            return shuffle(tokens, random);
        case 5:
            for (std::int64_t& token : tokens) token = any();
            return;
        case 6: {
            const std::size_t count = std::min(kNeighbours, vocabulary);
            const std::size_t first = below(vocabulary - count + 1, random);
            for (std::int64_t& token : tokens) token = static_cast<std::int64_t>(first + below(count, random));
            return;
        }
        default: {
            const std::size_t begin = below((tokens.size() + 1) / 2, random);
            tokens[begin] = any();
            return repeat(tokens.subspan(begin), 1);
        }
    }
}

std::size_t strange_rows(std::size_t batch, double share, std::mt19937_64& random) {
    if (share <= 0 || batch == 0) return 0;
    const double draw = std::uniform_real_distribution<double>(0, 1)(random);
    const double wanted = share * static_cast<double>(batch) + draw;
    return std::min(static_cast<std::size_t>(wanted), batch - 1);
}

void make_strange(const torch::Tensor& image, const torch::Tensor& black, const torch::Tensor& white,
                  std::mt19937_64& random) {
    const auto generator = torch::make_generator<torch::CPUGeneratorImpl>(random());
    const torch::Tensor range = white - black;
    switch (random() % 5) {
        case 0:  // around medium grey
            image.mul_(2).sub_((black + white) / 2);
            image.copy_(image.minimum(white).maximum(black));
            return;
        case 1:
            image.copy_(black + white - image);
            return;
        case 2:
            image.uniform_(0, 1, generator).mul_(range).add_(black);
            return;
        case 3:
            image.bernoulli_(0.5, generator).mul_(range).add_(black);
            return;
        default:
            image.copy_((black + torch::empty({3, 1, 1}).uniform_(0, 1, generator) * range).expand_as(image));
    }
}

}  // namespace polyformer::train
