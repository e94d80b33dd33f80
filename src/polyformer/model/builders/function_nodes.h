// Nodes for what is no polynomial yet: softmax, norms and activations as they are, under the names of their functions.
#pragma once

#include <cstddef>
#include <string>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// A node that names its function and has a placeholder for its polynomial.
NodeId append_function(Graph& graph, std::string name, NodeId input, std::string function);

/// What an attention reads.
struct SoftmaxInputs {
    NodeId query = 0;       ///< (T, H·w)
    NodeId key = 0;         ///< (T, K·w)
    NodeId value = 0;       ///< (T, K·w)
    NodeId stream = 0;      ///< what the query is a map of: the shifts will be, too
    std::size_t width = 0;  ///< features of the stream
    std::size_t heads = 1;
    std::size_t key_heads = 0;  ///< K; 0: H
    double scale = 1;           ///< of the scores
    bool causal = false;
};

/// Softmax as exp(score + shift) whose sum divides the mixed values: shifts are zero here, and each is a map of the
/// same stream that may become the predicted −log Σ exp. Nodes
/// `name`.{scores,shift,shifted,weights,values,sums,inverse, mixed}; returns the last, (T, H·w).
NodeId append_softmax(Graph& graph, const std::string& name, const SoftmaxInputs& inputs);

/// The same by a function that sees each score alone: Σ σ(score + shift)·value over the number of keys. The shift is a
/// map of the stream, (width, heads). Nodes `name`.{scores,shift,shifted,weights,values}; returns the last, (T, H·w).
NodeId append_pointwise(Graph& graph, const std::string& name, const SoftmaxInputs& inputs, LinearWeights shift,
                        const std::string& function);

/// x / √(mean(x²) + epsilon), what remains of a LayerNorm of centred values or an RMSNorm when gamma and beta are left
/// to those that read it. Nodes `name`.{square,variance,shifted_variance,inverse_sqrt,output}; returns the last.
NodeId append_norm(Graph& graph, const std::string& name, NodeId x, double epsilon);

}  // namespace polyformer::model
