// `polyformer eval`: what substitution costs in quality, on a whole split or any text.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/output.h"
#include "model/corpus.h"
#include "model/quality.h"
#include "support/error.h"

namespace polyformer::cli {

namespace {

/// Where the texts lie when --data does not say: $POLYFORMER_DATA, or one of the usual folders.
std::filesystem::path find_data(const std::string& split) {
    std::vector<std::filesystem::path> places;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here writes the environment
    if (const char* named = std::getenv("POLYFORMER_DATA"); named != nullptr) places.emplace_back(named);
    for (const char* folder : {"wikitext-103", "wikitext-2"}) {
        places.emplace_back(folder);
        places.push_back(std::filesystem::path("data") / folder);
        places.push_back(std::filesystem::temp_directory_path() / "polyformer-data" / folder);
    }
    std::string tried;
    for (const auto& place : places) {
        if (model::find_corpus_file(place, split)) return place;
        tried += fmt::format("{}{}", tried.empty() ? "" : ", ", place.string());
    }
    fail<IoError>(
        "none of {} holds {}: fetch WikiText with 'polyformer data wikitext-2', or name with --data the folder that "
        "holds the text",
        tried, fmt::join(model::corpus_names(split), ", "));
}

}  // namespace

void add_eval(CLI::App& program) {
    auto options = std::make_shared<model::QualityOptions>();
    auto json_path = std::make_shared<std::string>();
    auto* command =
        program.add_subcommand("eval", "Perplexity of a model, before and after substitution, on a split or any text");
    command->footer(
        "Examples:\n  polyformer eval models/wikitext-small --split test --data wikitext-2 --json eval.json\n"
        "  polyformer eval models/wikitext-small --text-file README.md");
    command->add_option("model", options->model, "The model folder")->required();
    auto* split = command->add_option("--split", options->split, "train, valid or test")
                      ->check(CLI::IsMember({"train", "valid", "test"}))
                      ->capture_default_str();
    auto* data = command->add_option("--data", options->data,
                                     "Folder of the texts, as 'polyformer data' makes it; else $POLYFORMER_DATA");
    command->add_option("--text-file", options->text, "Any text instead of a split")
        ->check(CLI::ExistingFile)
        ->excludes(split)
        ->excludes(data);
    command->add_option("--stride", options->stride, "Tokens between windows; 0: half the context")
        ->capture_default_str();
    command->add_option("--most-tokens", options->most_tokens, "Only the first so many tokens; 0: all")
        ->capture_default_str();
    command->add_flag("--quiet", options->quiet, "No progress bar");
    add_threads_option(*command);
    add_json_option(*command, *json_path);
    command->callback([options, json_path] {
        if (options->text.empty() && options->data.empty()) options->data = find_data(options->split);
        const model::Quality quality = model::measure_quality(*options);
        if (*json_path != "-") fmt::print("{}", model::describe(quality));
        write_json(model::to_json(quality), *json_path);
    });
}

}  // namespace polyformer::cli
