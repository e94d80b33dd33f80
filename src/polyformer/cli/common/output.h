// How the command line speaks: tables for people, JSON for machines.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "polyformer/support/table.h"

namespace polyformer::cli {

using polyformer::format_table;

/// One number where all are equal, else the list.
nlohmann::json one_or_list(std::span<const std::size_t> counts);
/// The same as text: "8", or "5, 7, 2".
std::string format_counts(std::span<const std::size_t> counts);

/// Writes indented JSON to `path` atomically, or to standard output for "-"; does nothing for an empty path.
void write_json(const nlohmann::json& document, const std::string& path);

}  // namespace polyformer::cli
