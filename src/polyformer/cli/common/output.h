// How the command line speaks: tables for people, JSON for machines.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace polyformer::cli {

/// Columns aligned, first row the heading, numbers to the right; cells are shown as printable() has them.
std::string format_table(const std::vector<std::vector<std::string>>& cells);

/// One number where all are equal, else the list.
nlohmann::json one_or_list(std::span<const std::size_t> counts);
/// The same as text: "8", or "5, 7, 2".
std::string format_counts(std::span<const std::size_t> counts);

/// Writes indented JSON to `path` atomically, or to standard output for "-"; does nothing for an empty path.
void write_json(const nlohmann::json& document, const std::string& path);

}  // namespace polyformer::cli
