// `polyformer report`: what a study found, once more: out of its data, or out of a report that holds them.

#include <filesystem>
#include <memory>
#include <string>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/support/json.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/train/report/report.h"

namespace polyformer::cli {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;

struct ReportOptions {
    std::filesystem::path file;
    std::filesystem::path out;
    std::string json;
};

nlohmann::ordered_json study_in(const std::filesystem::path& file) {
    const std::string text = read_file(file, kMaxBytes);
    if (text.starts_with('<')) return train::study_in_report(text, file.string());
    return parse_ordered_json(text, file.string());
}

void report(const ReportOptions& options) {
    CommandFiles()
        .reads("file", options.file)
        .writes_folder("--out", options.out, {"study.json", "report.html"})
        .writes("--json", options.json)
        .check();
    const nlohmann::ordered_json study = study_in(options.file);
    const std::string tables = train::describe_tables(study);
    if (options.json != "-") to_stdout("{}", tables);
    if (!options.out.empty()) {
        make_directory(options.out);
        write_file(options.out / "study.json", to_text(study) + "\n");
        write_file(options.out / "report.html", train::render_report(study));
    }
    write_json(study, options.json);
}

}  // namespace

void add_report(CLI::App& program) {
    auto options = std::make_shared<ReportOptions>();
    auto* command = program.add_subcommand("report", "Tables and page of a study that was made before");
    command->footer(
        "Example:\n  polyformer report docs/studies/road/report.html --out road\n\n"
        "A report.html holds the study's data at six significant digits; study.json holds them in full.");
    command->add_option("file", options->file, "A study's study.json or report.html")->required();
    command->add_option("--out", options->out, "Folder to write study.json and report.html into");
    add_json_option(*command, options->json);
    command->callback([options] { report(*options); });
}

}  // namespace polyformer::cli
