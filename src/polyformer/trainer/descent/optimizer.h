// What turns gradients into updates: AdamW for every weight, or for all but the matrices of linear maps, which Muon
// moves.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "polyformer/train/configuration/config.h"
#include "polyformer/trainer/descent/precision.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// The nearest matrix with orthonormal rows or columns, roughly: its singular values lie in [0.7, 1.2], where five
/// Newton-Schulz steps of a quintic (Jordan et al., "Muon", 2024) lift all but tiny ones. x (rows, columns), in
/// the precision that the products are to have; not all zero.
torch::Tensor orthogonalised(torch::Tensor x);

/// A weight that Muon moves.
struct MovedMatrix {
    torch::Tensor weight;
    torch::Tensor momentum;
    std::int64_t parts = 1;  ///< stacked in its rows, each a map of its own
};

/// One for each stage: its momenta are part of the stage's checkpoint.
class Optimizer {
  public:
    /// Keeps the model's parameters, which must stay where they are.
    Optimizer(const Network& model, const Schedule& schedule, Precision precision);

    void zero_gradients();
    /// An update with all rates at `share` of the schedule's.
    void step(double share);

    void save(torch::serialize::OutputArchive& archive) const;
    /// Throws c10::Error for an archive of another optimiser or another model.
    void load(torch::serialize::InputArchive& archive);

  private:
    void move(MovedMatrix& matrix, double rate) const;

    Schedule schedule_;
    Precision precision_;
    std::vector<MovedMatrix> matrices_;
    torch::optim::AdamW rest_;
};

}  // namespace polyformer::train
