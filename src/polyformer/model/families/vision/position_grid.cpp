#include "polyformer/model/families/vision/position_grid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// Four places of a line of the old grid, and what each of them weighs.
struct Taps {
    std::array<std::size_t, 4> places{};
    std::array<double, 4> weights{};
};

/// Keys' cubic convolution at distance x.
double cubic(double x) {
    constexpr double a = -0.75;
    x = std::abs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

std::vector<Taps> taps_of(std::size_t from, std::size_t to) {
    std::vector<Taps> result(to);
    for (std::size_t i = 0; i < to; ++i) {
        const double scale = static_cast<double>(from) / static_cast<double>(to);
        const double place = (static_cast<double>(i) + 0.5) * scale - 0.5;
        const double before = std::floor(place);
        for (std::size_t k = 0; k < 4; ++k) {
            const double tap = before + static_cast<double>(k) - 1;
            result[i].places[k] = static_cast<std::size_t>(std::clamp(tap, 0.0, static_cast<double>(from - 1)));
            result[i].weights[k] = cubic(place - tap);
        }
    }
    return result;
}

}  // namespace

Matrix resized_positions(const Matrix& positions, std::size_t extra, std::size_t from, std::size_t to) {
    require(positions.rows == extra + from * from, "there are {} positions, not {} and those of a grid of {} × {}",
            positions.rows, extra, from, from);
    const std::size_t width = positions.columns;
    Matrix result{extra + to * to, width, std::vector<float>((extra + to * to) * width)};
    std::copy_n(positions.values.begin(), extra * width, result.values.begin());
    const std::vector<Taps> taps = taps_of(from, to);
    for (std::size_t place = 0; place < to * to; ++place) {
        const Taps& down = taps[place / to];
        const Taps& across = taps[place % to];
        for (std::size_t c = 0; c < width; ++c) {
            double sum = 0;
            for (std::size_t tap = 0; tap < 16; ++tap) {
                const std::size_t row = extra + down.places[tap / 4] * from + across.places[tap % 4];
                sum += down.weights[tap / 4] * across.weights[tap % 4] *
                       static_cast<double>(positions.values[row * width + c]);
            }
            result.values[(extra + place) * width + c] = static_cast<float>(sum);
        }
    }
    return result;
}

}  // namespace polyformer::model
