// Tensors of LibTorch as the plain weights that model/ knows.
#pragma once

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/trainer/network/network.h"
#include "polyformer/trainer/variants/norm.h"

namespace polyformer::train {

std::vector<float> floats_of(const torch::Tensor& tensor);
/// (rows, columns).
model::Matrix matrix_of(const torch::Tensor& tensor);
/// LibTorch keeps (C_out, C_in).
model::LinearWeights linear_of(const torch::Tensor& weight, const torch::Tensor& bias);
model::NormWeights norm_of(const Norm& norm);

/// Polynomials by the names of their sites. Throws Error when a site has none yet.
std::map<std::string, model::Polynomial> polynomials_of(const Network& model);

}  // namespace polyformer::train
