#include "polyformer/support/error.h"
#include "polyformer/trainer/variants/attention.h"
#include "polyformer/trainer/variants/norm.h"

namespace polyformer::train {

torch::Tensor AttentionForm::weighted_mask(const torch::Tensor&) const {
    fail("{} attention has no such mask: it divides by a sum", function());
}

std::shared_ptr<AttentionForm> make_attention(const Architecture& architecture) {
    const std::string& form = architecture.attention.form;
    if (form == "pointwise") return make_pointwise_attention(architecture);
    if (form == "softmax") return make_softmax_attention(architecture);
    if (form == "power") return make_power_attention(architecture);
    fail("no attention of the form '{}' is registered", form);
}

std::shared_ptr<Norm> make_norm(const std::string& name, std::int64_t width) {
    if (name == "layer_norm") return make_layer_norm(width);
    if (name == "rms_norm") return make_rms_norm(width);
    if (name == "batch_norm") return make_batch_norm(width);
    fail("no norm '{}' is registered", name);
}

}  // namespace polyformer::train
