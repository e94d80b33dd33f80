#include "polyformer/support/json_head.h"

#include <string>

#include "polyformer/support/error.h"

namespace polyformer {

void read_head(Fields& fields, const char* format, std::size_t version) {
    constexpr std::size_t kMostVersions = std::size_t{1} << 32;
    const std::string found = fields.text("format");
    require<FormatError>(found == format, "{}: the format is '{}', not '{}'", fields.place(), found, format);
    const std::size_t found_version = fields.count("version", kMostVersions);
    require<FormatError>(found_version == version, "{}: version {} is not known; this program reads version {}",
                         fields.place(), found_version, version);
}

}  // namespace polyformer
