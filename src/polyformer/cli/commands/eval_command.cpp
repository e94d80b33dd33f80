// `polyformer eval`: what substitution costs in quality, on a whole split or any text.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/images/image_quality.h"
#include "polyformer/model/images/image_set.h"
#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/quality.h"
#include "polyformer/model/language/strange_rows.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/tasks/evaluation.h"
#include "polyformer/tasks/next_tokens.h"
#include "polyformer/tasks/text_model.h"

namespace polyformer::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOfAny = std::size_t{1} << 40;  ///< tokens or images: more than any data set has

/// Where data lie when --data does not say: $POLYFORMER_DATA, or one of the usual folders of these names. The first
/// that is accepted, or nothing; `tried` lists the others.
fs::path find_data(const std::vector<const char*>& names, const std::function<bool(const fs::path&)>& accept,
                   std::string& tried) {
    std::vector<fs::path> places;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here writes the environment
    if (const char* named = std::getenv("POLYFORMER_DATA"); named != nullptr) places.emplace_back(named);
    for (const char* name : names) {
        places.emplace_back(name);
        places.push_back(fs::path("data") / name);
        std::error_code error;  // of a $TMPDIR that is not there
        if (const fs::path folder = fs::temp_directory_path(error); !error) {
            places.push_back(folder / "polyformer-data" / name);
        }
    }
    for (const auto& place : places) {
        if (accept(place)) return place;
        tried += fmt::format("{}{}", tried.empty() ? "" : ", ", place.string());
    }
    return {};
}

fs::path find_texts(const std::string& split) {
    std::string tried;
    const fs::path found = find_data(
        {"wikitext-103", "wikitext-2"},
        [&](const fs::path& place) { return model::find_corpus_file(place, split).has_value(); }, tried);
    require<IoError>(!found.empty(),
                     "none of {} holds {}: fetch WikiText with 'polyformer data wikitext-2', or name with --data the "
                     "folder that holds the text",
                     tried, fmt::join(model::corpus_names(split), ", "));
    return found;
}

fs::path find_images(const fs::path& model, const std::string& split) {
    std::vector<std::string> classes = model::load_image_input(model).classes;
    std::sort(classes.begin(), classes.end());
    std::string tried;
    const fs::path found = find_data(
        {"cifar-100", "cifar-100-binary", "tiny-imagenet", "tiny-imagenet-200"},
        [&](const fs::path& place) {
            if (!model::has_image_split(place, split)) return false;
            std::vector<std::string> others = model::open_image_set(place, split).classes();
            std::sort(others.begin(), others.end());
            return others == classes;
        },
        tried);
    require<IoError>(!found.empty(),
                     "none of {} holds '{}' images of the model's {} classes ({}, ...): fetch them with 'polyformer "
                     "data', or name with --data the folder that holds them",
                     tried, split, classes.size(), classes.front());
    return found;
}

/// What the command line says; which of it applies depends on the model.
struct EvalOptions {
    model::QualityOptions text;
    tasks::EvaluationOptions task;
    std::string columns;
    std::size_t most_images = 0;
    std::size_t strange_rows = 0;
    std::string json;
};

void eval_task(EvalOptions options) {
    options.task.model = options.text.model;
    options.task.split = options.text.split;
    options.task.quiet = options.text.quiet;
    options.task.columns = tasks::parse_columns(options.columns);
    const tasks::TaskResult result = tasks::evaluate_task(options.task);
    if (options.json != "-") to_stdout("{}", tasks::describe(result));
    write_json(tasks::to_json(result), options.json);
}

