#include "polyformer/runtime/clear/excursions.h"

#include <cmath>

#include "polyformer/support/extremes.h"

namespace polyformer::runtime {

void ExcursionLog::watch(std::span<const double> slots, const char* operation) {
    double worst = 0;
    std::size_t outside = 0;
    for (const double slot : slots) {
        worst = larger(worst, std::abs(slot));
        if (!(std::abs(slot) <= 1 + tolerance_)) ++outside;
    }
    if (outside == 0) return;
    if (!found_.empty() && found_.back().step == step_ && found_.back().operation == operation) {
        found_.back().worst = larger(found_.back().worst, worst);
        found_.back().slots += outside;
        return;
    }
    found_.push_back({step_, operation, worst, outside});
}

}  // namespace polyformer::runtime
