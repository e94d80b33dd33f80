#include "polyformer/trainer/conversion/image_stability.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/statistics/excursions.h"

namespace polyformer::train {
namespace {

using torch::Tensor;
using Json = nlohmann::ordered_json;

constexpr std::size_t samples = 500;
constexpr std::size_t batch = 50;

struct Distortion {
    std::string name;
    std::function<Tensor(const Tensor& images)> apply;  // of values in [0, 1]
};

}  // namespace

Json measure_image_stability(Network& model, const PreparedImages& images, const Colours& colours, std::uint64_t seed) {
    torch::manual_seed(seed);
    const std::vector<Distortion> distortions = {
        {"test images", [](const Tensor& x) { return x; }},
        {"mirrored", [](const Tensor& x) { return x.flip(3); }},
        {"upside down", [](const Tensor& x) { return x.flip(2); }},
        {"in negative", [](const Tensor& x) { return 1 - x; }},
        {"in grey", [](const Tensor& x) { return x.mean(1, true).expand_as(x); }},
        {"darkened to a quarter", [](const Tensor& x) { return x / 4; }},
        {"twice the contrast", [](const Tensor& x) { return (2 * x - 0.5).clamp(0, 1); }},
        {"with noise", [](const Tensor& x) { return (x + 0.2 * torch::randn_like(x)).clamp(0, 1); }},
        {"shuffled pixels",
         [](const Tensor& x) {
             return x.flatten(2).index_select(2, torch::randperm(x.size(2) * x.size(3))).view_as(x);
         }},
        {"noise alone", [](const Tensor& x) { return torch::rand_like(x); }},
        {"black and white at random", [](const Tensor& x) { return (torch::rand_like(x) < 0.5).to(x.dtype()); }},
        {"black", [](const Tensor& x) { return torch::zeros_like(x); }},
        {"white", [](const Tensor& x) { return torch::ones_like(x); }},
    };
    const auto channels = [](const std::array<double, 3>& values) {
        return torch::tensor({values[0], values[1], values[2]}, torch::kFloat32).view({1, 3, 1, 1});
    };
    const Tensor mean = channels(colours.mean);
    const Tensor deviation = channels(colours.deviation);
    const std::size_t count = std::min(samples, images.size());
    std::vector<Tensor> originals;  // in [0, 1]
    for (std::size_t begin = 0; begin < count; begin += batch) {
        originals.push_back(plain_images(images, colours, begin, std::min(begin + batch, count)).input * deviation +
                            mean);
    }

    const torch::NoGradGuard no_gradients;
    model.eval();
    Json list = Json::array();
    for (const Distortion& distortion : distortions) {
        std::vector<Tensor> inputs;
        for (const Tensor& original : originals) {
            inputs.push_back(((distortion.apply(original) - mean) / deviation).to(model.device()));
        }
        Json entry = {{"input", distortion.name}, {"images", count}};
        entry.update(measure_excursions(model, inputs));
        double agreeing = 0;
        for (const Tensor& input : inputs) {
            check_interruption();
            const Tensor polynomial = model.forward(input).argmax(1);
            const ScopedSwitch exact(model.polynomials, false);
            agreeing += (polynomial == model.forward(input).argmax(1)).sum().item<double>();
        }
        entry["agreement"] = 100 * agreeing / static_cast<double>(count);
        list.push_back(std::move(entry));
    }
    return list;
}

}  // namespace polyformer::train
