// The parameters that were asked for, as JSON: part of every file that says under which parameters something was made.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::compile {

nlohmann::json literal_to_json(const ckks::ParametersLiteral& literal);
/// Throws FormatError, naming `place`, for a missing, unknown or mistyped field; the values are for
/// Parameters::create() to judge.
ckks::ParametersLiteral literal_from_json(const nlohmann::json& object, const std::string& place);

}  // namespace polyformer::compile
