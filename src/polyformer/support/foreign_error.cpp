#include "polyformer/support/foreign_error.h"

#include <fmt/format.h>

#include <filesystem>
#include <new>
#include <system_error>

namespace polyformer {

std::string describe_foreign(const std::exception& error) {
    if (const auto* files = dynamic_cast<const std::filesystem::filesystem_error*>(&error); files != nullptr) {
        if (files->path1().empty()) return files->code().message();
        const std::string second = files->path2().empty() ? "" : fmt::format(" and '{}'", files->path2().string());
        return fmt::format("cannot use '{}'{}: {}", files->path1().string(), second, files->code().message());
    }
    if (const auto* system = dynamic_cast<const std::system_error*>(&error); system != nullptr) {
        return fmt::format("the system refused: {}", system->code().message());
    }
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
        return "not enough memory; `polyformer plan` says how much a run takes";
    }
    return fmt::format("a fault in Polyformer, please report it with what led here: {}", error.what());
}

}  // namespace polyformer
