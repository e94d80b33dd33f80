#include "polyformer/cli/common/output.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "polyformer/support/json.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::cli {

nlohmann::json one_or_list(std::span<const std::size_t> counts) {
    const bool alike = std::ranges::adjacent_find(counts, std::not_equal_to()) == counts.end();
    if (alike && !counts.empty()) return counts.front();
    return std::vector<std::size_t>(counts.begin(), counts.end());
}

std::string format_counts(std::span<const std::size_t> counts) {
    const nlohmann::json all = one_or_list(counts);
    return all.is_number() ? all.dump() : fmt::format("{}", fmt::join(counts, ", "));
}

void write_json(const nlohmann::json& document, const std::string& path) {
    if (path.empty()) return;
    const std::string text = to_text(document, 2) + "\n";
    if (path == "-") {
        write_results_to_stdout(text);
    } else {
        write_file(path, text);
    }
}

}  // namespace polyformer::cli
