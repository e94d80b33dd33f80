#include "polyformer/support/folders/folder_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".part-";

/// All that folders of models and plans hold.
constexpr std::array<std::string_view, 13> kNames = {"graph.json",     "weights.safetensors", "embedding.safetensors",
                                                     "image.json",     "text.json",           "tokenizer.model",
                                                     "tokenizer.json", "metadata.json",       "plan.json",
                                                     "client.json",    "import.json",         "report.html",
                                                     kManifestFile};

/// Files of ours under a temporary name too.
bool is_ours(const std::string& name) {
    return std::ranges::any_of(kNames, [&](std::string_view known) {
        return name == known || name.starts_with(std::string(known) + std::string(kTemporary));
    });
}

std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
    std::vector<fs::directory_entry> entries;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        entries.push_back(*it);
    require<IoError>(!error, "cannot list '{}': {}", folder.string(), error.message());
    return entries;
}

/// Whether the process that `name`, what follows ".part-", is the number of has ended.
bool has_ended(std::string_view name) {
    pid_t process = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
    return error == std::errc{} && end == name.data() + name.size() && process > 0 && ::kill(process, 0) != 0 &&
           errno == ESRCH;
}

/// Removes what killed processes left beside the folder that they were writing, or in it.
void remove_abandoned(const fs::path& target) {
    const auto remove_in = [](const fs::path& folder, const std::string& beginning) {
        std::error_code error;  // what cannot be removed stays
        for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
            const std::string name = it->path().filename().string();
            if (!name.starts_with(beginning) || !has_ended(std::string_view(name).substr(beginning.size()))) continue;
            std::error_code ignored;
            if (it->is_directory(ignored) && !it->is_symlink(ignored)) fs::remove_all(it->path(), ignored);
        }
    };
    remove_in(target.parent_path(), target.filename().string() + std::string(kTemporary));
    remove_in(target, std::string(kTemporary));
}

/// Whether the working directory is `folder` or lies in it: the shell that we were started from stands there too.
bool holds_working_directory(const fs::path& folder) {
    std::error_code error;
    const fs::path here = fs::current_path(error);
    return !error && std::mismatch(folder.begin(), folder.end(), here.begin(), here.end()).first == folder.end();
}

/// So that a rename survives a loss of power. Not all file systems can.
void flush_folder(const fs::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}

void move_file(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);  // another mount
    require<IoError>(!error, "cannot replace '{}': {}", to.string(), error.message());
}

}  // namespace

void require_replaceable(const fs::path& target) {
    std::error_code error;
    const fs::file_status status = fs::status(target, error);
    if (status.type() == fs::file_type::not_found) return;
    require<IoError>(fs::is_directory(status), "'{}' is no folder: name another, or remove it", target.string());
    for (const fs::directory_entry& entry : entries_of(target)) {
        const std::string name = entry.path().filename().string();
        const bool left_over = entry.is_directory() && name.starts_with(kTemporary);
        require(left_over || (is_ours(name) && !entry.is_directory()),
                "'{}' holds '{}', which is no part of a model or plan and would be lost: name another folder, or move "
                "it away",
                target.string(), name);
    }
}

FolderWriter::FolderWriter(const fs::path& target) {
    std::error_code error;
    target_ = fs::weakly_canonical(fs::absolute(target), error);
    require<IoError>(!error, "cannot follow '{}': {}", target.string(), error.message());
    if (!target_.has_filename()) target_ = target_.parent_path();
    require_replaceable(target_);
    make_directory(target_.parent_path());
    remove_abandoned(target_);
    const std::string ending = fmt::format("{}{}", kTemporary, ::getpid());
    const bool exists = fs::exists(target_);
    for (const fs::path& place : {target_.parent_path() / (target_.filename().string() + ending), target_ / ending}) {
        temporary_ = place;
        fs::create_directory(temporary_, error);
        if (!error || !exists) break;  // beside the folder or, where that is not allowed, in it
    }
    require<IoError>(!error, "cannot create '{}': {}; check that its directory is writable", target.string(),
                     error.message());
    for (const std::string_view name : kNames) names_.emplace_back((temporary_ / name).string());
    names_.emplace_back(temporary_.string());
    if (exists) fs::permissions(temporary_, fs::status(target_).permissions(), error);
}

FolderWriter::~FolderWriter() {
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);  // after commit() what stood there before, if anything
}

void FolderWriter::commit() {
    write_manifest(temporary_);
    flush_folder(temporary_);
    require_replaceable(target_);
    const bool inside = temporary_.parent_path() == target_;
    const bool exists = fs::exists(target_);
    const unsigned how = exists ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (!inside && !(exists && holds_working_directory(target_)) &&
        ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), how) == 0) {
        flush_folder(target_.parent_path());
        return;
    }
    if (exists) {
        replace_files();
    } else {
        require<IoError>(::rename(temporary_.c_str(), target_.c_str()) == 0, "cannot put '{}' in its place: {}",
                         target_.string(), std::strerror(errno));  // NOLINT(concurrency-mt-unsafe): thread-local
    }
    flush_folder(target_.parent_path());
}

void FolderWriter::replace_files() {
    move_file(temporary_ / kManifestFile, target_ / kManifestFile);
    for (const fs::directory_entry& entry : entries_of(temporary_)) {
        move_file(entry.path(), target_ / entry.path().filename());
    }
    for (const fs::directory_entry& entry : entries_of(target_)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_directory() || is_listed(target_, name) || name == kManifestFile) continue;
        std::error_code ignored;
        fs::remove(entry.path(), ignored);
    }
    flush_folder(target_);
}

}  // namespace polyformer
