// What holds a folder together: manifest.json, written last, with the digest of each file beside it.
//
// Files of equal shape cannot be told apart by looking at one: the embedding of another model, the tokenizer of another
// text. Whoever opens a file of a model's or a plan's folder asks here first whether it is the folder's own. Folders
// without a manifest, made by hand or by older versions, pass; what can be told from shapes is checked all the same.
#pragma once

#include <filesystem>
#include <string>

namespace polyformer {

inline constexpr const char* kManifestFile = "manifest.json";

/// Writes the digests of all files in `folder`. Throws IoError.
void write_manifest(const std::filesystem::path& folder);

/// Whether a file may lie beside a manifest that does not list it.
enum class Unlisted { refused, allowed };

/// Throws FormatError, with what to do, when there is a manifest beside `file` that lists another digest for it or,
/// unless that is allowed, does not list it. What is not there is none of its business.
void require_own_file(const std::filesystem::path& file, Unlisted unlisted = Unlisted::refused);

/// Whether there is a manifest in `folder` that lists `name`: then a missing file has been lost. Throws FormatError for
/// a damaged manifest.
bool is_listed(const std::filesystem::path& folder, const std::string& name);

}  // namespace polyformer
