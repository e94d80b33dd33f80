#include "polyformer/trainer/batches/image_batches.h"

#include <gtest/gtest.h>

#include <set>

#include "polyformer/support/error.h"
#include "tests/trainer/toy_images.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

constexpr Augmentation nothing{
    .crop = 0, .flip = false, .mix_share = 0, .cutmix = 0, .mixup = 0, .erase_share = 0, .label_smoothing = 0};

// Every pixel of every image different, so that one can tell what became of it.
PreparedImages counting(std::size_t count) {
    PreparedImages images = toy_images(count, 1);
    auto pixels = std::make_shared<std::vector<std::uint8_t>>(images.pixels.begin(), images.pixels.end());
    for (std::size_t i = 0; i < pixels->size(); ++i) (*pixels)[i] = static_cast<std::uint8_t>(mix(9, i));
    images.pixels = *pixels;
    images.owner =
        std::make_shared<std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>>(images.owner, pixels);
    return images;
}

TEST(ImageBatches, MeasureColours) {
    const PreparedImages images = counting(500);
    const Colours colours = measure_colours(images);
    for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_NEAR(colours.mean[c], 0.5, 0.01);  // of uniform bytes
        EXPECT_NEAR(colours.deviation[c], 0.2895, 0.01);
    }
    const Tensor plain = plain_images(images, colours, 0, 500).input;
    EXPECT_NEAR(plain.mean().item<double>(), 0, 1e-3);
    EXPECT_NEAR(plain.std().item<double>(), 1, 1e-3);
}

TEST(ImageBatches, WithoutAugmentationAreTheImagesOnceAnEpoch) {
    const PreparedImages images = counting(40);
    const Colours colours = measure_colours(images);
    const Batch all = plain_images(images, colours, 0, 40);
    ImageBatches batches(images, colours, nothing, 8, 3);
    ASSERT_EQ(batches.steps_per_epoch(), 5U);
    std::set<std::int64_t> seen;
    for (std::size_t step = 0; step < 5; ++step) {
        const Batch batch = batches.at(step);
        for (std::int64_t i = 0; i < 8; ++i) {
            const Tensor equal = (all.input == batch.input[i]).flatten(1).all(1);
            ASSERT_EQ(equal.sum().item<std::int64_t>(), 1);
            const auto index = equal.nonzero().item<std::int64_t>();
            seen.insert(index);
            EXPECT_EQ(batch.target[i].argmax().item<std::int64_t>(), all.target[index].item<std::int64_t>());
            EXPECT_EQ(batch.target[i].max().item<float>(), 1);
        }
    }
    EXPECT_EQ(seen.size(), 40U);
}

TEST(ImageBatches, MakesAShareOfThemStrangeAndOfNoClass) {
    const PreparedImages images = counting(40);
    const Colours colours = measure_colours(images);
    ImageBatches plain(images, colours, nothing, 8, 3);
    ImageBatches batches(images, colours, nothing, 8, 3, 0.25);
    std::int64_t strange = 0;
    for (std::size_t step = 0; step < 50; ++step) {
        const Batch batch = batches.at(step);
        const Batch same = plain.at(step);
        for (std::int64_t i = 0; i < 8; ++i) {
            const bool of_no_class = batch.target[i].sum().item<float>() == 0;
            strange += of_no_class ? 1 : 0;
            EXPECT_EQ(torch::equal(batch.target[i], same.target[i]), !of_no_class);
            EXPECT_TRUE(of_no_class || torch::equal(batch.input[i], same.input[i]));
        }
    }
    EXPECT_NEAR(static_cast<double>(strange), 100, 20);
}

TEST(ImageBatches, DependOnSeedAndStepAlone) {
    const PreparedImages images = counting(40);
    const Colours colours = measure_colours(images);
    const Augmentation everything{
        .crop = 2, .flip = true, .mix_share = 1, .cutmix = 1, .mixup = 1, .erase_share = 0.5, .label_smoothing = 0.1};
    ImageBatches one(images, colours, everything, 8, 3);
    ImageBatches same(images, colours, everything, 8, 3);
    ImageBatches other(images, colours, everything, 8, 4);
    for (std::size_t step = 0; step < 11; ++step) static_cast<void>(one.at(step));
    EXPECT_TRUE(torch::equal(one.at(7).input, same.at(7).input));
    EXPECT_TRUE(torch::equal(one.at(7).target, same.at(7).target));
    EXPECT_FALSE(torch::equal(one.at(7).input, other.at(7).input));
    EXPECT_FALSE(torch::equal(one.at(2).input, one.at(7).input));  // another order in the next epoch
}

