#include "polyformer/support/version.h"

namespace polyformer {

std::string_view version() {
    return POLYFORMER_VERSION;
}

}  // namespace polyformer
