#include "tests/cli/program.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "polyformer/support/system/atomic_file.h"

namespace polyformer::test {

Folder::Folder() {
    static std::atomic<int> count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("polyformer-cli-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Result Folder::polyformer(const std::string& arguments, const std::string& prefix) const {
    // Plans of the same numbers everywhere, and nothing in the cache of whoever runs the tests.
    const std::string command = "cd '" + path_.string() + "' && export POLYFORMER_COSTS=builtin XDG_CACHE_HOME='" +
                                path_.string() + "/cache' && { " + prefix + " '" POLYFORMER_PROGRAMS "/polyformer' " +
                                arguments + "; } > output.txt 2>&1";
    const int status = std::system(command.c_str());  // NOLINT(bugprone-command-processor): a shell is what it is for
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(path("output.txt"))};
}

std::string Folder::must(const std::string& arguments) const {
    const Result result = polyformer(arguments);
    EXPECT_EQ(result.exit_code, 0) << "polyformer " << arguments << "\n" << result.output;
    return result.output;
}

nlohmann::json Folder::json(const std::string& name) const {
    return nlohmann::json::parse(read_file(path(name)));
}

const Folder& prepared() {
    static const Folder folder;
    static const bool done = [] {
        folder.must("random-model model --layers 1 --width 16 --heads 2 --context 8 --feed-forward 32 --vocabulary 40");
        folder.must("plan model --positions all --insecure-ring-dimension 2048 --out plan");
        folder.must("keygen plan/client --secret secret.key --server-keys keys.bin --allow-insecure");
        folder.must(std::string("encrypt plan/client --secret secret.key --request request.bin ") + kTokens);
        return true;
    }();
    EXPECT_TRUE(done);
    return folder;
}

}  // namespace polyformer::test
