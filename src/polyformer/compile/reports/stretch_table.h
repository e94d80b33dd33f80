// The stretches of a plan for people.
#pragma once

#include <string>
#include <vector>

#include "polyformer/compile/reports/stretches.h"

namespace polyformer::compile {

/// A table with a line for each stretch. Of a deep model, whose list would fill screens, a line for all that begin at
/// the same step of their layers, with the least and the greatest of their numbers.
std::string stretch_table(const std::vector<Stretch>& stretches);

}  // namespace polyformer::compile
