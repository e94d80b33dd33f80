// What the processor is called.
#pragma once

#include <string>
#include <string_view>

namespace polyformer {

/// The processor's name in a text like /proc/cpuinfo, with what tells apart processors of one name (virtual machines
/// often hide it): printable ASCII, at most 120 characters; "unknown processor" where nothing says.
std::string processor_name(std::string_view cpuinfo);

/// This one's.
std::string processor_name();

}  // namespace polyformer
