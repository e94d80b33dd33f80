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
        predictions += static_cast<double>(logits.numel() / logits.size(-1));
    }
    return nats / predictions;
}

}  // namespace polyformer::train
