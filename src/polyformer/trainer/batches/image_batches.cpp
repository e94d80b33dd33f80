#include "polyformer/trainer/batches/image_batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <span>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/shuffle.h"
#include "polyformer/trainer/batches/strange_inputs.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

constexpr std::size_t colour_samples = 10000;  // images at most

std::int64_t signed_size(std::size_t size) {
    return static_cast<std::int64_t>(size);
}

NormalisedBytes normalisation(const Colours& colours) {
    NormalisedBytes table{};
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t v = 0; v < 256; ++v) {
            table[c][v] = static_cast<float>((static_cast<double>(v) / 255 - colours.mean[c]) / colours.deviation[c]);
        }
    }
    return table;
}

double uniform(std::mt19937_64& random) {
    return std::uniform_real_distribution<double>(0, 1)(random);
}

std::int64_t whole(std::mt19937_64& random, std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
}

// Beta(α, α).
double share_of_mix(std::mt19937_64& random, double alpha) {
    std::gamma_distribution<double> gamma(alpha, 1);
    const double a = gamma(random);
    const double b = gamma(random);
    return a + b > 0 ? a / (a + b) : 0.5;
}

struct Rectangle {
    std::int64_t top = 0, bottom = 0, left = 0, right = 0;
    std::int64_t area() const { return (bottom - top) * (right - left); }
};

// Of about this share of the area and this ratio of height to width, around a random centre, cut at the border.
Rectangle random_rectangle(std::mt19937_64& random, std::int64_t height, std::int64_t width, double share,
                           double ratio) {
    const double h = static_cast<double>(height) * std::sqrt(share * ratio);
    const double w = static_cast<double>(width) * std::sqrt(share / ratio);
    const std::int64_t y = whole(random, 0, height - 1);
    const std::int64_t x = whole(random, 0, width - 1);
    const auto half_height = static_cast<std::int64_t>(std::lround(h / 2));
    const auto half_width = static_cast<std::int64_t>(std::lround(w / 2));
    return {std::max<std::int64_t>(0, y - half_height), std::min(height, y + half_height),
            std::max<std::int64_t>(0, x - half_width), std::min(width, x + half_width)};
}

Tensor part(const Tensor& images, const Rectangle& r) {
    return images.slice(-2, r.top, r.bottom).slice(-1, r.left, r.right);
}

// Noise in place of 2 to 33 % of an image (3, H, W).
void erase_rectangle(const Tensor& image, std::mt19937_64& random) {
    const double share = 0.02 + 0.31 * uniform(random);
    const double ratio = std::exp((uniform(random) - 0.5) * 2 * std::log(3.3));
    const Tensor erased = part(image, random_rectangle(random, image.size(1), image.size(2), share, ratio));
    const auto generator = torch::make_generator<torch::CPUGeneratorImpl>(random());
    erased.normal_(0, 1, generator);
}

// Every image of the batch with the next one, in place.
void mix_images(Batch& batch, const Augmentation& augmentation, std::mt19937_64& random) {
    const bool cuts = augmentation.cutmix > 0 && (augmentation.mixup == 0 || uniform(random) < 0.5);
    const Tensor others = batch.input.roll(1, 0);
    double kept = 1 - share_of_mix(random, cuts ? augmentation.cutmix : augmentation.mixup);
    if (cuts) {
        const std::int64_t height = batch.input.size(2);
        const std::int64_t width = batch.input.size(3);
        const Rectangle r = random_rectangle(random, height, width, 1 - kept, 1);
        part(batch.input, r).copy_(part(others, r));
        kept = 1 - static_cast<double>(r.area()) / static_cast<double>(height * width);
    } else {
        batch.input = kept * batch.input + (1 - kept) * others;
    }
    batch.target = kept * batch.target + (1 - kept) * batch.target.roll(1, 0);
}

}  // namespace

Colours measure_colours(const PreparedImages& images) {
    const std::size_t step = std::max<std::size_t>(1, images.size() / colour_samples);
    const std::size_t plane = images.height * images.width;
    std::array<double, 3> sum{};
    std::array<double, 3> squares{};
    double count = 0;
    for (std::size_t i = 0; i < images.size(); i += step) {
        for (std::size_t c = 0; c < 3; ++c) {
            for (const std::uint8_t byte : images.pixels.subspan(i * images.image_bytes() + c * plane, plane)) {
                const double value = byte / 255.0;
                sum[c] += value;
                squares[c] += value * value;
            }
        }
        count += static_cast<double>(plane);
    }
    Colours colours;
    for (std::size_t c = 0; c < 3; ++c) {
        colours.mean[c] = sum[c] / count;
        const double variance = squares[c] / count - colours.mean[c] * colours.mean[c];
        colours.deviation[c] = std::max(1e-3, std::sqrt(std::max(0.0, variance)));
    }
    return colours;
}

