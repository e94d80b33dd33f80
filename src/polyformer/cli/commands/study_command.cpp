// `polyformer study`: variants of the method side by side, with a report.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/commands/training_options.h"
#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/support/json.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/train/report/report.h"
#include "polyformer/train/study/study.h"

namespace polyformer::cli {

namespace {

struct StudyCommandOptions {
    train::StudyOptions study;
    std::string json;
};

// As a reader of the report would type it: without the places of this machine.
std::string command_of(const train::StudyOptions& options) {
    return fmt::format("polyformer study {} --data {} --jobs {}", options.config.string(),
                       options.data.filename().string(), options.jobs);
}

void study(StudyCommandOptions options) {
    CommandFiles()
        .reads("config", options.study.config)
        .reads("--data", options.study.data)
        .writes_folder("--work", options.study.work)
        .writes_folder("--out", options.study.out, {"study.json", "report.html"})
        .writes("--json", options.json)
        .check();
    options.study.command = command_of(options.study);
    const bool complete = train::run_study(options.study);
    const auto file = options.study.out / "study.json";
    // Interrupted before the first stage: there is nothing to show yet.
    if (!complete && !std::filesystem::exists(file)) throw CLI::RuntimeError(static_cast<int>(ExitCode::unfinished));
    const auto results = parse_ordered_json(read_file(file, std::size_t{1} << 30), file.string());
    if (options.json != "-") {
        to_stdout("{}\nwritten: {} and {}\n", train::describe_tables(results), file.string(),
                  (options.study.out / "report.html").string());
    }
    write_json(results, options.json);
    if (!complete) throw CLI::RuntimeError(static_cast<int>(ExitCode::unfinished));
}

}  // namespace

void add_study(CLI::App& program) {
    auto options = std::make_shared<StudyCommandOptions>();
    auto* command =
        program.add_subcommand("study", "Train and measure variants side by side; writes JSON and a report");
    command->footer(
        "Example:\n  polyformer study configs/studies/road.json --data wikitext-2 --work work --out road --jobs 2\n\n"
        "Stages that variants share are trained once and kept in --work; called again, it goes on where it stopped.");
    command->add_option("config", options->study.config, "The study, such as configs/studies/road.json")->required();
    command->add_option("--data", options->study.data, "Folder of the texts or images")
        ->envname("POLYFORMER_DATA")
        ->required();
    command->add_option("--work", options->study.work, "Folder of prepared texts or images and of stages, kept")
        ->required();
    command->add_option("--out", options->study.out, "Folder for study.json and report.html")->required();
    command->add_option("--jobs", options->study.jobs, "Stages at a time, each with --threads threads")
        ->check(whole_number(1, 256))
        ->capture_default_str();
    add_trainer_options(*command, options->study.trainer);
    add_json_option(*command, options->json);
    command->callback([options] {
        options->study.quiet = options->study.trainer.quiet;
        study(*options);
    });
}

}  // namespace polyformer::cli
