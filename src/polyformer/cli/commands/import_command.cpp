// `polyformer import`: a pretrained model, from a Hugging Face folder to a model of polynomials, without training.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/options.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/importing/import.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/substitution/import_report.h"
#include "polyformer/substitution/prefix_search.h"
#include "polyformer/substitution/substitution.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"

namespace polyformer::cli {

namespace {

constexpr std::uint64_t kMostTexts = 1'000'000;

struct ImportCommandOptions {
    importing::ImportOptions wanted;
    std::string json;
};

void import(const ImportCommandOptions& options) {
    importing::ImportOptions wanted = options.wanted;
    CommandFiles()
        .reads("folder", wanted.checkpoint)
        .reads("--calibrate", wanted.calibrate)
        .writes_folder("--out", wanted.out)
        .writes("--json", options.json)
        .check();
    wanted.note = [](const std::string& note) { to_stderr("note: {}\n", note); };
    wanted.warning = [](const std::string& warning) { to_stderr("warning: {}\n", warning); };
    const importing::Imported imported = importing::import_checkpoint(wanted);
    const nlohmann::ordered_json& report = imported.report;
    const bool for_people = options.json != "-";
    if (for_people) {
        to_stdout("{}", substitution::describe(report));
        if (report.contains("prefix")) to_stdout("{}", substitution::describe_prefix(report["prefix"]));
        to_stdout("{}", substitution::describe_stream(report["stream"]));
    }
    if (!imported.shortfall.empty()) wanted.warning(imported.shortfall);
    write_json(report, options.json);
    if (for_people) {
        to_stdout("written: {} (plan, run and eval take it; report.html shows what each function costs and loses){}\n",
                  wanted.out.string(),
                  imported.licence.empty() ? "" : "; licence of the original: " + imported.licence);
    }
}

}  // namespace

void add_import(CLI::App& program) {
    auto options = std::make_shared<ImportCommandOptions>();
    auto* command = program.add_subcommand("import", "Make a pretrained model run under encryption, without training");
    command->footer(
        "Example:\n  polyformer import all-MiniLM-L6-v2 --out minilm --calibrate lines.txt --context 64\n"
        "  polyformer plan minilm\n\n"
        "FOLDER is a Hugging Face folder (config.json, model.safetensors, tokenizer.json or vocab.txt) of BERT, "
        "DistilBERT,\n"
        "RoBERTa, LLaMA, Mistral, Qwen2, GPT-2, ViT, DeiT or DINOv2, or a LLaMA's GGUF file. The calibration text has "
        "one\n"
        "text a line, of the kind that the model will meet, some thousand lines; for images it is a folder of them, "
        "as\n"
        "'polyformer data' makes it. Nothing is trained on it, it says which values occur. scripts/to-safetensors "
        "makes\n"
        "such folders of other files.");
    command->add_option("folder", options->wanted.checkpoint, "The checkpoint's folder")->required();
    command->add_option("--out", options->wanted.out, "The model folder to write")->required();
    command
        ->add_option("--calibrate", options->wanted.calibrate,
                     "Text files, one text a line; of a model of images a folder of images")
        ->required();
    command
        ->add_option("--context", options->wanted.context, "Greatest number of tokens of a text, special ones included")
        ->check(whole_number(1, model::kMaxContext));
    command->add_option("--texts", options->wanted.texts, "How many texts or images to measure")
        ->check(whole_number(1, kMostTexts))
        ->capture_default_str();
    command
        ->add_option("--loss", options->wanted.loss,
                     "What may be lost in the mean: 1 - cosine of embeddings (by default 0.0005), or nats of the\n"
                     "divergence of tokens and classes (0.00002)")
        ->check(CLI::Range(1e-9, 1.0));
    command
        ->add_option("--escape", options->wanted.substitution.escape,
                     "Probability of a text with a value outside an interval, which makes its answer worthless")
        ->check(CLI::Range(1e-12, 0.5))
        ->capture_default_str();
    command
        ->add_option("--margin", options->wanted.substitution.margin,
                     "Share of each interval's width to add at both ends, for texts of other kinds")
        ->check(CLI::Range(0.0, 10.0))
        ->capture_default_str();
    command
        ->add_option("--prefix", options->wanted.prefix,
                     "Of a model that predicts next tokens: ids of public tokens before every text, between commas;\n"
                     "'none'; or 'auto': the shortest of up to two behind which no text grows a huge feature")
        ->capture_default_str();
    add_quiet_option(*command, options->wanted.substitution.quiet);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { import(*options); });
}

}  // namespace polyformer::cli
