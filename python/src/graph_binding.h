// Graphs: read, looked at, and built node by node from numpy's arrays.
#pragma once

#include <nanobind/nanobind.h>

#include "arrays.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::python {

/// Adds `Graph` and `GraphBuilder` to the module.
void bind_graph(nb::module_& module);

model::Matrix to_matrix(const Rows<float>& array);

}  // namespace polyformer::python
