// A family of vision transformers: what its config calls the sizes, what its checkpoints call the weights. One short
// source each.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/families/decoders/decoder_weights.h"

namespace polyformer::model {

/// What a config says of a vision transformer's shape.
struct VisionShape {
    DecoderShape layers;           ///< of which nothing is causal, and the vocabulary are the classes
    std::size_t image = 0;         ///< side of an image, in pixels
    std::size_t patch = 0;         ///< side of a patch, a divisor of the image's
    std::size_t extra_tokens = 1;  ///< before the patches: one for the class, one for a teacher's

    std::size_t patches() const { return (image / patch) * (image / patch); }
    std::size_t tokens() const { return extra_tokens + patches(); }
};

/// What is not part of a layer, nothing folded.
struct VisionTables {
    LinearWeights patches;  ///< (3·patch², width)
    Matrix extra;           ///< (extra tokens, width): what stands there before the first layer
    Matrix positions;       ///< (tokens, width), of all
    NormWeights final_norm;
};

/// A map from what the last norm leaves to logits, which are the sum of all such maps.
struct VisionHead {
    static constexpr std::size_t kMean = SIZE_MAX;
    std::string name;       ///< of its nodes
    std::size_t token = 0;  ///< the one that is read, or kMean: the mean of all
    LinearWeights logits;   ///< (width, classes)
};

/// Names and shapes, as functions of the config. Those that read weights throw what CheckpointWeights does.
struct VisionFamily {
    std::span<const std::string_view> model_types;    ///< as config.json has it
    std::span<const std::string_view> architectures;  ///< with logits of classes
    std::string_view prefix;                          ///< before the tensors of all but the heads
    std::span<const std::string_view> unused;         ///< beginnings of the names of tensors that change nothing
    bool any_size;  ///< whether positions are interpolated for images of another size than they were learned for
    VisionShape (*shape)(const ModelConfig&);
    VisionTables (*tables)(CheckpointWeights&, const VisionShape&);
    DecoderLayer (*layer)(CheckpointWeights&, const VisionShape&, std::size_t index);
    std::vector<VisionHead> (*heads)(CheckpointWeights&, const VisionShape&, const ModelConfig&);
};

const VisionFamily& vit_family();
const VisionFamily& deit_family();
const VisionFamily& dinov2_family();

/// The family of config.json's model_type; null where it is none of images.
const VisionFamily* find_vision_family(const ModelConfig& config);

/// What all families call alike: sizes, but for the width of the feed-forward part.
VisionShape vision_shape(const ModelConfig& config, std::size_t extra_tokens, double epsilon);
/// The map of patches, the extra tokens of those names, positions and the last norm.
VisionTables vision_tables(CheckpointWeights& weights, const VisionShape& shape,
                           std::span<const std::string_view> extra);
/// `name`.attention.{query,key,value}, with a bias or without, and `name`.output.dense.
void read_attention(CheckpointWeights& weights, const VisionShape& shape, const std::string& name, DecoderLayer& layer);

}  // namespace polyformer::model
