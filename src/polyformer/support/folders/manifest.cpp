#include "polyformer/support/folders/manifest.h"

#include <map>
#include <optional>

#include "polyformer/support/error.h"
#include "polyformer/support/json_head.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"

namespace polyformer {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "polyformer-manifest";
constexpr std::size_t kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

using Digests = std::map<std::string, std::string>;

/// Nothing where there is no manifest.
std::optional<Digests> read_manifest(const fs::path& folder) {
    const fs::path file = folder / kManifestFile;
    std::error_code unreadable;  // then reading it says so
    if (fs::status(file, unreadable).type() == fs::file_type::not_found) return std::nullopt;
    const std::string label = "'" + file.string() + "'";
    const nlohmann::json document = parse_json(read_file(file, kMaxBytes), label);
    Fields fields(document, label);
    read_head(fields, kFormat, kVersion);
    const nlohmann::json& files = fields.object("blake2b_256");
    fields.finish();
    Digests digests;
    require<FormatError>(files.is_object(), "{}: 'blake2b_256' must be an object", label);
    for (const auto& [name, digest] : files.items()) {
        require<FormatError>(digest.is_string(), "{}: the digest of '{}' must be a string", label, name);
        digests[name] = digest.get<std::string>();
    }
    return digests;
}

}  // namespace

void write_manifest(const fs::path& folder) {
    nlohmann::json files = nlohmann::json::object();
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && name != kManifestFile) files[name] = blake2b_of_file(entry.path());
    }
    const nlohmann::ordered_json document{{"format", kFormat}, {"version", kVersion}, {"blake2b_256", files}};
    write_file(folder / kManifestFile, to_text(document, 2) + "\n");
}

void require_own_file(const fs::path& file, Unlisted unlisted) {
    std::error_code unreadable;  // whoever opens it says so
    if (!fs::is_regular_file(file, unreadable)) return;
    const std::optional<Digests> digests = read_manifest(file.parent_path());
    if (!digests) return;
    const auto listed = digests->find(file.filename().string());
    if (listed == digests->end() && unlisted == Unlisted::allowed) return;
    const std::string manifest = (file.parent_path() / kManifestFile).string();
    require<FormatError>(
        listed != digests->end(),
        "'{}' does not belong to its folder, as '{}' does not list it: take it away or, if it is meant "
        "to be there, delete the manifest",
        file.string(), manifest);
    require<FormatError>(listed->second == blake2b_of_file(file),
                         "'{}' is not the file that its folder was made with, which '{}' lists: it is of another model "
                         "or plan, or was changed. Copy or make the whole folder again or, if the change is meant, "
                         "delete the manifest",
                         file.string(), manifest);
}

bool is_listed(const fs::path& folder, const std::string& name) {
    const std::optional<Digests> digests = read_manifest(folder);
    return digests && digests->contains(name);
}

}  // namespace polyformer
