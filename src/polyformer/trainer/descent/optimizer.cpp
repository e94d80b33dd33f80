#include "polyformer/trainer/descent/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

namespace polyformer::train {
namespace {

using torch::Tensor;

constexpr double momentum_decay = 0.95;

// Weights of linear maps between hidden values. The map to class scores is not one of them: each of its columns is a
// thing of its own, as each row of an embedding is.
std::vector<MovedMatrix> hidden_matrices(const Network& model) {
    std::vector<MovedMatrix> matrices;
    for (const auto& module : model.named_modules()) {
        const auto* linear = module.value()->as<torch::nn::Linear>();
        if (linear == nullptr || module.key() == "classes") continue;
        matrices.push_back(
            {linear->weight, torch::zeros_like(linear->weight), module.key().ends_with("query_key_value") ? 3 : 1});
    }
    return matrices;
}

// Weight decay pulls on matrices of maps only: on norms, biases, relative positions and the forms of attention it would
// fight what they are for.
bool decays(const std::string& name, const Tensor& parameter) {
    return parameter.dim() > 1 && name.find(".attention.") == std::string::npos &&
           !name.ends_with(".relative_positions");
}

torch::optim::AdamW adamw(const Network& model, const Schedule& schedule,
                          const std::vector<MovedMatrix>& moved_otherwise) {
    std::vector<Tensor> matrices;
    std::vector<Tensor> vectors;
    for (const auto& parameter : model.named_parameters()) {
        const auto is_this = [&](const MovedMatrix& matrix) { return matrix.weight.is_same(parameter.value()); };
        if (std::ranges::any_of(moved_otherwise, is_this)) continue;
        (decays(parameter.key(), parameter.value()) ? matrices : vectors).push_back(parameter.value());
    }
    const auto options = [&](double decay) {
        return std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions(schedule.learning_rate).betas({0.9, 0.98}).eps(1e-8).weight_decay(decay));
    };
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(matrices, options(schedule.weight_decay));
    groups.emplace_back(vectors, options(0));
    return torch::optim::AdamW(std::move(groups), torch::optim::AdamWOptions(schedule.learning_rate));
}

std::string key_of(std::size_t matrix) {
    return fmt::format("momentum_{}", matrix);
}

}  // namespace

Tensor orthogonalised(Tensor x) {
    const bool tall = x.size(0) > x.size(1);
    if (tall) x = x.t();
    x = x / x.norm();
    for (int i = 0; i < 5; ++i) {
        const Tensor square = torch::mm(x, x.t());
        x = 3.4445 * x + torch::mm(-4.7750 * square + 2.0315 * torch::mm(square, square), x);
    }
    return tall ? x.t() : x;
}

Optimizer::Optimizer(const Network& model, const Schedule& schedule, Precision precision)
    : schedule_(schedule),
      precision_(precision),
      matrices_(schedule.optimizer == "muon" ? hidden_matrices(model) : std::vector<MovedMatrix>()),
      rest_(adamw(model, schedule, matrices_)) {}

void Optimizer::zero_gradients() {
    rest_.zero_grad();
    for (MovedMatrix& matrix : matrices_) matrix.weight.mutable_grad() = Tensor();
}

void Optimizer::step(double share) {
    for (auto& group : rest_.param_groups()) {
        static_cast<torch::optim::AdamWOptions&>(group.options()).lr(share * schedule_.learning_rate);
    }
    rest_.step();
    for (MovedMatrix& matrix : matrices_) move(matrix, share * schedule_.matrix_learning_rate);
}

// All singular values of an update are about alike, so a map moves by about `rate` in every direction, and weight decay
// bounds its largest singular value.
void Optimizer::move(MovedMatrix& matrix, double rate) const {
    const torch::NoGradGuard no_gradients;
    const Tensor gradient = matrix.weight.grad();
    if (!gradient.defined()) return;
    matrix.momentum.lerp_(gradient, 1 - momentum_decay);
    matrix.weight.mul_(1 - rate * schedule_.weight_decay);
    const Tensor ahead = gradient.lerp(matrix.momentum, momentum_decay);  // Nesterov's
    const std::vector<Tensor> updates = ahead.chunk(matrix.parts, 0);
    const std::vector<Tensor> weights = matrix.weight.chunk(matrix.parts, 0);
    for (std::size_t i = 0; i < updates.size(); ++i) {
        if (!updates[i].any().item<bool>()) continue;
        const auto rows = static_cast<double>(updates[i].size(0));
        const auto columns = static_cast<double>(updates[i].size(1));
        const Tensor direction =
            orthogonalised(updates[i].to(precision_ == Precision::bfloat16 ? torch::kBFloat16 : torch::kFloat32));
        weights[i].add_(direction.to(torch::kFloat32), -rate * std::sqrt(std::max(1.0, rows / columns)));
    }
}

void Optimizer::save(torch::serialize::OutputArchive& archive) const {
    rest_.save(archive);
    for (std::size_t i = 0; i < matrices_.size(); ++i) archive.write(key_of(i), matrices_[i].momentum);
}

void Optimizer::load(torch::serialize::InputArchive& archive) {
    rest_.load(archive);
    for (std::size_t i = 0; i < matrices_.size(); ++i) {
        Tensor momentum;
        archive.read(key_of(i), momentum);
        TORCH_CHECK(momentum.sizes() == matrices_[i].momentum.sizes(), "momentum ", i, " has another shape");
        matrices_[i].momentum.copy_(momentum);
    }
}

}  // namespace polyformer::train
