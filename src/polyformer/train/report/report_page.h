// The text of report.html, embedded at build time.
#pragma once

#include <string_view>

namespace polyformer::train {

extern const std::string_view report_page;

}  // namespace polyformer::train
