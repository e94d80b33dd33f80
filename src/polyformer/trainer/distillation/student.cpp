#include "polyformer/trainer/distillation/student.h"

#include <cmath>
#include <limits>

#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

constexpr double sigmoid_gain = 8;
constexpr double ridge = 1e-3;  // of the mean square, so that a regression on few tokens has an answer

std::string attention_of(const model::EncoderCheckpoint& checkpoint) {
    return checkpoint.shape.attention_function.empty() ? "softmax" : checkpoint.shape.attention_function;
}

/// Of tokens alone.
Tensor relative_error(const Tensor& found, const Tensor& wanted, const Tensor& seen) {
    const Tensor right = wanted.index({seen});
    return (found.index({seen}) - right).square().mean() / right.var().clamp_min(1e-12);
}

/// log mean exp over the keys of each query: N tokens by H heads.
Tensor mean_exponentials(const Tensor& scores, const Tensor& seen) {
    const Tensor keys = seen.unsqueeze(1).unsqueeze(2);
    const Tensor sums =
        torch::logsumexp(scores.masked_fill(keys.logical_not(), -std::numeric_limits<float>::infinity()), -1);
    return (sums - keys.sum(-1).log()).transpose(1, 2).index({seen});
}

/// Normal equations of a regression with a constant.
struct Regression {
    Tensor squares;
    Tensor products;

    void add(const Tensor& x, const Tensor& y) {
        const Tensor with_one = torch::cat({x, torch::ones({x.size(0), 1}, x.options())}, 1).to(torch::kFloat64);
        const Tensor square = torch::mm(with_one.t(), with_one);
        const Tensor product = torch::mm(with_one.t(), y.to(torch::kFloat64));
        squares = squares.defined() ? squares + square : square;
        products = products.defined() ? products + product : product;
    }
    /// (features + 1, outputs), the constants last.
    Tensor solve() const {
        const Tensor damping = ridge * squares.diagonal().mean() * torch::eye(squares.size(0), squares.options());
        return torch::linalg_solve(squares + damping, products);
    }
};

}  // namespace

Student::Student(std::shared_ptr<const model::EncoderCheckpoint> checkpoint, const std::string& attention)
    : EncoderImpl(checkpoint, attention),
      teacher_(std::make_shared<EncoderImpl>(checkpoint, attention_of(*checkpoint))),
      attention_(attention) {
    teacher_->eval();
}

Student::Comparison Student::compare(const Tensor& ids, std::vector<Tensor>* site_inputs) {
    EncoderValues wanted;
    {
        const torch::NoGradGuard no_gradients;
        teacher_->to(ids.device());
        wanted = teacher_->values(ids);
    }
    const EncoderValues found = values(ids, site_inputs);
    Tensor errors = torch::zeros({}, found.embedding.options().dtype(torch::kFloat32));
    for (std::size_t i = 0; i < layers.size(); ++i) {
        errors = errors + relative_error(found.attended[i], wanted.attended[i], wanted.seen) +
                 relative_error(found.hidden[i], wanted.hidden[i], wanted.seen);
    }
    const Tensor cosine = torch::cosine_similarity(found.embedding, wanted.embedding, -1).mean();
    return {errors / static_cast<double>(2 * layers.size()) + 1 - cosine, cosine};
}

Tensor Student::loss(const Tensor& ids, const Tensor&, std::vector<Tensor>* site_inputs) {
    return compare(ids, site_inputs).loss;
}

void Student::start_pointwise(Examples& texts, std::size_t steps) {
    if (attention_ == "softmax" || attention_of(checkpoint()) != "softmax") return;
    const torch::NoGradGuard no_gradients;
    std::vector<Regression> fits(layers.size());
    for (std::size_t step = 0; step < steps; ++step) {
        check_interruption();
        const EncoderValues seen = teacher_->values(texts.at(step).input);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            const Tensor x = i == 0 ? seen.embedded : seen.hidden[i - 1];
            fits[i].add(x.index({seen.seen}), mean_exponentials(teacher_->scores(i, x), seen.seen));
        }
    }
    const bool sigmoid = attention_ == "sigmoid";
    const double gain = sigmoid ? sigmoid_gain : 1;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const Tensor fit = fits[i].solve().to(torch::kFloat32);
        const std::int64_t width = fit.size(0) - 1;
        layers[i]->shift->weight.copy_(-fit.slice(0, 0, width).t());
        layers[i]->shift->bias.copy_((sigmoid ? -std::log(gain) : 1) - fit[width]);
        layers[i]->output->weight.mul_(gain);
    }
}

Distance Student::distance(Examples& texts, std::size_t steps) {
    const torch::NoGradGuard no_gradients;
    eval();
    Distance sum;
    for (std::size_t step = 0; step < steps; ++step) {
        check_interruption();
        const Comparison found = compare(texts.at(step).input.to(device()), nullptr);
        sum.loss += found.loss.item<double>();
        sum.cosine += found.cosine.item<double>();
    }
    const auto count = static_cast<double>(steps);
    return {sum.loss / count, sum.cosine / count};
}

}  // namespace polyformer::train
