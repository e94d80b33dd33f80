#include "polyformer/support/system/command_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"

namespace polyformer {

namespace {

namespace fs = std::filesystem;

/// The same for two names of one file, whatever links lead to it; for a file to be, its folder and its name in it.
struct Identity {
    dev_t device = 0;
    ino_t number = 0;
    std::string name;
    mode_t type = 0;

    bool operator==(const Identity& other) const {
        return std::tie(device, number, name) == std::tie(other.device, other.number, other.name);
    }
};

Identity identity_of(const struct stat& status) {
    return {status.st_dev, status.st_ino, {}, status.st_mode & S_IFMT};
}

std::optional<Identity> identity_of(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return identity_of(status);
}

std::optional<Identity> identity_of(int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) return std::nullopt;
    return identity_of(status);
}

/// Of what output_target() has accepted.
std::optional<Identity> identity_of(const OutputTarget& target) {
    if (target.kind == OutputTarget::Kind::descriptor) return identity_of(target.descriptor);
    if (target.exists) return identity_of(target.path);
    const fs::path folder = target.path.parent_path();
    std::optional<Identity> identity = identity_of(folder.empty() ? fs::path(".") : folder);
    if (identity) {
        identity->name = target.path.filename().string();
        identity->type = S_IFREG;
    }
    return identity;
}

/// A file that whoever works with the folder reads: a report that lies beside a model is none.
bool is_part_of_folder(const fs::path& file) {
    constexpr std::array<std::string_view, 5> kDocuments{"graph.json", "image.json", "plan.json", "client.json",
                                                         "stage.json"};
    if (file.extension() != ".json") return true;
    const std::string name = file.filename().string();
    for (const std::string_view document : kDocuments) {
        if (name == document) return true;
    }
    return false;
}

/// Opens what will be written, without a trace where it is a file. Streams stay open: what reads a pipe would take the
/// end of this attempt for the end of what it waits for.
void require_opens(const fs::path& path, FileAccess access, const OutputTarget& target) {
    if (target.kind == OutputTarget::Kind::file) {
        const AtomicFile attempt(path, access);
    } else {
        static_cast<void>(open_stream(target));
    }
}

void require_folder(const std::string& option, const fs::path& path) {
    std::error_code ignored;
    fs::path existing = path;
    while (!existing.empty() && !fs::exists(fs::symlink_status(existing, ignored))) existing = existing.parent_path();
    if (existing.empty()) existing = ".";
    require<IoError>(fs::is_directory(existing, ignored),
                     "{}: cannot make the folder '{}', since '{}' is a file: name another folder", option,
                     path.string(), existing.string());
    require<IoError>(::access(existing.c_str(), W_OK | X_OK) == 0,
                     "{}: cannot write into the folder '{}': '{}' is not writable; name another folder", option,
                     path.string(), existing.string());
}

}  // namespace

CommandFiles& CommandFiles::reads(const std::string& option, const fs::path& path) {
    if (path.empty()) return *this;
    inputs_.push_back({option, path});
    std::error_code error;
    if (!fs::is_directory(path, error)) return *this;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
        if (is_part_of_folder(entry->path())) inputs_.push_back({option, entry->path()});
    }
    return *this;
}

CommandFiles& CommandFiles::reads(const std::string& option, const std::vector<std::string>& paths) {
    for (const std::string& path : paths) reads(option, fs::path(path));
    return *this;
}

CommandFiles& CommandFiles::writes(const std::string& option, const fs::path& path, FileAccess access) {
    if (!path.empty()) outputs_.push_back({option, path, access});
    return *this;
}

CommandFiles& CommandFiles::writes_folder(const std::string& option, const fs::path& path,
                                          const std::vector<std::string>& files) {
    if (path.empty()) return *this;
    folders_.push_back({option, path});
    std::error_code ignored;
    for (const std::string& file : files) {
        if (fs::is_directory((path / file).parent_path(), ignored)) writes(option, path / file);
    }
    return *this;
}

void CommandFiles::check() const {
    for (const Entry& folder : folders_) require_folder(folder.option, folder.path);
    const std::optional<Identity> standard_output = identity_of(STDOUT_FILENO);
    std::vector<std::pair<Entry, Identity>> found;
    for (const Entry& output : outputs_) {
        const bool is_dash = output.path == "-";
        std::optional<OutputTarget> target;
        if (!is_dash) target = output_target(output.path);
        if (target) require_opens(output.path, output.access, *target);
        const std::optional<Identity> identity = is_dash ? standard_output : identity_of(*target);
        if (!identity) continue;
        // A device takes any number of outputs; only results go to a terminal alone when they are sent there.
        const bool is_device = identity->type == S_IFCHR;
        if (is_dash || (standard_output == identity && !is_device)) reserve_stdout_for_results();
        for (const auto& [other, other_identity] : found) {
            require(is_device || !(other_identity == *identity),
                    "{} '{}' and {} '{}' are the same file, and one would destroy the other: name two files",
                    other.option, other.path.string(), output.option, output.path.string());
        }
        for (const Entry& input : inputs_) {
            require(identity->type != S_IFREG || identity_of(input.path) != identity,
                    "{} '{}' is the same file as '{}', which {} reads and which would be lost: name another file",
                    output.option, output.path.string(), input.path.string(), input.option);
        }
        found.emplace_back(output, *identity);
    }
}

}  // namespace polyformer
