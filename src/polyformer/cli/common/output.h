// How the command line speaks: tables for people, JSON for machines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace polyformer::cli {

/// Columns aligned, first row the heading, numbers to the right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// Writes indented JSON to `path` atomically, or to standard output for "-"; does nothing for an empty path.
void write_json(const nlohmann::json& document, const std::string& path);

}  // namespace polyformer::cli
