// Where a plan's costs come from: built in, measured on this machine and kept in the user's cache, or a file from
// another one.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "polyformer/calibration/measured_costs.h"

namespace polyformer::calibration {

void save_costs(const std::filesystem::path& path, const compile::CostModel& costs);
/// Throws FormatError for a file that holds no costs of this version, and IoError for none.
compile::CostModel load_costs(const std::filesystem::path& path);

/// What a program says and shows while it measures.
struct Listener {
    std::function<void(const std::string& line)> note = [](const std::string&) {};
    CalibrationProgress progress{};
};

/// The cache's file for this machine, its kernels and as many threads as there are now: below $XDG_CACHE_HOME, or
/// ~/.cache; nothing where neither is named.
std::optional<std::filesystem::path> cache_file();

/// What the cache holds for this machine; nothing, with a note why, where that is damaged or another machine's.
std::optional<compile::CostModel> kept_costs(const Listener& listener);

/// Measures at N = 2^16 and keeps what was found in the cache, if there is one that can be written.
compile::CostModel measure_and_keep(const Listener& listener);

/// "builtin": on as many threads as there are now; "measured": from the cache, or measured now and kept there; else
/// the file of that name. Throws what
/// load_costs() throws for a file that was named.
compile::CostModel choose_costs(const std::string& source, const Listener& listener);

}  // namespace polyformer::calibration
