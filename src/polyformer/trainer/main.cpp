// `polyformer-train`: carries out the stage that a folder describes. The commands of `polyformer` prepare such folders
// and start it.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <limits>
#include <new>
#include <string>
#include <system_error>
#include <thread>

#include "polyformer/support/error.h"
#include "polyformer/support/foreign_error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/process/temporary_files.h"
#include "polyformer/support/version.h"
#include "polyformer/train/distillation/distil_request.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/train/process/trainer_exit_codes.h"
#include "polyformer/trainer/distil_stage.h"
#include "polyformer/trainer/stages.h"

namespace {

using namespace polyformer;

struct Options {
    train::StagesOptions stages;
    std::string device = "cpu";
    std::string precision = "float32";
};

void add_options(CLI::App& program, Options& options) {
    program.footer(
        "Meant to be started by 'polyformer train' and its like, which prepare FOLDER.\n"
        "Exit codes: those of 'polyformer', and 6: diverged.");
    program.set_version_flag("--version", fmt::format("polyformer-train {}", version()));
    program
        .add_option("FOLDER", options.stages.folder,
                    "The stage's folder: carries out what its stage.json or distil.json describes")
        ->required();
    program.add_option("--threads", options.stages.threads, "Threads; 0: all cores")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
    program.add_option("--device", options.device, "cpu, cuda, cuda:N, or auto: CUDA where there is any")
        ->capture_default_str();
    program.add_option("--precision", options.precision, "Of gradient descent")
        ->check(CLI::IsMember({"float32", "bfloat16"}))
        ->capture_default_str();
    program.add_flag("--quiet", options.stages.quiet, "Show no progress");
}

int carry_out(Options options) {
    options.stages.device = train::parse_device(options.device);
    options.stages.precision = options.precision == "bfloat16" ? train::Precision::bfloat16 : train::Precision::float32;
    if (options.stages.threads == 0) options.stages.threads = std::max(1U, std::thread::hardware_concurrency());
    const bool complete = train::is_distillation(options.stages.folder) ? train::carry_out_distillation(options.stages)
                                                                        : train::carry_out(options.stages);
    return complete ? train::trainer_complete : train::trainer_interrupted;
}

int failed(const std::string& message, int exit_code) {
    to_stderr("polyformer-train: {}\n", message);
    return exit_code;
}

// LibTorch says so in words only.
bool is_lack_of_memory(const std::string& message) {
    return message.find("allocate memory") != std::string::npos || message.find("out of memory") != std::string::npos;
}

int guarded(const Options& options) {
    try {
        return carry_out(options);
    } catch (const train::DivergenceError& error) {
        return failed(error.what(), train::trainer_diverged);
    } catch (const FormatError& error) {
        return failed(error.what(), train::trainer_bad_file);
    } catch (const IoError& error) {
        return failed(error.what(), train::trainer_io_error);
    } catch (const std::system_error& error) {  // those of std::filesystem, too
        return failed(describe_foreign(error), train::trainer_io_error);
    } catch (const Error& error) {
        return failed(error.what(), train::trainer_bad_input);
    } catch (const std::bad_alloc&) {
        return failed("not enough memory: lower the stage's batch (and raise accumulate)", train::trainer_crashed);
    } catch (const c10::Error& error) {
        const std::string message = error.what_without_backtrace();
        return failed(
            is_lack_of_memory(message)
                ? fmt::format("not enough memory: lower the stage's batch (and raise accumulate) ({})", message)
                : message,
            train::trainer_crashed);
    } catch (const std::exception& error) {
        return failed(describe_foreign(error), train::trainer_crashed);
    }
}

}  // namespace

int main(int argc, char** argv) {
    prepare_standard_streams();
    remove_temporary_files_on_signals();
    // Keep freed memory: giving tensors of many MiB back to the system and fetching them again at every step costs a
    // third of the time.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    mallopt(M_TOP_PAD, 1 << 26);
    const train::InterruptionGuard interruption;
    CLI::App program{"Carries out one stage of a model's training.", "polyformer-train"};
    Options options;
    add_options(program, options);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return program.exit(error) == 0 ? train::trainer_complete : train::trainer_bad_input;
    }
    return guarded(options);
}
