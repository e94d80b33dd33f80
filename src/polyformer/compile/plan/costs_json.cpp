#include "polyformer/compile/plan/costs_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"

namespace polyformer::compile {

namespace {

constexpr std::size_t kMaxName = 120;
/// Beyond all machines; so that sums of costs stay finite.
constexpr double kMaxSeconds = 1e6;

constexpr std::array kNumbers{
    std::pair{"ntt", &CostModel::ntt},
    std::pair{"conversion_word", &CostModel::conversion_word},
    std::pair{"product_word", &CostModel::product_word},
    std::pair{"inner_word", &CostModel::inner_word},
    std::pair{"key_word", &CostModel::key_word},
    std::pair{"encoding_word", &CostModel::encoding_word},
    std::pair{"sum_word", &CostModel::sum_word},
    std::pair{"bootstrap", &CostModel::bootstrap},
    std::pair{"bootstrap_second", &CostModel::bootstrap_second},
    std::pair{"threads", &CostModel::threads},
};

std::string name_from(Fields& fields, const char* key) {
    const std::string name = fields.text(key);
    const bool printable = std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; });
    require<FormatError>(printable && !name.empty() && name.size() <= kMaxName,
                         "{}: '{}' must be a name of 1 to {} printable ASCII characters", fields.place(), key,
                         kMaxName);
    return name;
}

}  // namespace

nlohmann::json costs_to_json(const CostModel& costs) {
    nlohmann::json object{{"processor", costs.machine.processor}, {"kernels", costs.machine.kernels}};
    for (const auto& [name, member] : kNumbers) object[name] = costs.*member;
    return object;
}

CostModel costs_from_json(const nlohmann::json& object, const std::string& place) {
    Fields fields(object, place);
    CostModel costs;
    costs.machine.processor = name_from(fields, "processor");
    costs.machine.kernels = name_from(fields, "kernels");
    for (const auto& [name, member] : kNumbers) {
        costs.*member = fields.number(name);
        require<FormatError>(costs.*member >= 0 && costs.*member <= kMaxSeconds,
                             "{}: '{}' is {}; costs are finite numbers from 0 to {}", place, name, costs.*member,
                             kMaxSeconds);
    }
    require<FormatError>(costs.threads > 0, "{}: costs of {} threads; there must be more than 0", place, costs.threads);
    fields.finish();
    return costs;
}

}  // namespace polyformer::compile