Batch plain_images(const PreparedImages& images, const Colours& colours, std::size_t begin, std::size_t end) {
    const auto table = normalisation(colours);
    const auto count = signed_size(end - begin);
    Batch batch{torch::empty({count, 3, signed_size(images.height), signed_size(images.width)}),
                torch::empty({count}, torch::kInt64)};
    auto* out = batch.input.data_ptr<float>();
    auto* labels = batch.target.data_ptr<std::int64_t>();
    const std::size_t plane = images.height * images.width;
    for (std::size_t i = begin; i < end; ++i) {
        *labels++ = images.labels[i];
        const auto pixels = images.pixels.subspan(i * images.image_bytes(), images.image_bytes());
        for (std::size_t p = 0; p < pixels.size(); ++p) *out++ = table[p / plane][pixels[p]];
    }
    return batch;
}

ImageBatches::ImageBatches(PreparedImages images, const Colours& colours, const Augmentation& augmentation,
                           std::size_t batch, std::uint64_t seed, double strange_share)
    : images_(std::move(images)),
      bytes_(normalisation(colours)),
      augmentation_(augmentation),
      batch_(batch),
      seed_(seed),
      strange_share_(strange_share) {
    require(images_.size() >= batch_, "{} training images are fewer than a batch of {}: train with a smaller batch",
            images_.size(), batch_);
}

// What is beyond the border stays as it is in `out`.
void ImageBatches::draw(std::size_t image, const Placement& placement, float* out) const {
    const auto height = signed_size(images_.height);
    const auto width = signed_size(images_.width);
    const std::uint8_t* pixels = images_.pixels.data() + image * images_.image_bytes();
    const auto [down, across, mirrored] = placement;
    for (std::int64_t c = 0; c < 3; ++c) {
        const auto& values = bytes_[static_cast<std::size_t>(c)];
        for (std::int64_t y = std::max<std::int64_t>(0, -down); y < std::min(height, height - down); ++y) {
            const std::uint8_t* from = pixels + (c * height + y + down) * width;
            float* to = out + (c * height + y) * width;
            for (std::int64_t x = std::max<std::int64_t>(0, -across); x < std::min(width, width - across); ++x) {
                to[x] = values[from[mirrored ? width - 1 - (x + across) : x + across]];
            }
        }
    }
}

void ImageBatches::begin_epoch(std::size_t epoch) {
    if (epoch == epoch_) return;
    epoch_ = epoch;
    std::mt19937_64 random(mix(seed_, epoch));
    order_.resize(images_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    shuffle(std::span(order_), random);
}

void ImageBatches::make_some_strange(Batch& batch, std::size_t step) const {
    std::mt19937_64 random(mix(mix(seed_, 2), step));
    const auto colour = [&](std::size_t byte) {
        return torch::tensor({bytes_[0][byte], bytes_[1][byte], bytes_[2][byte]}).view({3, 1, 1});
    };
    for (std::size_t i = strange_rows(batch_, strange_share_, random); i-- > 0;) {
        const std::int64_t row = signed_size(i);
        make_strange(batch.input[row], colour(0), colour(255), random);
        batch.target[row].zero_();
    }
}

Batch ImageBatches::at(std::size_t step) {
    begin_epoch(step / steps_per_epoch());
    std::mt19937_64 random(mix(mix(seed_, 1), step));
    const auto crop = signed_size(augmentation_.crop);
    const auto count = signed_size(batch_);
    const auto classes = signed_size(images_.classes.size());
    Batch batch{
        torch::zeros({count, 3, signed_size(images_.height), signed_size(images_.width)}),
        torch::full({count, classes}, augmentation_.label_smoothing / static_cast<double>(classes), torch::kFloat32)};
    for (std::int64_t i = 0; i < count; ++i) {
        const std::size_t image = order_[(step % steps_per_epoch()) * batch_ + static_cast<std::size_t>(i)];
        Placement placement;
        placement.down = whole(random, -crop, crop);
        placement.across = whole(random, -crop, crop);
        placement.mirrored = augmentation_.flip && uniform(random) < 0.5;
        draw(image, placement, batch.input[i].data_ptr<float>());
        batch.target[i][images_.labels[image]] += 1 - augmentation_.label_smoothing;
        if (uniform(random) < augmentation_.erase_share) erase_rectangle(batch.input[i], random);
    }
    const bool mixes = augmentation_.cutmix > 0 || augmentation_.mixup > 0;
    if (mixes && uniform(random) < augmentation_.mix_share) mix_images(batch, augmentation_, random);
    make_some_strange(batch, step);
    return batch;
}

}  // namespace polyformer::train
