// `polyformer data`: the texts and images to train on, from their official homes.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/download/datasets.h"
#include "polyformer/train/download/image_datasets.h"

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
    to_stdout("{}", format_table(rows));
}

/// "500", or "3 to 70" where classes differ.
std::string images_a_class(const train::ImageCounts& counts) {
    return counts.fewest == counts.most ? std::to_string(counts.most)
                                        : fmt::format("{} to {}", counts.fewest, counts.most);
}

void print_splits(const train::FetchedImages& fetched) {
    std::vector<std::vector<std::string>> rows = {{"split", "images", "a class", "published"}};
    for (const train::ImageCounts& counts : fetched.splits) {
        rows.push_back(
            {counts.split, std::to_string(counts.images), images_a_class(counts), std::to_string(counts.published)});
    }
    to_stdout("{}{} classes, checked by {}; every 50th training image of a class validates\n", format_table(rows),
              fetched.classes,
              fetched.is_published_archive ? "the archive's checksum" : "the number of images of each class");
    if (!fetched.is_subset) return;
    std::string parts;
    for (const train::ImageCounts& counts : fetched.splits) {
        parts += fmt::format("{}{} of {} a class to {}", parts.empty() ? "" : ", ", images_a_class(counts),
                             counts.published, counts.split == "train" ? "train on" : "test with");
    }
    to_stdout("A subset: {}. Figures measured on it do not compare with published ones.\n", parts);
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

nlohmann::ordered_json to_json(const train::FetchedImages& fetched) {
    nlohmann::ordered_json splits = nlohmann::ordered_json::array();
    for (const train::ImageCounts& counts : fetched.splits) {
        splits.push_back({{"split", counts.split},
                          {"images", counts.images},
                          {"fewest_a_class", counts.fewest},
                          {"most_a_class", counts.most},
                          {"published_a_class", counts.published}});
    }
    return splits;
}

std::vector<std::string> known_names() {
    std::vector<std::string> names;
    for (const train::DataSet& data_set : train::data_sets()) names.push_back(data_set.name);
    for (const train::ImageDataSet& data_set : train::image_data_sets()) names.push_back(data_set.name);
    return names;
}

template <class DataSets>
std::string describe_all(const DataSets& data_sets) {
    std::string text;
    for (const auto& data_set : data_sets) {
        text += fmt::format("  {:<14}{}\n                ({})\n                from {}\n", data_set.name,
                            data_set.title, data_set.license, data_set.url);
    }
    return text;
}

std::string manual() {
    return "Data sets:\n" + describe_all(train::data_sets()) + describe_all(train::image_data_sets()) +
           "\nExamples:\n"
           "  polyformer data wikitext-2                           # into ./wikitext-2; a broken download goes on\n"
           "  polyformer data wikitext-103 --out texts/wikitext-103\n"
           "  polyformer data wikitext-2 --from wikitext-2-v1.zip  # a copy of the archive: no connection needed\n"
           "  polyformer data wikitext-2 --from my-texts           # wiki.{train,valid,test}.tokens, .raw, or\n"
           "                                                       # {train,valid,test}.txt\n"
           "  polyformer data cifar-100\n"
           "  polyformer data tiny-imagenet --from subset.tar.zst  # zip or tar (gzip, xz, zstd), or a folder\n"
           "Images of your own need no command: SPLIT/CLASS/NAME.png (or .jpg), SPLIT train and test.";
}

struct DataOptions {
    std::string name;
    train::FetchOptions fetch;
    std::string json_path;
};

/// What is the same in all reports.
template <class DataSet, class Results>
nlohmann::ordered_json report(const DataSet& data_set, const Results& fetched, const DataOptions& options,
                              const Stopwatch& watch) {
    return {{"data_set", data_set.name},
            {"license", data_set.license},
            {"source", fetched.source},
            {"folder", options.fetch.out.string()},
            {"seconds", watch.seconds()}};
}

template <class DataSet, class Results>
void print_use(const DataSet& data_set, const Results& fetched, const DataOptions& options) {
    to_stdout("{} ({}): {}; use it with --data {}\n", data_set.name, data_set.license, fetched.source,
              options.fetch.out.string());
}

void run_data(DataOptions options) {
    const Stopwatch watch;
    const bool table = options.json_path != "-";
    if (options.fetch.out.empty()) options.fetch.out = options.name;
    CommandFiles()
        .reads("--from", options.fetch.from)
        .writes_folder("--out", options.fetch.out)
        .writes("--json", options.json_path)
        .check();
    if (const train::ImageDataSet* data_set = train::find_image_data_set(options.name); data_set != nullptr) {
        const train::FetchedImages fetched = train::fetch_images(*data_set, options.fetch);
        if (table) print_splits(fetched);
        if (table) print_use(*data_set, fetched, options);
        nlohmann::ordered_json document = report(*data_set, fetched, options, watch);
        document["classes"] = fetched.classes;
        document["checked_by"] = fetched.is_published_archive ? "checksum" : "counts";
        document["is_subset"] = fetched.is_subset;
        document["splits"] = to_json(fetched);
        write_json(document, options.json_path);
        return;
    }
    const train::DataSet& data_set = train::find_data_set(options.name);
    const train::Fetched fetched = train::fetch(data_set, options.fetch);
    if (table) print_files(fetched);
    if (table) print_use(data_set, fetched, options);
    nlohmann::ordered_json document = report(data_set, fetched, options, watch);
    document["files"] = to_json(fetched);
    write_json(document, options.json_path);
}

}  // namespace

void add_data(CLI::App& program) {
    auto options = std::make_shared<DataOptions>();
    auto* command = program.add_subcommand("data", "Fetch a data set from its official home, and check it");
    command->footer(manual());
    command->add_option("name", options->name, fmt::format("The data set: {}", fmt::join(known_names(), ", ")))
        ->required();
    command->add_option("--out", options->fetch.out, "Folder to fill; default: the data set's name");
    command->add_option("--from", options->fetch.from, "Take it from this folder or archive instead");
    add_quiet_option(*command, options->fetch.quiet);
    add_json_option(*command, options->json_path);
    command->callback([options] {
        const std::vector<std::string> known = known_names();
        require(std::find(known.begin(), known.end(), options->name) != known.end(), "unknown data set '{}': choose {}",
                options->name, fmt::join(known, ", "));
        run_data(*options);
    });
}

}  // namespace polyformer::cli
