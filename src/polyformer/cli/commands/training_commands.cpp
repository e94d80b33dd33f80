// train, tune and convert: from text or images to a polynomial model.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/commands/training_options.h"
#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/train/run/commands.h"

namespace polyformer::cli {

namespace {

// Whether there is such a device, only the trainer knows, which starts after the data are prepared.
std::string device_name(const std::string& name) {
    const bool numbered = name.starts_with("cuda:") && name.size() > 5 && name.size() <= 8 &&
                          std::all_of(name.begin() + 5, name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (name == "cpu" || name == "cuda" || name == "auto" || numbered) return {};
    return fmt::format("unknown device '{}': choose cpu, cuda, cuda:N or auto", name);
}

}  // namespace

void add_trainer_options(CLI::App& command, train::TrainerOptions& options) {
    command
        .add_option("--threads", options.threads, "Threads of each trainer; 0: all cores, shared out among trainers")
        ->check(whole_number(0, 1024))
        ->capture_default_str();
    command.add_option("--device", options.device, "cpu, cuda, cuda:N, or auto: CUDA where there is any")
        ->check(device_name)
        ->capture_default_str();
    command
        .add_option("--precision", options.precision,
                    "bfloat16: mixed precision, faster where the processor has instructions for it")
        ->check(CLI::IsMember({"float32", "bfloat16"}))
        ->capture_default_str();
    add_quiet_option(command, options.quiet);
}

namespace {

std::shared_ptr<train::TrainOptions> add_training_options(CLI::App& command) {
    auto options = std::make_shared<train::TrainOptions>();
    command.add_option("config", options->config, "The configuration, such as configs/cifar100-vit.json")->required();
    command.add_option("--data", options->data, "Folder of the texts or images, such as 'polyformer data' makes")
        ->envname("POLYFORMER_DATA")
        ->required();
    command.add_option("--work", options->work, "Folder of checkpoints; an unfinished run there goes on")->required();
    add_trainer_options(command, options->trainer);
    return options;
}

void check_files(const train::TrainOptions& options, const std::filesystem::path& model = {}) {
    CommandFiles()
        .reads("config", options.config)
        .reads("--data", options.data)
        .writes_folder("--work", options.work)
        .writes_folder("--out", model)
        .check();
}

/// An interrupted stage ends the program with its own exit code.
void finish(bool complete) {
    if (!complete) throw CLI::RuntimeError(static_cast<int>(ExitCode::unfinished));
}

}  // namespace

void add_train(CLI::App& program) {
    auto* command = program.add_subcommand("train", "Train an HE-friendly model, of language or of images");
    command->footer(
        "Examples:\n  polyformer train configs/wikitext-small.json --data wikitext-2 --work work\n"
        "  polyformer train configs/cifar100-vit.json --data cifar-100 --work work --precision bfloat16");
    command->callback([options = add_training_options(*command)] {
        check_files(*options);
        finish(train::run_train(*options));
    });
}

void add_tune(CLI::App& program) {
    auto* command = program.add_subcommand("tune", "Shrink the ranges of a trained model's non-polynomial functions");
    command->footer("Example:\n  polyformer tune configs/wikitext-small.json --data wikitext-2 --work work");
    command->callback([options = add_training_options(*command)] {
        check_files(*options);
        finish(train::run_tune(*options));
    });
}

void add_convert(CLI::App& program) {
    auto* command = program.add_subcommand("convert", "Replace functions by polynomials and write the model folder");
    command->footer(
        "Example:\n  polyformer convert configs/wikitext-small.json --data wikitext-2 --work work --out model");
    auto model = std::make_shared<std::filesystem::path>();
    command->add_option("--out", *model, "The model folder to write")->required();
    command->callback([options = add_training_options(*command), model] {
        check_files(*options, *model);
        finish(train::run_convert(*options, *model));
    });
}

}  // namespace polyformer::cli
