#include "polyformer/trainer/descent/loss.h"

#include "polyformer/train/process/interruption.h"

namespace polyformer::train {

using torch::Tensor;

double mean_loss(Network& model, const std::vector<Batch>& blocks) {
    const torch::NoGradGuard no_gradients;
    model.eval();
    double nats = 0;
    double predictions = 0;
    for (const Batch& block : blocks) {
        check_interruption();
        const Batch there = block.to(model.device());
        const Tensor logits = model.forward(there.input);
        nats += cross_entropy(logits, there.target, torch::kSum).item<double>();
        const Tensor asked = there.target.dim() == logits.dim() ? there.target.sum(-1).gt(0) : there.target.ge(0);
        predictions += asked.sum().item<double>();
    }
    return nats / predictions;
}

}  // namespace polyformer::train
