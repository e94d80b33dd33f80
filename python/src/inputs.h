// What a model takes, made of texts, token ids, image files and pixels; for the model's owner and the client alike.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "arrays.h"
#include "polyformer/queries/client_part.h"

namespace polyformer::python {

/// The client's part of a model's folder, or of a plan's, for a graph of this shape.
struct Inputs {
    Inputs(const std::filesystem::path& folder, const queries::ModelShape& model) : part(folder), shape(model) {}

    queries::ClientPart part;
    queries::ModelShape shape;
};

/// Adds the class `Inputs` to the module.
void bind_inputs(nb::module_& module);

/// Each (tokens, width).
std::vector<model::Tensor> to_tensors(const std::vector<Rows<double>>& arrays);

}  // namespace polyformer::python
