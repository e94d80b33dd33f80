// The JSON of a study, as far as code of ours takes it apart: names, runs, stages, perplexities or accuracies. What is
// only drawn (curves, histograms) is checked where it is drawn.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace polyformer::train {

/// "measure" of a study: what its models are judged by, and how the results of stages begin after "test_" and
/// "validation_".
inline constexpr const char* perplexity_measure = "perplexity";  ///< per word, of language models
inline constexpr const char* accuracy_measure = "accuracy";      ///< in percent of the images

/// Throws FormatError, naming the place and what stands there, unless `study` is of a format and version known here,
/// its measure, if it names one, is one of those above, its variants, runs, stages and tables are arrays of objects,
/// and all names are texts, those of variants unique.
void check_study(const nlohmann::ordered_json& study);

/// The entries of an array; nothing when the field is missing. For objects that check_study() let pass.
const nlohmann::ordered_json& entries(const nlohmann::ordered_json& object, const char* key);

/// A finite number; nothing when the field is missing, null or anything else.
std::optional<double> finite_number(const nlohmann::ordered_json& object, const char* key);

/// The text of a field; empty when it is missing or no text.
std::string text_of(const nlohmann::ordered_json& object, const char* key);

/// Rounds every number to so many significant digits; what is not finite becomes null.
void round_numbers(nlohmann::ordered_json& value, int digits);

}  // namespace polyformer::train
