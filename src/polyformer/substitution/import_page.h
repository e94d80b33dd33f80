// The text of import.html, embedded at build time.
#pragma once

#include <string_view>

namespace polyformer::substitution {

extern const std::string_view import_page;

}  // namespace polyformer::substitution
