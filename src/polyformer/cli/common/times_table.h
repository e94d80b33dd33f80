// Where a run's time went, beside its plan.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/runtime/profile.h"

namespace polyformer::cli {

/// Tables by kind of operation and by layer; shares are of `total` seconds.
std::string describe(const runtime::Profile& profile, double total);

/// {"linear_map": {"steps": …, "seconds": …, "processor_seconds": …, "planned_seconds": …}, …}
nlohmann::json times_by_operation(const runtime::Profile& profile);

}  // namespace polyformer::cli
