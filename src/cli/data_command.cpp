// `polyformer data`: the texts to train on, from their official homes.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/output.h"
#include "support/progress.h"
#include "train/data/datasets.h"

namespace polyformer::cli {

namespace {

std::string describe(train::Check check) {
    switch (check) {
        case train::Check::checksum:
            return "checksum";
        case train::Check::lines:
            return "number of lines";
        case train::Check::none:
            break;
    }
    return "nothing: a text of your own";
}

void print_files(const train::Fetched& fetched) {
    std::vector<std::vector<std::string>> rows = {{"file", "bytes", "lines", "words", "checked by"}};
    for (const train::FetchedFile& file : fetched.files) {
        rows.push_back({file.name, format_bytes(static_cast<double>(file.bytes)), std::to_string(file.lines),
                        std::to_string(file.words), describe(file.check)});
    }
    fmt::print("{}", format_table(rows));
}

nlohmann::ordered_json to_json(const train::Fetched& fetched) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const train::FetchedFile& file : fetched.files) {
        files.push_back({{"name", file.name},
                         {"bytes", file.bytes},
                         {"lines", file.lines},
                         {"words", file.words},
                         {"sha256", file.sha256},
                         {"checked_by", describe(file.check)}});
    }
    return files;
}

std::string known_names() {
    std::string names;
    for (const train::DataSet& data_set : train::data_sets()) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", data_set.name);
    }
    return names;
}

std::string manual() {
    std::string text = "Data sets:\n";
    for (const train::DataSet& data_set : train::data_sets()) {
        text += fmt::format("  {:<14}{} ({})\n                from {}\n", data_set.name, data_set.title,
                            data_set.license, data_set.url);
    }
    return text +
           "\nExamples:\n"
           "  polyformer data wikitext-2                           # into ./wikitext-2; a broken download goes on\n"
           "  polyformer data wikitext-103 --out texts/wikitext-103\n"
           "  polyformer data wikitext-2 --from wikitext-2-v1.zip  # a copy of the archive: no connection needed\n"
           "  polyformer data wikitext-2 --from my-texts           # wiki.{train,valid,test}.tokens, .raw, or\n"
           "                                                       # {train,valid,test}.txt";
}

}  // namespace

void add_data(CLI::App& program) {
    auto name = std::make_shared<std::string>();
    auto options = std::make_shared<train::FetchOptions>();
    auto json_path = std::make_shared<std::string>();
    auto* command = program.add_subcommand("data", "Fetch a data set from its official home, and check it");
    command->footer(manual());
    command->add_option("name", *name, "The data set: " + known_names())->required();
    command->add_option("--out", options->out, "Folder to fill; default: the data set's name");
    command->add_option("--from", options->from, "Take it from this folder or zip archive instead");
    command->add_flag("--quiet", options->quiet, "No progress bar");
    add_json_option(*command, *json_path);
    command->callback([name, options, json_path] {
        const auto start = std::chrono::steady_clock::now();
        const train::DataSet& data_set = train::find_data_set(*name);
        if (options->out.empty()) options->out = data_set.name;
        const train::Fetched fetched = train::fetch(data_set, *options);
        if (*json_path != "-") {
            print_files(fetched);
            fmt::print("{} ({}): {}; use it with --data {}\n", data_set.name, data_set.license, fetched.source,
                       options->out.string());
        }
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        write_json({{"data_set", data_set.name},
                    {"license", data_set.license},
                    {"source", fetched.source},
                    {"folder", options->out.string()},
                    {"files", to_json(fetched)},
                    {"seconds", time.count()}},
                   *json_path);
    });
}

}  // namespace polyformer::cli
