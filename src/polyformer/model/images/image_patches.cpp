#include "polyformer/model/images/image_input.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kChannels = 3;

}  // namespace

Tensor ImageInput::patches(const Image& image) const {
    const Image pixels = resized(image, height, width);
    const std::size_t plane = height * width;
    std::vector<float> planes(kChannels * plane);
    for (std::size_t i = 0; i < planes.size(); ++i) {
        const std::size_t channel = i / plane;
        const double value = static_cast<double>(pixels.values[i % plane * kChannels + channel]) / 255;
        planes[i] = static_cast<float>((value - mean[channel]) / deviation[channel]);
    }
    return patches(planes);
}

Tensor ImageInput::patches(std::span<const float> planes) const {
    validate(*this);
    require(planes.size() == kChannels * height * width,
            "a normalised image of {} values is given, but 3 planes of {}×{} pixels are needed", planes.size(), width,
            height);
    const auto margin = static_cast<long>(kernel - patch) / 2;
    Tensor result{tokens(), features(), std::vector<double>(tokens() * features(), 0.0)};
    const std::vector<std::size_t> order = token_order(rows(), columns(), blocks);
    for (std::size_t token = 0; token < order.size(); ++token) {
        const long top = static_cast<long>(order[token] / columns() * patch) - margin;
        const long left = static_cast<long>(order[token] % columns() * patch) - margin;
        std::size_t feature = 0;
        for (std::size_t channel = 0; channel < kChannels; ++channel) {
            for (std::size_t place = 0; place < kernel * kernel; ++place, ++feature) {
                const long y = top + static_cast<long>(place / kernel);
                const long x = left + static_cast<long>(place % kernel);
                if (y < 0 || x < 0 || y >= static_cast<long>(height) || x >= static_cast<long>(width)) continue;
                const std::size_t pixel = static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x);
                result.at(token, feature) = planes[channel * height * width + pixel];
            }
        }
    }
    return result;
}

}  // namespace polyformer::model
