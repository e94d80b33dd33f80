// `polyformer-train`: carries out the stage that a folder describes. The commands of `polyformer` prepare such folders
// and start it.
#include <malloc.h>

#include <cstdlib>
#include <exception>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/version.h"
#include "polyformer/train/run/trainer_exit_codes.h"
#include "polyformer/trainer/stages.h"

namespace {

using namespace polyformer;

constexpr std::string_view usage =
    "Carries out one stage of a model's training: what FOLDER/stage.json describes.\n"
    "Usage: polyformer-train FOLDER [OPTIONS]\n\n"
    "Meant to be started by 'polyformer train' and its like, which prepare FOLDER.\n\n"
    "Options:\n"
    "  --threads=N       Threads, 1 to 1024 (default: 1)\n"
    "  --device=NAME     cpu, cuda, cuda:N or auto, which is CUDA where there is any (default: cpu)\n"
    "  --precision=NAME  float32 or bfloat16 (default: float32)\n"
    "  --quiet           Show no progress\n"
    "  --help            Print this help message and exit\n"
    "  --version         Display program version information and exit\n";

train::StagesOptions parse(const std::vector<std::string>& arguments) {
    train::StagesOptions options;
    for (const std::string& argument : arguments) {
        const auto value_of = [&](std::string_view option) { return argument.substr(option.size()); };
        if (argument == "--quiet") {
            options.quiet = true;
        } else if (argument.starts_with("--threads=")) {
            const int count = std::atoi(value_of("--threads=").c_str());
            require(count >= 1 && count <= 1024, "{}: expected 1 to 1024 threads", argument);
            options.threads = static_cast<std::size_t>(count);
        } else if (argument.starts_with("--device=")) {
            options.device = train::parse_device(value_of("--device="));
        } else if (argument.starts_with("--precision=")) {
            const std::string name = value_of("--precision=");
            require(name == "float32" || name == "bfloat16", "{}: choose float32 or bfloat16", argument);
            options.precision = name == "float32" ? train::Precision::float32 : train::Precision::bfloat16;
        } else {
            require(options.folder.empty() && !argument.starts_with("-"), "'{}' is no option, or a second folder\n{}",
                    argument, usage);
            options.folder = argument;
        }
    }
    require(!options.folder.empty(), "polyformer-train needs the folder of a stage");
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view only = argc == 2 ? argv[1] : "";
    if (only == "--help") {
        fmt::print("{}", usage);
        return train::trainer_complete;
    }
    if (only == "--version") {
        fmt::print("polyformer-train {}\n", version());
        return train::trainer_complete;
    }
    // Keep freed memory: giving tensors of many MiB back to the system and fetching them again at every step costs a
    // third of the time.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    mallopt(M_TOP_PAD, 1 << 26);
    try {
        return train::carry_out(parse({argv + 1, argv + argc})) ? train::trainer_complete : train::trainer_interrupted;
    } catch (const train::DivergenceError& error) {
        fmt::print(stderr, "polyformer-train: {}\n", error.what());
        return train::trainer_diverged;
    } catch (const std::exception& error) {
        fmt::print(stderr, "polyformer-train: {}\n", error.what());
        return train::trainer_failed;
    }
}
