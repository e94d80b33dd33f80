// Whose fault it is when weights that are fine one by one do not make a model.
#pragma once

#include <filesystem>

#include "polyformer/support/error.h"

namespace polyformer::model {

/// What build() gives; the Error that it throws is a FormatError naming the checkpoint: values that a norm takes beyond
/// float32 when it is folded into a map, for one.
template <class Build>
auto built_from(const std::filesystem::path& checkpoint, const Build& build) {
    try {
        return build();
    } catch (const FormatError&) {
        throw;
    } catch (const IoError&) {
        throw;
    } catch (const Error& error) {
        fail<FormatError>("{}: {}: the weights are damaged, or not meant for float32", checkpoint.string(),
                          error.what());
    }
}

}  // namespace polyformer::model
