#include "polyformer/trainer/sites/squared_excess.h"

#include <algorithm>
#include <cstdint>

#include "polyformer/trainer/sites/every_processor.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

constexpr std::int64_t block = 1 << 12;  // values added up in single precision before double takes over

template <class T>
inline float excess_of(T x, float lower, float upper) {
    const auto value = static_cast<float>(x);
    return value - std::clamp(value, lower, upper);
}

template <class T>
inline double sum_of_squares(const T* x, std::int64_t count, float lower, float upper) {
    double total = 0;
    for (std::int64_t first = 0; first < count; first += block) {
        constexpr int lanes = 16;
        float sums[lanes] = {};
        const std::int64_t last = std::min(count, first + block);
        std::int64_t i = first;
        for (; i + lanes <= last; i += lanes) {
            for (int j = 0; j < lanes; ++j) {
                const float excess = excess_of(x[i + j], lower, upper);
                sums[j] += excess * excess;
            }
        }
        for (; i < last; ++i) {
            const float excess = excess_of(x[i], lower, upper);
            sums[0] += excess * excess;
        }
        for (const float sum : sums) total += static_cast<double>(sum);
    }
    return total;
}

template <class T>
inline void scaled_excess(const T* x, T* y, std::int64_t count, float lower, float upper, float factor) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<T>(factor * excess_of(x[i], lower, upper));
}

POLYFORMER_EVERY_PROCESSOR
double sum_of_squares_float(const float* x, std::int64_t count, float lower, float upper) {
    return sum_of_squares(x, count, lower, upper);
}

POLYFORMER_EVERY_PROCESSOR
double sum_of_squares_narrow(const c10::BFloat16* x, std::int64_t count, float lower, float upper) {
    return sum_of_squares(x, count, lower, upper);
}

POLYFORMER_EVERY_PROCESSOR
void scaled_excess_float(const float* x, float* y, std::int64_t count, float lower, float upper, float factor) {
    scaled_excess(x, y, count, lower, upper, factor);
}

POLYFORMER_EVERY_PROCESSOR
void scaled_excess_narrow(const c10::BFloat16* x, c10::BFloat16* y, std::int64_t count, float lower, float upper,
                          float factor) {
    scaled_excess(x, y, count, lower, upper, factor);
}

// A sum over the tensor's values in whatever order they lie, so that no copy is made of one that is dense.
bool here(const Tensor& x) {
    return x.is_cpu() && x.is_contiguous() &&
           (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
}

struct SquaredExcess : torch::autograd::Function<SquaredExcess> {
    static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, double lower, double upper) {
        context->save_for_backward({x});
        context->saved_data["lower"] = lower;
        context->saved_data["upper"] = upper;
        if (!here(x)) {
            const Tensor exact = x.to(torch::kFloat32);
            return (exact - exact.clamp(lower, upper)).square().sum();
        }
        const auto l = static_cast<float>(lower);
        const auto u = static_cast<float>(upper);
        const double sum = x.scalar_type() == torch::kFloat32
                               ? sum_of_squares_float(x.data_ptr<float>(), x.numel(), l, u)
                               : sum_of_squares_narrow(x.data_ptr<c10::BFloat16>(), x.numel(), l, u);
        return torch::tensor(sum, torch::kFloat32);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const Tensor x = context->get_saved_variables()[0];
        const double lower = context->saved_data["lower"].toDouble();
        const double upper = context->saved_data["upper"].toDouble();
        if (!here(x)) {
            const Tensor exact = x.to(torch::kFloat32);
            return {((exact - exact.clamp(lower, upper)) * (2 * gradients[0])).to(x.scalar_type()), Tensor(), Tensor()};
        }
        Tensor slope = torch::empty_like(x);
        const auto l = static_cast<float>(lower);
        const auto u = static_cast<float>(upper);
        const float factor = 2 * gradients[0].item<float>();
        if (x.scalar_type() == torch::kFloat32) {
            scaled_excess_float(x.data_ptr<float>(), slope.data_ptr<float>(), x.numel(), l, u, factor);
        } else {
            scaled_excess_narrow(x.data_ptr<c10::BFloat16>(), slope.data_ptr<c10::BFloat16>(), x.numel(), l, u, factor);
        }
        return {slope, Tensor(), Tensor()};
    }
};

}  // namespace

Tensor squared_excess(const Tensor& x, double lower, double upper) {
    return SquaredExcess::apply(x, lower, upper);
}

}  // namespace polyformer::train
