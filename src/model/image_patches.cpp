#include "model/image_input.h"
#include "support/error.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kChannels = 3;

/// Cuts what `value` gives for each (channel, y, x) into patches.
template <class Value>
Tensor cut(const ImageInput& input, const Value& value) {
    const auto margin = static_cast<long>(input.kernel - input.patch) / 2;
    const auto height = static_cast<long>(input.height);
    const auto width = static_cast<long>(input.width);
    const std::vector<std::size_t> order = token_order(input.rows(), input.columns(), input.blocks);
    Tensor result{order.size(), input.features(), std::vector<double>(order.size() * input.features(), 0.0)};
    for (std::size_t token = 0; token < order.size(); ++token) {
        const long top = static_cast<long>(order[token] / input.columns() * input.patch) - margin;
        const long left = static_cast<long>(order[token] % input.columns() * input.patch) - margin;
        for (std::size_t feature = 0; feature < input.features(); ++feature) {
            const std::size_t place = feature % (input.kernel * input.kernel);
            const long y = top + static_cast<long>(place / input.kernel);
            const long x = left + static_cast<long>(place % input.kernel);
            if (y < 0 || x < 0 || y >= height || x >= width) continue;
            result.at(token, feature) = value(feature / (input.kernel * input.kernel), static_cast<std::size_t>(y),
                                              static_cast<std::size_t>(x));
        }
    }
    return result;
}

}  // namespace

Tensor ImageInput::patches(const Image& image) const {
    validate(*this);
    const Image pixels = resized(image, height, width);
    return cut(*this, [&](std::size_t channel, std::size_t y, std::size_t x) {
        const double value = static_cast<double>(pixels.values[(y * width + x) * kChannels + channel]) / 255;
        return (value - mean[channel]) / deviation[channel];
    });
}

Tensor ImageInput::patches(std::span<const float> planes) const {
    validate(*this);
    require(planes.size() == kChannels * height * width,
            "an image of {} values is not one of {} planes of {} × {} pixels", planes.size(), kChannels, height, width);
    return cut(*this, [&](std::size_t channel, std::size_t y, std::size_t x) {
        return static_cast<double>(planes[(channel * height + y) * width + x]);
    });
}

}  // namespace polyformer::model
