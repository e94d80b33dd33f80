#include "polyformer/model/families/decoders/rotary.h"

#include <cmath>
#include <numbers>
#include <string>

#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr double kMostFactor = 1e6;
constexpr double kMostTokens = 1e9;

/// The object under `key` as a config of its own, empty where there is none.
ModelConfig section_of(const ModelConfig& config, const char* key) {
    ModelConfig section;
    section.label = fmt::format("{}: {}", config.label, key);
    section.document = nlohmann::json::object();
    const auto found = config.document.find(key);
    if (found == config.document.end() || found->is_null()) return section;
    require<FormatError>(found->is_object(), "{}: '{}' must be an object, found {}", config.label, key,
                         found->type_name());
    section.document = *found;
    return section;
}

/// A number that must be there.
double number(const ModelConfig& section, const char* key, double least, double most) {
    require<FormatError>(section.document.contains(key), "{}: the field '{}' is missing", section.label, key);
    return section.number(key, least, most, least);
}

/// LLaMA 3.1's: slow turns are divided by the factor, fast ones left, those between moved by a share.
double llama3_scaled(double frequency, const ModelConfig& section) {
    const double factor = number(section, "factor", 1, kMostFactor);
    const double low = number(section, "low_freq_factor", 1e-6, kMostFactor);
    const double high = number(section, "high_freq_factor", 1e-6, kMostFactor);
    const double trained = number(section, "original_max_position_embeddings", 1, kMostTokens);
    require<FormatError>(low < high, "{}: 'low_freq_factor' is {}, not below 'high_freq_factor', {}", section.label,
                         low, high);
    const double turns = trained * frequency / (2 * std::numbers::pi);  // in the context that it was trained on
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const double share = (turns - low) / (high - low);
    return (1 - share) * frequency / factor + share * frequency;
}

}  // namespace

std::vector<double> rotary_frequencies(const ModelConfig& config, std::size_t head_width) {
    const auto parameters = config.document.find("rope_parameters");  // as newer versions write it
    const bool has_parameters = parameters != config.document.end() && !parameters->is_null();
    const ModelConfig section = section_of(config, has_parameters ? "rope_parameters" : "rope_scaling");
    const double base = section.number("rope_theta", 1, 1e12, config.number("rope_theta", 1, 1e12, 10000));
    const std::string type = section.text("rope_type", section.text("type", "default"));
    require<FormatError>(type == "default" || type == "linear" || type == "llama3",
                         "{}: rotary positions are scaled as '{}' says, but only 'default', 'linear' and 'llama3' can "
                         "be imported",
                         section.label, printable(type));
    for (const ModelConfig* place : {&section, &config}) {
        const double share = place->number("partial_rotary_factor", 0, 1, 1);
        require<FormatError>(share == 1, "{}: 'partial_rotary_factor' is {}, but only whole heads can be turned",
                             place->label, share);
    }
    require<FormatError>(head_width % 2 == 0, "{}: heads of {} features cannot be turned in pairs", config.label,
                         head_width);
    std::vector<double> frequencies(head_width / 2);
    for (std::size_t j = 0; j < frequencies.size(); ++j) {
        const double exponent = static_cast<double>(2 * j) / static_cast<double>(head_width);
        frequencies[j] = std::pow(base, -exponent);
        if (type == "linear") frequencies[j] /= number(section, "factor", 1, kMostFactor);
        if (type == "llama3") frequencies[j] = llama3_scaled(frequencies[j], section);
    }
    return frequencies;
}

Matrix rotary_angles(std::span<const double> frequencies, std::size_t tokens) {
    Matrix angles{tokens, frequencies.size(), {}};
    angles.values.reserve(tokens * frequencies.size());
    for (std::size_t t = 0; t < tokens; ++t) {
        for (const double frequency : frequencies) {
            angles.values.push_back(static_cast<float>(static_cast<double>(t) * frequency));
        }
    }
    return angles;
}

}  // namespace polyformer::model