void eval_images(const EvalOptions& options) {
    const model::QualityOptions& text = options.text;
    require(text.text.empty() && text.stride == 0 && text.most_tokens == 0 && options.strange_rows == 0,
            "'{}' is an image model, and --text-file, --stride, --most-tokens and --strange-rows are for language "
            "models: name a folder of images with --data",
            text.model.string());
    const model::ImageQuality quality =
        model::measure_image_quality({.model = text.model,
                                      .data = text.data.empty() ? find_images(text.model, text.split) : text.data,
                                      .split = text.split,
                                      .most_images = options.most_images,
                                      .quiet = text.quiet});
    if (options.json != "-") to_stdout("{}", model::describe(quality));
    write_json(model::to_json(quality), options.json);
}

void eval_strange_rows(const EvalOptions& options) {
    const model::QualityOptions& given = options.text;
    const std::vector<model::StrangeResult> results = model::measure_strange_rows(
        {.model = given.model,
         .text = given.text.empty() ? model::corpus_file(given.data, given.split) : given.text,
         .rows = options.strange_rows,
         .quiet = given.quiet});
    if (options.json != "-") to_stdout("{}", model::describe(results));
    write_json(model::to_json(results), options.json);
}

/// A model that was imported, or will be: texts as its own tokenizer reads them, one a line.
void eval_next_tokens(const EvalOptions& options, bool checkpoint) {
    const model::QualityOptions& given = options.text;
    const tasks::TextModel model = tasks::load_model_or_checkpoint(given.model, options.task.model_tokens);
    require(model.input.output == model::TextOutput::next_token,
            "'{}' gives {}, which is judged by a task: give one with --task", given.model.string(),
            model::name_of(model.input.output));
    std::vector<std::string> texts;
    model::for_each_line(given.text.empty() ? model::corpus_file(given.data, given.split) : given.text,
                         [&](const std::string& line) {
                             if (!line.empty()) texts.push_back(line);
                         });
    const tasks::NextTokenResult result = tasks::measure_next_tokens(
        model, texts,
        {.stride = given.stride, .most_tokens = given.most_tokens, .exact_only = checkpoint, .quiet = given.quiet});
    if (options.json != "-") to_stdout("{}", tasks::describe(result));
    write_json(tasks::to_json(result), options.json);
}

void eval_text(EvalOptions options) {
    model::QualityOptions& text = options.text;
    require(options.most_images == 0,
            "'{}' is a language model, and --most-images is for image models: see --most-tokens", text.model.string());
    require(text.data.empty() || model::find_corpus_file(text.data, text.split) || !model::is_image_folder(text.data),
            "'{}' holds images, but '{}' is a language model (it has no image.json): give a folder of texts",
            text.data.string(), text.model.string());
    if (text.text.empty() && text.data.empty()) text.data = find_texts(text.split);
    if (text.text == "-") text.text = "/dev/stdin";
    if (tasks::is_checkpoint(text.model)) return eval_next_tokens(options, true);
    const model::TextInput input = model::load_text_input(text.model);
    if (input.output == model::TextOutput::next_token && input.tokenizer == "tokenizer.json") {
        return eval_next_tokens(options, false);
    }
    if (options.strange_rows > 0) return eval_strange_rows(options);
    const model::Quality quality = model::measure_quality(text);
    if (options.json != "-") to_stdout("{}", model::describe(quality));
    write_json(model::to_json(quality), options.json);
}

}  // namespace

