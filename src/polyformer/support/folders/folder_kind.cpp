#include "polyformer/support/folders/folder_kind.h"

#include <array>
#include <string>

#include "polyformer/support/error.h"

namespace polyformer {

namespace {

namespace fs = std::filesystem;

/// A kind, the file by which it is known, and what people call it. A plan's server part holds a graph as well.
struct Sign {
    FolderKind kind;
    const char* file;
    const char* name;
    const char* below;  ///< where it lies in what `polyformer plan --out` has made
};

constexpr std::array kSigns{
    Sign{FolderKind::plan_client, "client.json", "the client's part of a plan", "client"},
    Sign{FolderKind::plan_server, "plan.json", "the server's part of a plan", "server"},
    Sign{FolderKind::model, "graph.json", "a model", ""},
};

bool has(const fs::path& folder, const char* file) {
    std::error_code ignored;
    return fs::exists(folder / file, ignored);
}

const Sign& sign_of(FolderKind kind) {
    for (const Sign& sign : kSigns) {
        if (sign.kind == kind) return sign;
    }
    return kSigns.back();
}

}  // namespace

void require_folder(const fs::path& folder, FolderKind kind) {
    const Sign& wanted = sign_of(kind);
    std::error_code ignored;
    require<IoError>(fs::exists(folder, ignored), "cannot read '{}': there is no such folder", folder.string());
    require<IoError>(fs::is_directory(folder, ignored), "'{}' is a file, but a folder is needed: {}", folder.string(),
                     wanted.name);
    for (const Sign& sign : kSigns) {
        if (!has(folder, sign.file)) continue;
        if (sign.kind == kind) return;
        const fs::path beside = fs::path(folder / "").parent_path().parent_path() / wanted.below;
        const bool is_beside = kind != FolderKind::model && has(beside, wanted.file);
        fail("'{}' is {}, but this takes {}: {}", folder.string(), sign.name, wanted.name,
             is_beside                        ? fmt::format("give '{}'", beside.string())
             : kind == FolderKind::model      ? "give the folder of the model that the plan was made from"
             : sign.kind == FolderKind::model ? "make one with 'polyformer plan'"
                                              : "get it from whoever made the plan");
    }
    const bool holds_plan = has(folder / "client", "client.json") || has(folder / "server", "plan.json");
    if (!holds_plan) return;  // what is missing is said by whoever reads it
    require(kind != FolderKind::model,
            "'{}' holds a plan, but this takes a model: give the folder that it was made from", folder.string());
    require(!has(folder / wanted.below, wanted.file), "'{}' holds both parts of a plan, but this takes {}: give '{}'",
            folder.string(), wanted.name, (folder / wanted.below).string());
}

}  // namespace polyformer
