// Inputs that are unlike any text or picture, for training to keep their values within the intervals, too: a model that
// never saw one token said sixty times answers it from outside its polynomials' intervals, with numbers that mean
// nothing.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace polyformer::train {

/// What is to be learned from a strange row: nothing, cross_entropy() leaves such targets out.
inline constexpr std::int64_t kNoTarget = -100;

/// Replaces a row of a text's tokens: by one of them repeated, two in turn or a few as a refrain, by the same tokens in
/// any order, by random tokens or random ones that lie close together (a script, digits, signs), or from some place on
/// by one token.
void make_strange(std::span<std::int64_t> tokens, std::size_t vocabulary, std::mt19937_64& random);

/// How many of a batch's rows are to be strange, so that on average `share` of all are; never all of them, for a loss
/// over no row is not a number.
std::size_t strange_rows(std::size_t batch, double share, std::mt19937_64& random);

/// Replaces a normalised image (3, H, W): by itself with twice the contrast, its negative, random pixels, random pixels
/// of full red, green and blue or none, or one colour. `black` and `white` are (3, 1, 1), normalised, too.
void make_strange(const torch::Tensor& image, const torch::Tensor& black, const torch::Tensor& white,
                  std::mt19937_64& random);

}  // namespace polyformer::train
