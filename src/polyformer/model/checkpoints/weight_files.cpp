#include "polyformer/model/checkpoints/weight_files.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "polyformer/model/gguf/gguf_file.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr std::size_t kMaxIndexBytes = std::size_t{1} << 28;
constexpr std::size_t kMaxShards = 10000;

/// An ending of weights that we do not read, and what they are.
struct Foreign {
    std::string_view extension;
    const char* kind;
    bool converted;  ///< by scripts/to-safetensors
};

constexpr const char* kPickle = "a pickle, which could execute anything when it is loaded";
constexpr std::array foreign_files = {Foreign{".bin", kPickle, true},        Foreign{".pt", kPickle, true},
                                      Foreign{".pth", kPickle, true},        Foreign{".ckpt", kPickle, true},
                                      Foreign{".pkl", kPickle, true},        Foreign{".onnx", "a graph", true},
                                      Foreign{".h5", "TensorFlow's", false}, Foreign{".msgpack", "Flax's", false}};

const Foreign* foreign_kind(const std::filesystem::path& file) {
    const auto* found = std::ranges::find(foreign_files, file.extension().string(), &Foreign::extension);
    return found == foreign_files.end() ? nullptr : found;
}

[[noreturn]] void refuse(const std::filesystem::path& file, const Foreign& kind) {
    if (kind.converted) {
        fail<FormatError>(
            "{}: weights are taken from {} only, and this is {}: convert it with scripts/to-safetensors {} --out "
            "FOLDER, which executes nothing in it",
            file.string(), kWeights, kind.kind, file.string());
    }
    fail<FormatError>(
        "{}: weights are taken from {} only, and this is {} format: save the model with `transformers` "
        "and safe_serialization",
        file.string(), kWeights, kind.kind);
}

/// The files that the index names, each once.
std::vector<std::filesystem::path> shards_of(const std::filesystem::path& folder) {
    const std::string label = (folder / kIndex).string();
    const nlohmann::json document = parse_json(read_file(folder / kIndex, kMaxIndexBytes), label);
    Fields fields(document, label);
    const nlohmann::json& map = fields.object("weight_map");
    require<FormatError>(map.is_object(), "{}: 'weight_map' must be an object, found {}", label, map.type_name());
    std::set<std::string> names;
    for (const auto& [tensor, file] : map.items()) {
        const std::string name = file.is_string() ? file.get<std::string>() : "";
        require<FormatError>(name.ends_with(".safetensors") && name.find_first_of("/\\") == std::string::npos,
                             "{}: tensor '{}' is said to be in {}, which is no safetensors file of the folder", label,
                             tensor, to_text(file));
        names.insert(name);
    }
    require<FormatError>(!names.empty() && names.size() <= kMaxShards, "{}: {} files are outside 1 to {}", label,
                         names.size(), kMaxShards);
    std::vector<std::filesystem::path> files;
    for (const std::string& name : names) {
        require<IoError>(is_there(folder / name), "{}: the file {} that the index names is missing: copy it there",
                         label, (folder / name).string());
        files.push_back(folder / name);
    }
    return files;
}

}  // namespace

bool is_there(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored);
}

std::filesystem::path find_checkpoint(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored) || is_there(path / kWeights) || is_there(path / kIndex))
        return path;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
        if (is_gguf(entry.path())) files.push_back(entry.path());
    }
    require<FormatError>(files.size() <= 1, "{}: there are {} GGUF files: name the one that is meant", path.string(),
                         files.size());
    return files.empty() ? path : files.front();
}

std::vector<std::filesystem::path> find_weight_files(const std::filesystem::path& folder) {
    if (is_gguf(folder)) return {folder};
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored)) {
        const Foreign* kind = foreign_kind(folder);
        if (kind != nullptr && is_there(folder)) refuse(folder, *kind);
        fail<IoError>("{}: this is no folder; one with config.json, {} and a tokenizer is needed, or a GGUF file",
                      folder.string(), kWeights);
    }
    if (is_there(folder / kWeights)) return {folder / kWeights};
    if (is_there(folder / kIndex)) return shards_of(folder);
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
    std::ranges::sort(files);
    for (const auto& file : files) {
        if (const Foreign* kind = foreign_kind(file); kind != nullptr) refuse(file, *kind);
    }
    fail<FormatError>("{}: there is neither {} nor {}: copy the weights there", folder.string(), kWeights, kIndex);
}

void refuse_pickle(const std::filesystem::path& file) {
    std::array<char, 9> start{};
    std::ifstream(file, std::ios::binary).read(start.data(), start.size());
    const std::string_view magic(start.data(), start.size());
    constexpr std::string_view kZip("PK\x03\x04", 4);
    // A pickle begins with its protocol, which may also be the length of a safetensors file's header: '{' comes then.
    const bool pickle = magic[0] == '\x80' && magic[1] >= 2 && magic[1] <= 5 && magic[8] != '{';
    if (magic.starts_with(kZip) || pickle) refuse(file, foreign_files.front());
}

}  // namespace polyformer::model