void add_eval(CLI::App& program) {
    auto options = std::make_shared<EvalOptions>();
    model::QualityOptions& text = options->text;
    auto* command = program.add_subcommand(
        "eval", "How good a model is before and after substitution: perplexity, accuracy, rank correlation, retrieval");
    command->footer(
        "Examples:\n  polyformer eval models/wikitext-small --split test --data wikitext-2 --json eval.json\n"
        "  polyformer eval models/wikitext-small --text-file README.md\n"
        "  polyformer eval models/wikitext-small --data wikitext-2 --strange-rows 1000   # repeats, other scripts, "
        "...\n"
        "  polyformer eval models/cifar100-vit --data cifar-100 --json eval.json  # with the confusion of all classes\n"
        "  polyformer eval my-model --data my-images --split valid --most-images 500\n"
        "  polyformer eval minilm --task stsb/sts-test.csv             # sentence pairs\n"
        "  polyformer eval minilm-banking --task banking77/test.csv    # labelled texts\n"
        "  polyformer eval minilm --task scifact --document-model all-MiniLM-L6-v2   # retrieval, in BEIR's layout\n"
        "  polyformer eval all-MiniLM-L6-v2 --task stsb/sts-test.csv   # a checkpoint that was not imported, as it is");
    command->add_option("model", text.model, "The model folder, or a checkpoint of texts as it is before import")
        ->required();
    auto* split = command->add_option("--split", text.split, "train, valid or test")
                      ->check(CLI::IsMember({"train", "valid", "test"}))
                      ->capture_default_str();
    auto* data = command->add_option(
        "--data", text.data, "Folder of the texts or images, as 'polyformer data' makes it; else $POLYFORMER_DATA");
    command->add_option("--text-file", text.text, "Any text in UTF-8 instead of a split; '-': standard input")
        ->excludes(split)
        ->excludes(data);
    auto* task = command
                     ->add_option("--task", options->task.task,
                                  "Sentence pairs with scores, labelled or rewritten texts (CSV, TSV, JSON Lines), "
                                  "or a folder of queries and documents as BEIR has them")
                     ->excludes(data);
    command->add_option("--columns", options->columns, "What a table's columns are: text=2,label=1, or score=5,...")
        ->needs(task);
    command
        ->add_option("--document-model", options->task.document_model,
                     "What reads a retrieval task's documents, with exact functions: the checkpoint that the model was "
                     "imported from, or a model; by default the model itself")
        ->needs(task);
    command
        ->add_option("--model-tokens", options->task.model_tokens,
                     "Of each text, for a checkpoint that was not imported")
        ->check(whole_number(1, model::kMaxContext))
        ->capture_default_str();
    command->add_option("--document-tokens", options->task.document_tokens, "Of each document, for a checkpoint")
        ->needs(task)
        ->check(whole_number(1, model::kMaxContext))
        ->capture_default_str();
    command
        ->add_option("--most-texts", options->task.most_texts,
                     "Only the first so many pairs, texts or queries of the task; 0: all")
        ->needs(task)
        ->check(whole_number(0, kMostOfAny))
        ->capture_default_str();
    command->add_option("--stride", text.stride, "Tokens between windows; 0: half the context")
        ->check(whole_number(0, model::kMaxContext))
        ->capture_default_str();
    command->add_option("--most-tokens", text.most_tokens, "Only the first so many tokens; 0: all")
        ->check(whole_number(0, kMostOfAny))
        ->capture_default_str();
    command
        ->add_option("--strange-rows", options->strange_rows,
                     "Instead of the text so many rows that no text is like (repeats, shuffles, random tokens, other "
                     "scripts): which have values outside the polynomials' intervals; 0: none")
        ->check(whole_number(0, kMostOfAny))
        ->capture_default_str();
    command
        ->add_option("--most-images", options->most_images,
                     "Only so many images, drawn at random, the same every time; 0: all")
        ->check(whole_number(0, kMostOfAny))
        ->capture_default_str();
    add_quiet_option(*command, text.quiet);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] {
        const model::QualityOptions& given = options->text;
        if (!tasks::is_checkpoint(given.model)) require_folder(given.model, FolderKind::model);
        CommandFiles()
            .reads("model", given.model)
            .reads("--data", given.data)
            .reads("--text-file", given.text == "-" ? "" : given.text)
            .reads("--task", options->task.task)
            .reads("--document-model", options->task.document_model)
            .writes("--json", options->json)
            .check();
        if (!options->task.task.empty()) {
            eval_task(*options);
        } else if (model::takes_images(options->text.model)) {
            eval_images(*options);
        } else {
            eval_text(*options);
        }
    });
}

}  // namespace polyformer::cli
