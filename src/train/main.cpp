// polyformer-train STAGE WORK [MODEL] [--threads=N] [--quiet]: gradient descent on a folder that `polyformer train`,
// `tune` or `convert` has prepared; those start it.
#include <malloc.h>

#include <cstdlib>
#include <exception>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "support/error.h"
#include "train/exit_codes.h"
#include "train/stages.h"

namespace {

using namespace polyformer;

bool run(const std::vector<std::string>& arguments) {
    train::StagesOptions options;
    std::vector<std::string> places;
    for (const std::string& argument : arguments) {
        constexpr std::string_view threads = "--threads=";
        if (argument == "--quiet") {
            options.quiet = true;
        } else if (argument.starts_with(threads)) {
            const int count = std::atoi(argument.c_str() + threads.size());
            require(count >= 1 && count <= 1024, "{}: expected 1 to 1024 threads", argument);
            options.threads = static_cast<std::size_t>(count);
        } else {
            places.push_back(argument);
        }
    }
    const std::string stage = places.empty() ? "" : places[0];
    require((places.size() == 2 && (stage == "train" || stage == "tune")) || (places.size() == 3 && stage == "convert"),
            "usage: polyformer-train train|tune WORK, or polyformer-train convert WORK MODEL [--threads=N] [--quiet]; "
            "it is meant to be started by 'polyformer train', 'tune' and 'convert', which prepare WORK");
    options.work = places[1];
    if (stage == "train") return train::train_stage(options);
    if (stage == "tune") return train::tune_stage(options);
    return train::convert_stage(options, places[2]);
}

}  // namespace

int main(int argc, char** argv) {
    // Keep freed memory: giving tensors of many MiB back to the system and fetching them again at every step costs a
    // third of the time.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    mallopt(M_TOP_PAD, 1 << 26);
    try {
        return run({argv + 1, argv + argc}) ? train::trainer_complete : train::trainer_interrupted;
    } catch (const std::exception& error) {
        fmt::print(stderr, "polyformer-train: {}\n", error.what());
        return train::trainer_failed;
    }
}
