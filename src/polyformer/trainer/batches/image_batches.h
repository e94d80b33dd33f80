// Which images a training step sees, and how they are varied.
#pragma once

#include <torch/torch.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyformer/train/configuration/vision_architecture.h"
#include "polyformer/train/data/prepared_images.h"
#include "polyformer/trainer/batches/examples.h"

namespace polyformer::train {

/// Mean and standard deviation of red, green and blue, of values in [0, 1].
struct Colours {
    std::array<double, 3> mean{};
    std::array<double, 3> deviation{};
};

/// What a byte of each channel is to the network.
using NormalisedBytes = std::array<std::array<float, 256>, 3>;

/// Over all images, or an even sample of a large set; the same for the same images.
Colours measure_colours(const PreparedImages& images);

/// Images begin..end−1 as they are, normalised: input (B, 3, H, W), target (B) classes.
Batch plain_images(const PreparedImages& images, const Colours& colours, std::size_t begin, std::size_t end);

/// Images in an order that changes with the epoch, moved, mirrored, mixed and erased as the augmentation says; targets
/// are probabilities of classes, (B, classes). What is beyond a moved image's border is the mean colour. A share of
/// them is made strange (batches/strange_inputs.h), and of no class.
class ImageBatches : public Examples {
  public:
    /// Throws Error when there are fewer images than one batch takes.
    ImageBatches(PreparedImages images, const Colours& colours, const Augmentation& augmentation, std::size_t batch,
                 std::uint64_t seed, double strange_share = 0);

    std::size_t steps_per_epoch() const override { return images_.size() / batch_; }
    Batch at(std::size_t step) override;
    const char* unit() const override { return "images"; }
    std::size_t units_per_batch() const override { return batch_; }

  private:
    struct Placement {
        std::int64_t down = 0;  ///< in pixels
        std::int64_t across = 0;
        bool mirrored = false;
    };
    void draw(std::size_t image, const Placement& placement, float* out) const;
    void begin_epoch(std::size_t epoch);
    void make_some_strange(Batch& batch, std::size_t step) const;

    PreparedImages images_;
    NormalisedBytes bytes_;
    Augmentation augmentation_;
    std::size_t batch_;
    std::uint64_t seed_;
    double strange_share_;
    std::size_t epoch_ = SIZE_MAX;  // whose order `order_` holds
    std::vector<std::size_t> order_;
};

}  // namespace polyformer::train
