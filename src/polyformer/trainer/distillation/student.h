// An encoder that learns from another what to make of texts: attention outputs and hidden states layer by layer, then
// the texts' vectors.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/trainer/batches/examples.h"
#include "polyformer/trainer/distillation/encoder.h"

namespace polyformer::train {

/// How far the student is from its teacher.
struct Distance {
    double loss = 0;    ///< as loss() has it
    double cosine = 0;  ///< the mean cosine between their vectors of a text
};

class Student : public EncoderImpl {
  public:
    /// Has the teacher's weights at first. The teacher is no part of the student's parameters or checkpoints.
    Student(std::shared_ptr<const model::EncoderCheckpoint> checkpoint, const std::string& attention);

    /// The mean over layers of the squared errors of attention outputs and of hidden states, each over the teacher's
    /// variance, and 1 − the mean cosine of the texts' vectors. `target` is not read.
    torch::Tensor loss(const torch::Tensor& ids, const torch::Tensor& target,
                       std::vector<torch::Tensor>* site_inputs) override;

    /// Of a student with pointwise attention whose teacher has softmax: σ begins as near to the softmax as it can. Its
    /// shifts become minus the logarithms of the mean exponential, as a linear map predicts these best on `steps`
    /// batches; 8·sigmoid(x − log 8) then follows e^x up to weights of about 8/L, GELU(1 + x) its tangent.
    void start_pointwise(Examples& texts, std::size_t steps);

    Distance distance(Examples& texts, std::size_t steps);

    EncoderImpl& teacher() { return *teacher_; }

  private:
    /// loss() and the mean cosine, both differentiable.
    struct Comparison {
        torch::Tensor loss;
        torch::Tensor cosine;
    };
    Comparison compare(const torch::Tensor& ids, std::vector<torch::Tensor>* site_inputs);

    std::shared_ptr<EncoderImpl> teacher_;
    std::string attention_;
};

}  // namespace polyformer::train
