#include "polyformer/trainer/descent/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/toy.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

Schedule muon_schedule() {
    Schedule schedule;
    schedule.optimizer = "muon";
    schedule.learning_rate = 1e-3;
    schedule.matrix_learning_rate = 0.05;
    schedule.weight_decay = 0.2;
    return schedule;
}

void set_gradients(const Transformer& model, std::uint64_t seed) {
    torch::manual_seed(seed);
    for (Tensor& parameter : model->parameters()) parameter.mutable_grad() = torch::randn_like(parameter);
}

// U·Vᵀ of the singular value decomposition U·Σ·Vᵀ.
Tensor nearest_orthogonal(const Tensor& x) {
    const auto [u, singular, v] = torch::linalg_svd(x, /*full_matrices=*/false);
    return torch::matmul(u, v);
}

TEST(Optimizer, OrthogonalisesMatricesOfAnyShape) {
    torch::manual_seed(3);
    for (const auto& [rows, columns] : {std::pair{24, 24}, std::pair{96, 32}, std::pair{16, 80}}) {
        const Tensor x = torch::randn({rows, columns}) * 1e-3;
        const Tensor found = orthogonalised(x);
        const Tensor singular = torch::linalg_svdvals(found);
        EXPECT_LT(singular.max().item<double>(), 1.25) << rows << "×" << columns;
        // A square random matrix has a singular value near 0, which five steps do not lift all the way.
        EXPECT_GT(singular.min().item<double>(), rows == columns ? 0 : 0.65) << rows << "×" << columns;
        const Tensor exact = nearest_orthogonal(x);
        const double cosine = ((found * exact).sum() / (found.norm() * exact.norm())).item<double>();
        EXPECT_GT(cosine, 0.95) << rows << "×" << columns;
    }
}

// The first update, from momenta of 0: 1 − 0.95² of the gradient, whose size does not count.
TEST(Optimizer, MuonTurnsMatricesAndAdamWTheRest) {
    const Transformer model = toy_model(1);
    const Transformer before = toy_model(1);
    Optimizer optimizer(*model, muon_schedule(), Precision::float32);
    set_gradients(model, 5);
    const double share = 0.5;
    optimizer.step(share);

    const double rate = share * 0.05;
    const Tensor up = model->layers[0]->up->weight;  // (F, C), taller than wide
    const double gain = std::sqrt(static_cast<double>(up.size(0)) / static_cast<double>(up.size(1)));
    const Tensor moved = (up - before->layers[0]->up->weight * (1 - rate * 0.2)) / (-rate * gain);
    EXPECT_LT((moved - orthogonalised(up.grad())).abs().max().item<double>(), 1e-3);

    // Queries, keys and values are three maps.
    const Tensor stacked = model->layers[0]->query_key_value->weight;
    const Tensor was = before->layers[0]->query_key_value->weight;
    for (std::int64_t part = 0; part < 3; ++part) {
        const Tensor update = ((stacked - was * (1 - rate * 0.2)) / -rate).chunk(3, 0)[static_cast<std::size_t>(part)];
        const Tensor gradient = stacked.grad().chunk(3, 0)[static_cast<std::size_t>(part)];
        EXPECT_LT((update - orthogonalised(gradient)).abs().max().item<double>(), 1e-3) << part;
    }

    const Tensor bias = model->layers[0]->up->bias;  // AdamW's first step is the rate, against the gradient's sign
    const Tensor step = bias - before->layers[0]->up->bias;
    EXPECT_LT((step + share * 1e-3 * bias.grad().sign()).abs().max().item<double>(), 1e-6);
    const Tensor embedding = model->tokens->weight - before->tokens->weight;  // no map: AdamW's
    EXPECT_LT(embedding.abs().max().item<double>(), 1.2 * share * 1e-3);
}

TEST(Optimizer, GoesOnFromItsArchive) {
    const Transformer model = toy_model(1);
    Optimizer optimizer(*model, muon_schedule(), Precision::float32);
    set_gradients(model, 5);
    optimizer.step(1);
    torch::serialize::OutputArchive archive;
    optimizer.save(archive);
    std::stringstream stream;
    archive.save_to(stream);

    const Transformer copy = toy_model(1);
    {
        const torch::NoGradGuard no_gradients;
        for (std::size_t i = 0; i < copy->parameters().size(); ++i) copy->parameters()[i].copy_(model->parameters()[i]);
    }
    Optimizer resumed(*copy, muon_schedule(), Precision::float32);
    torch::serialize::InputArchive read;
    read.load_from(stream);
    resumed.load(read);
    set_gradients(model, 6);
    set_gradients(copy, 6);
    optimizer.step(1);
    resumed.step(1);
    for (std::size_t i = 0; i < copy->parameters().size(); ++i) {
        EXPECT_TRUE(torch::equal(copy->parameters()[i], model->parameters()[i])) << i;
    }
}

TEST(Optimizer, LeavesAMatrixWithoutAGradientToItsDecay) {
    const Transformer model = toy_model(1);
    const Tensor before = model->layers[0]->up->weight.detach().clone();
    Optimizer optimizer(*model, muon_schedule(), Precision::float32);
    set_gradients(model, 5);
    model->layers[0]->up->weight.grad().zero_();
    optimizer.step(1);
    EXPECT_LT((model->layers[0]->up->weight - before * (1 - 0.05 * 0.2)).abs().max().item<double>(), 1e-7);
}

}  // namespace
}  // namespace polyformer::train
