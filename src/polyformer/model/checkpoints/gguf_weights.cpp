#include "polyformer/model/checkpoints/gguf_weights.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "polyformer/model/checkpoints/gguf_config.h"
#include "polyformer/model/gguf/gguf_file.h"
#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

using Renaming = std::pair<std::string_view, std::string_view>;

constexpr std::array<Renaming, 3> kWholeModel = {
    {{"token_embd.", "model.embed_tokens."}, {"output_norm.", "model.norm."}, {"output.", "lm_head."}}};
constexpr std::array<Renaming, 9> kLayer = {{{"attn_norm.", "input_layernorm."},
                                             {"attn_q.", "self_attn.q_proj."},
                                             {"attn_k.", "self_attn.k_proj."},
                                             {"attn_v.", "self_attn.v_proj."},
                                             {"attn_output.", "self_attn.o_proj."},
                                             {"ffn_norm.", "post_attention_layernorm."},
                                             {"ffn_gate.", "mlp.gate_proj."},
                                             {"ffn_up.", "mlp.up_proj."},
                                             {"ffn_down.", "mlp.down_proj."}}};

std::optional<std::string> renamed(std::string_view name, std::span<const Renaming> table) {
    for (const auto& [theirs, ours] : table) {
        if (name.starts_with(theirs)) return std::string(ours) + std::string(name.substr(theirs.size()));
    }
    return std::nullopt;
}

std::string hugging_face_name(const std::string& name) {
    constexpr std::string_view kBlock = "blk.";
    const std::size_t dot = name.find('.', kBlock.size());
    if (!name.starts_with(kBlock) || dot == std::string::npos) return renamed(name, kWholeModel).value_or(name);
    const std::optional<std::string> part = renamed(std::string_view(name).substr(dot + 1), kLayer);
    return part ? "model.layers." + name.substr(kBlock.size(), dot + 1 - kBlock.size()) + *part : name;
}

/// Rows (or, of a bias, entries) of each head: from 0, w/2, 1, w/2 + 1, ... to 0, 1, 2, ...
FloatTensor with_halves(const FloatTensor& tensor, std::size_t heads) {
    const std::size_t head = tensor.shape[0] / heads;
    const std::size_t row = tensor.values.size() / tensor.shape[0];
    FloatTensor result{.shape = tensor.shape, .values = std::vector<float>(tensor.values.size())};
    for (std::size_t i = 0; i < tensor.shape[0]; ++i) {
        const std::size_t feature = i % head;
        const std::size_t place = i - feature + feature / 2 + feature % 2 * (head / 2);
        std::copy_n(&tensor.values[i * row], row, &result.values[place * row]);
    }
    return result;
}

class GgufSource : public WeightSource {
  public:
    explicit GgufSource(const std::filesystem::path& path) : file_(path), heads_(gguf_heads(file_)) {
        for (const auto& [name, tensor] : file_.tensors()) {
            if (name == kRotaryFactors) continue;  // part of the config
            const std::string ours = hugging_face_name(name);
            const auto [found, fresh] = names_.emplace(ours, name);
            require<FormatError>(fresh, "{}: tensors '{}' and '{}' are the same weight", file_.label(),
                                 printable(found->second), printable(name));
            shapes_.emplace(ours, tensor.shape);
        }
    }

    const Shapes& shapes() const override { return shapes_; }

    FloatTensor read(const std::string& name) const override {
        const auto found = names_.find(name);
        require(found != names_.end(), "{}: there is no tensor '{}'", file_.label(), printable(name));
        FloatTensor tensor = file_.read(found->second);
        const bool query = name.find(".self_attn.q_proj.") != std::string::npos;
        const bool key = name.find(".self_attn.k_proj.") != std::string::npos;
        if (!query && !key) return tensor;
        const std::size_t heads = query ? heads_.query : heads_.key;
        require<FormatError>(tensor.shape[0] % (2 * heads) == 0,
                             "{}: tensor '{}' has {} rows, which {} heads of an even width cannot share", file_.label(),
                             printable(found->second), tensor.shape[0], heads);
        return with_halves(tensor, heads);
    }

  private:
    GgufFile file_;
    GgufHeads heads_;
    std::map<std::string, std::string> names_;  ///< ours and the file's
    Shapes shapes_;
};

}  // namespace

std::unique_ptr<WeightSource> open_gguf_weights(const std::filesystem::path& file) {
    return std::make_unique<GgufSource>(file);
}

}  // namespace polyformer::model
