// `polyformer fit-head` and `polyformer index`: what an encoder's vectors are good for, as one more linear map behind
// it.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/tasks/maps/search_index.h"
#include "polyformer/tasks/maps/text_head.h"
#include "polyformer/tasks/text_model.h"

namespace polyformer::cli {

namespace {

namespace fs = std::filesystem;

struct HeadCommand {
    fs::path model;
    fs::path data;
    fs::path out;
    std::string columns;
    tasks::HeadOptions head;
    bool quiet = false;
    std::string json;
};

tasks::TextModel load_encoder(const fs::path& folder) {
    tasks::TextModel model = tasks::load_text_model(folder);
    require(model.input.output == model::TextOutput::embedding,
            "'{}' gives {}, but an encoder, which gives an embedding, is needed: import one without a head",
            folder.string(), name_of(model.input.output));
    return model;
}

void fit_head(const HeadCommand& options) {
    require_folder(options.model, FolderKind::model);
    CommandFiles()
        .reads("model", options.model)
        .reads("--data", options.data)
        .writes_folder("--out", options.out)
        .writes("--json", options.json)
        .check();
    require_replaceable(options.out);
    const Stopwatch watch;
    const tasks::TextModel encoder = load_encoder(options.model);
    const tasks::LabelledTexts data = tasks::read_labelled_texts(options.data, tasks::parse_columns(options.columns));
    const tasks::TextHead head = tasks::fit_text_head(encoder, data, options.head, options.quiet);
    if (head.texts_outside > 0) {
        to_stderr(
            "warning: {} of {} texts leave some polynomial's interval: import the encoder with calibration text "
            "of this kind\n",
            head.texts_outside, data.texts.size());
    }
    if (head.texts_lost > 0) to_stderr("warning: {} text(s) have no vector and are left out\n", head.texts_lost);
    tasks::save_text_head(options.out, options.model, head);
    if (options.json != "-") {
        to_stdout(
            "'{}': {} classes, fitted to {} texts in {}; loss {:.3f}, {:.1f} % of them right\n"
            "See how it does on others: polyformer eval {} --task FILE\n",
            options.out.string(), head.input.labels.size(), head.texts, format_duration(watch.seconds()), head.loss,
            100 * head.accuracy, options.out.string());
    }
    write_json({{"classes", head.input.labels.size()},
                {"texts", head.texts},
                {"loss", head.loss},
                {"accuracy", head.accuracy},
                {"seconds", watch.seconds()}},
               options.json);
}

struct IndexCommand {
    fs::path model;
    fs::path documents;
    fs::path out;
    fs::path document_model;
    std::size_t document_tokens = 256;
    bool quiet = false;
    std::string json;
};

void make_index(const IndexCommand& options) {
    require_folder(options.model, FolderKind::model);
    CommandFiles()
        .reads("model", options.model)
        .reads("--documents", options.documents)
        .reads("--document-model", options.document_model)
        .writes_folder("--out", options.out)
        .writes("--json", options.json)
        .check();
    require_replaceable(options.out);
    const Stopwatch watch;
    const tasks::TextModel encoder = load_encoder(options.model);
    std::optional<tasks::TextModel> other;
    if (!options.document_model.empty()) {
        other = tasks::load_model_or_checkpoint(options.document_model, options.document_tokens);
    }
    const std::vector<tasks::Document> documents = tasks::read_documents(options.documents);
    Progress bar("reading documents", 1, options.quiet);
    tasks::SearchIndex index =
        tasks::make_index(encoder, other ? *other : encoder, documents, [&](double share) { bar.update(share); });
    bar.finish();
    tasks::save_index(options.out, options.model, std::move(index), encoder.input);
    if (options.json != "-") {
        to_stdout("'{}': {} documents, in {}\nAsk it: polyformer run {} --text \"...\"\n", options.out.string(),
                  documents.size(), format_duration(watch.seconds()), options.out.string());
    }
    write_json({{"documents", documents.size()}, {"seconds", watch.seconds()}}, options.json);
}

}  // namespace

void add_fit_head(CLI::App& program) {
    auto options = std::make_shared<HeadCommand>();
    auto* command = program.add_subcommand(
        "fit-head", "Makes a classifier of an encoder: a linear map behind it, fitted to labelled texts");
    command->footer(
        "Examples:\n  polyformer fit-head minilm --data banking77/train.csv --out minilm-banking\n"
        "  polyformer fit-head minilm --data spam.tsv --columns label=1,text=2 --out minilm-spam\n"
        "  polyformer eval minilm-banking --task banking77/test.csv");
    command->add_option("model", options->model, "Folder of a model that gives embeddings")->required();
    command->add_option("--data", options->data, "Texts and labels: CSV, TSV or JSON Lines")->required();
    command->add_option("--out", options->out, "Where to write the classifier's folder")->required();
    command->add_option("--columns", options->columns, "Where text and label are, by number or name: text=2,label=1");
    command->add_option("--penalty", options->head.penalty, "Weight of the squared weights against the mean loss")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    add_quiet_option(*command, options->quiet);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { fit_head(*options); });
}

void add_index(CLI::App& program) {
    auto options = std::make_shared<IndexCommand>();
    auto* command =
        program.add_subcommand("index", "Puts documents behind an encoder, to be searched by encrypted queries");
    command->footer(
        "Examples:\n  polyformer index minilm --documents corpus.jsonl --out minilm-corpus\n"
        "  polyformer index minilm --document-model all-MiniLM-L6-v2 --documents corpus.jsonl --out minilm-corpus\n"
        "  polyformer run minilm-corpus --text \"does aspirin prevent cancer?\"");
    command->add_option("model", options->model, "Folder of a model that gives embeddings: it reads the queries")
        ->required();
    command
        ->add_option("--documents", options->documents,
                     "JSON Lines with \"text\" and, or not, \"title\" and \"_id\"; read in the clear")
        ->required();
    command->add_option("--document-model", options->document_model,
                        "What reads the documents, with exact functions: the checkpoint that the model was imported "
                        "from, or a model; by default the model itself");
    command->add_option("--document-tokens", options->document_tokens, "Of each document, for a checkpoint")
        ->check(whole_number(1, model::kMaxContext))
        ->capture_default_str();
    command->add_option("--out", options->out, "Where to write the index, a model's folder")->required();
    add_quiet_option(*command, options->quiet);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { make_index(*options); });
}

}  // namespace polyformer::cli