TEST(ImageBatches, MoveAndMirror) {
    const PreparedImages images = counting(1);
    const Colours colours = measure_colours(images);
    const Tensor original = plain_images(images, colours, 0, 1).input[0];
    Augmentation moves = nothing;
    moves.crop = 2;
    moves.flip = true;
    ImageBatches batches(images, colours, moves, 1, 3);
    bool mirrored = false;
    std::set<std::pair<std::int64_t, std::int64_t>> shifts;
    const Tensor padded = torch::constant_pad_nd(original, {2, 2, 2, 2}, 0);
    for (std::size_t step = 0; step < 200; ++step) {
        const Tensor image = batches.at(step).input[0];
        bool found = false;
        for (std::int64_t y = 0; y <= 4; ++y) {
            for (std::int64_t x = 0; x <= 4; ++x) {
                const Tensor moved = padded.slice(1, y, y + 8).slice(2, x, x + 8);
                const bool straight = torch::equal(image, moved);
                const bool turned = torch::equal(
                    image,
                    torch::constant_pad_nd(original.flip(2), {2, 2, 2, 2}, 0).slice(1, y, y + 8).slice(2, x, x + 8));
                if (!straight && !turned) continue;
                found = true;
                mirrored = mirrored || turned;
                shifts.insert({y, x});
            }
        }
        ASSERT_TRUE(found) << step;
    }
    EXPECT_TRUE(mirrored);
    EXPECT_EQ(shifts.size(), 25U);
}

TEST(ImageBatches, MixTargetsLikePixels) {
    PreparedImages images = toy_images(16, 1);
    const Colours colours{.mean = {0, 0, 0}, .deviation = {1, 1, 1}};
    // Each image all of one shade, so that what was mixed in can be counted: its label and shade are its index.
    auto data = std::make_shared<std::pair<std::vector<std::uint16_t>, std::vector<std::uint8_t>>>();
    images.classes.clear();
    for (std::size_t i = 0; i < 16; ++i) {
        images.classes.push_back(std::to_string(i));
        data->first.push_back(static_cast<std::uint16_t>(i));
        data->second.insert(data->second.end(), 192, static_cast<std::uint8_t>(17 * i));
    }
    images.labels = data->first;
    images.pixels = data->second;
    images.owner = data;
    const Tensor shades = torch::arange(16) * (17 / 255.0);
    for (const bool cuts : {true, false}) {
        Augmentation mixes = nothing;
        mixes.mix_share = 1;
        mixes.label_smoothing = 0.2;
        (cuts ? mixes.cutmix : mixes.mixup) = 1;
        ImageBatches batches(images, colours, mixes, 16, 3);
        for (std::size_t step = 0; step < 20; ++step) {
            const Batch batch = batches.at(step);
            EXPECT_TRUE(torch::allclose(batch.target.sum(1), torch::ones({16}), 1e-5, 1e-5));
            // The mean shade of the pixels is the targets' mean shade, smoothing apart.
            const Tensor wanted = torch::matmul((batch.target - 0.2 / 16) / 0.8, shades);
            EXPECT_TRUE(torch::allclose(batch.input.mean({1, 2, 3}), wanted, 1e-3, 1e-3)) << (cuts ? "cut" : "mixed");
        }
    }
}

TEST(ImageBatches, EraseParts) {
    const PreparedImages images = counting(8);
    const Colours colours = measure_colours(images);
    const Tensor plain = plain_images(images, colours, 0, 8).input;
    Augmentation erases = nothing;
    erases.erase_share = 1;
    ImageBatches batches(images, colours, erases, 8, 3);
    double changed = 0;
    for (std::size_t step = 0; step < 20; ++step) {
        const Tensor input = batches.at(step).input;
        for (std::int64_t i = 0; i < 8; ++i) {
            changed += (plain != input[i]).flatten(1).to(torch::kFloat64).mean(1).min().item<double>() / 160;
        }
    }
    EXPECT_GT(changed, 0.05);  // of the area, on the average
    EXPECT_LT(changed, 0.35);
}

TEST(ImageBatches, RefuseFewerImagesThanABatch) {
    const PreparedImages images = counting(7);
    EXPECT_THROW(ImageBatches(images, measure_colours(images), nothing, 8, 1), Error);
}

}  // namespace
}  // namespace polyformer::train
