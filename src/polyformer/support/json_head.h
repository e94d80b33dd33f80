// The first fields of a JSON file of ours: which format it has, and which version of it.
#pragma once

#include <cstddef>

#include "polyformer/support/json.h"

namespace polyformer {

/// Reads "format" and "version". Throws FormatError unless they are these.
void read_head(Fields& fields, const char* format, std::size_t version);

}  // namespace polyformer
