// Tables for people, in columns of characters.
#pragma once

#include <string>
#include <vector>

namespace polyformer {

/// Columns aligned, first row the heading, numbers to the right; cells are shown as printable() has them.
std::string format_table(const std::vector<std::vector<std::string>>& cells);

}  // namespace polyformer
