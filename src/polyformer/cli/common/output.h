// How the command line speaks: tables for people, JSON for machines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace polyformer::cli {

/// Columns aligned, first row the heading, numbers to the right; cells are shown as printable() has them.
std::string format_table(const std::vector<std::vector<std::string>>& cells);

/// Writes indented JSON to `path` atomically, or to standard output for "-"; does nothing for an empty path.
void write_json(const nlohmann::json& document, const std::string& path);

}  // namespace polyformer::cli
