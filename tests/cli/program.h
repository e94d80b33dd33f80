// Runs the programs as a user would, in a folder of its own.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace polyformer::test {

struct Result {
    int exit_code = 0;
    std::string output;  ///< standard output and standard error
};

/// A temporary folder, removed at the end.
class Folder {
  public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    Folder(Folder&&) = delete;
    Folder& operator=(Folder&&) = delete;

    /// Runs "polyformer ARGUMENTS" in the folder, under a shell. `prefix` goes before it ("ulimit -f 10;").
    Result polyformer(const std::string& arguments, const std::string& prefix = {}) const;
    /// The same; fails the test unless the exit code is 0.
    std::string must(const std::string& arguments) const;
    nlohmann::json json(const std::string& name) const;
    std::filesystem::path path(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// A folder with a random model "model", its plan "plan" for a small insecure ring, and the keys for it: made once.
const Folder& prepared();

inline constexpr const char* kTokens = "--token-ids 3 1 4 1 5";

}  // namespace polyformer::test
