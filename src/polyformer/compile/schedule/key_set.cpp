#include "polyformer/compile/schedule/key_set.h"

#include <algorithm>
namespace polyformer::compile {

KeySet::KeySet(const ckks::Parameters& parameters, double seconds_per_byte, ckks::KeyRequest existing)
    : parameters_(parameters), seconds_per_byte_(seconds_per_byte), request_(std::move(existing)) {}

double KeySet::bytes(int level) const {
    return static_cast<double>(ckks::key_file_bytes(parameters_, level));
}

double KeySet::price(const ckks::KeyRequest& wanted) const {
    double missing = 0;
    if (wanted.conjugation_level) {
        const double held = request_.conjugation_level ? bytes(*request_.conjugation_level) : 0;
        missing += std::max(0.0, bytes(*wanted.conjugation_level) - held);
    }
    for (const auto& [step, level] : wanted.rotation_levels) {
        const auto found = request_.rotation_levels.find(step);
        const double held = found == request_.rotation_levels.end() ? 0 : bytes(found->second);
        missing += std::max(0.0, bytes(level) - held);
    }
    return missing * seconds_per_byte_;
}

}  // namespace polyformer::compile
