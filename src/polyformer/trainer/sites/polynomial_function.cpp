#include "polyformer/trainer/sites/polynomial_function.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "polyformer/trainer/sites/every_processor.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

// Chebyshev coefficients of dp/dx over the same interval: d_{k−1} = d_{k+1} + 2k·c_k, d_0 halved.
std::vector<double> derivative(const model::Polynomial& polynomial) {
    const std::vector<double>& c = polynomial.coefficients;
    std::vector<double> d(c.size() + 1, 0.0);
    for (std::size_t k = c.size(); k-- > 1;) d[k - 1] = d[k + 1] + 2.0 * static_cast<double>(k) * c[k];
    d[0] /= 2;
    for (double& value : d) value *= 2 / (polynomial.upper - polynomial.lower);
    return d;
}

// u = scale·x + shift lies in [−1, 1] on the interval.
template <class T>
struct Series {
    T scale;
    T shift;
    std::vector<T> coefficients;
};

constexpr std::int64_t block = 64;  // elements that go through the recurrence side by side, in registers

template <class T>
inline void clenshaw(const Series<T>& series, const T* x, T* y, std::int64_t count) {
    const T* c = series.coefficients.data();
    const auto degree = static_cast<std::int64_t>(series.coefficients.size()) - 1;
    for (std::int64_t first = 0; first < count; first += block) {
        const std::int64_t width = std::min(block, count - first);
        T u[block] = {};
        T next[block] = {};
        T after[block] = {};
        for (std::int64_t i = 0; i < width; ++i) u[i] = series.scale * x[first + i] + series.shift;
        for (std::int64_t k = degree; k > 0; --k) {
            for (std::int64_t i = 0; i < block; ++i) {
                const T current = 2 * u[i] * next[i] - after[i] + c[k];
                after[i] = next[i];
                next[i] = current;
            }
        }
        for (std::int64_t i = 0; i < width; ++i) y[first + i] = u[i] * next[i] - after[i] + c[0];
    }
}

POLYFORMER_EVERY_PROCESSOR
void clenshaw_float(const Series<float>& series, const float* x, float* y, std::int64_t count) {
    clenshaw(series, x, y, count);
}

POLYFORMER_EVERY_PROCESSOR
void clenshaw_double(const Series<double>& series, const double* x, double* y, std::int64_t count) {
    clenshaw(series, x, y, count);
}

template <class T>
Tensor evaluate_in_memory(const Tensor& x, double scale, double shift, const std::vector<double>& coefficients) {
    Series<T> series{static_cast<T>(scale), static_cast<T>(shift), {}};
    for (const double c : coefficients) series.coefficients.push_back(static_cast<T>(c));
    const Tensor dense = x.contiguous();
    Tensor y = torch::empty_like(dense);
    const T* in = dense.data_ptr<T>();
    T* out = y.data_ptr<T>();
    at::parallel_for(0, dense.numel(), std::int64_t{1} << 15, [&](std::int64_t begin, std::int64_t end) {
        if constexpr (std::is_same_v<T, float>) {
            clenshaw_float(series, in + begin, out + begin, end - begin);
        } else {
            clenshaw_double(series, in + begin, out + begin, end - begin);
        }
    });
    return y;
}

Tensor evaluate_on_device(const Tensor& x, double scale, double shift, const std::vector<double>& coefficients) {
    const Tensor u = x.mul(scale).add_(shift);
    Tensor next = torch::zeros_like(u);
    Tensor after = torch::zeros_like(u);
    for (std::size_t k = coefficients.size(); k-- > 1;) {
        Tensor current = torch::addcmul(after.neg_().add_(coefficients[k]), u, next, 2);
        after = std::exchange(next, std::move(current));
    }
    return torch::addcmul(after.neg_().add_(coefficients[0]), u, next);
}

Tensor evaluate(const Tensor& x, double lower, double upper, std::vector<double> coefficients) {
    if (coefficients.empty()) coefficients.push_back(0);
    const double scale = 2 / (upper - lower);
    const double shift = -(upper + lower) / (upper - lower);
    if (x.device().is_cpu() && x.scalar_type() == torch::kFloat32)
        return evaluate_in_memory<float>(x, scale, shift, coefficients);
    if (x.device().is_cpu() && x.scalar_type() == torch::kFloat64)
        return evaluate_in_memory<double>(x, scale, shift, coefficients);
    // A narrow type (bfloat16 of mixed precision) would lose the recurrence's cancellations.
    return evaluate_on_device(x.to(torch::kFloat32), scale, shift, coefficients);
}

// Keeps only x for the backward pass, where the graph of a recurrence would keep every step.
struct PolynomialFunction : torch::autograd::Function<PolynomialFunction> {
    static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, double lower, double upper,
                          std::vector<double> coefficients) {
        context->save_for_backward({x});
        const model::Polynomial polynomial{lower, upper, std::move(coefficients)};
        context->saved_data["lower"] = lower;
        context->saved_data["upper"] = upper;
        context->saved_data["derivative"] = derivative(polynomial);
        return evaluate(x, lower, upper, polynomial.coefficients);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const Tensor x = context->get_saved_variables()[0];
        const Tensor slope =
            evaluate(x, context->saved_data["lower"].toDouble(), context->saved_data["upper"].toDouble(),
                     context->saved_data["derivative"].toDoubleVector());
        return {(gradients[0] * slope).to(x.scalar_type()), Tensor(), Tensor(), Tensor()};
    }
};

}  // namespace

Tensor evaluate_polynomial(const model::Polynomial& polynomial, const Tensor& x) {
    return PolynomialFunction::apply(x, polynomial.lower, polynomial.upper, polynomial.coefficients);
}

}  // namespace polyformer::train
