#include "polyformer/model/gguf/gguf_file.h"

#include <array>
#include <cmath>
#include <fstream>
#include <string_view>
#include <system_error>

#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

GgufFile::GgufFile(const std::filesystem::path& path)
    : file_(path), header_(parse_gguf(file_.bytes(), path.string())) {}

FloatTensor GgufFile::read(const std::string& name) const {
    const auto found = header_.tensors.find(name);
    require(found != header_.tensors.end(), "{}: there is no tensor '{}'", label(), printable(name));
    const GgufTensor& tensor = found->second;
    FloatTensor result{.shape = tensor.shape, .values = {}};
    result.values.resize(tensor.bytes / tensor.type->bytes * tensor.type->values);
    decode_weights(*tensor.type, file_.bytes().subspan(tensor.begin, tensor.bytes), result.values);
    for (std::size_t i = 0; i < result.values.size(); ++i) {
        if (std::isfinite(result.values[i])) continue;
        fail<FormatError>("{}: tensor '{}' has the value {} at index {}; weights must be finite", label(),
                          printable(name), result.values[i], i);
    }
    return result;
}

bool is_gguf(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return false;
    if (path.extension() == ".gguf") return true;
    if (!std::filesystem::is_regular_file(path, ignored)) return false;
    std::array<char, 4> start{};
    std::ifstream(path, std::ios::binary).read(start.data(), start.size());
    return std::string_view(start.data(), start.size()) == "GGUF";
}

}  // namespace polyformer::model
