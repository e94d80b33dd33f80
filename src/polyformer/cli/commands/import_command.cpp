// `polyformer import`: a pretrained model, from a Hugging Face folder to a model of polynomials, without training.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/commands/import_images.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/model/language/lines.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/substitution/calibration_texts.h"
#include "polyformer/substitution/import_report.h"
#include "polyformer/substitution/prefix_search.h"
#include "polyformer/substitution/softmax/public_prefix.h"
#include "polyformer/substitution/substitution.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/json.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"

namespace polyformer::cli {

namespace {

constexpr std::uint64_t kMostTexts = 1'000'000;

struct ImportOptions {
    std::filesystem::path folder;
    std::filesystem::path out;
    std::vector<std::string> calibrate;
    std::size_t context = 0;
    std::size_t texts = 1000;
    substitution::SubstitutionOptions substitution;
    double loss = 0;  ///< 0: the default of the output's kind
    std::string prefix = "auto";
    std::string json;
};

constexpr std::size_t kPrefixTexts = 64;

/// Token ids between commas; none for "none".
std::vector<std::int32_t> ids_of(const std::string& prefix) {
    std::vector<std::int32_t> ids;
    if (prefix == "none") return ids;
    for (std::size_t begin = 0; begin <= prefix.size();) {
        const std::size_t end = std::min(prefix.find(',', begin), prefix.size());
        std::int32_t id = -1;
        const char* last = prefix.data() + end;
        const auto [rest, error] = std::from_chars(prefix.data() + begin, last, id);
        require(error == std::errc() && rest == last && id >= 0,
                "--prefix takes token ids between commas, 'none' or 'auto', not '{}'", prefix);
        ids.push_back(id);
        begin = end + 1;
    }
    return ids;
}

/// Finds the public prefix of a model that predicts next tokens, whose graph was read with room for it, and makes the
/// model the one that stands behind it.
nlohmann::ordered_json put_behind_prefix(model::ImportedModel& model, const model::Tokenizer& tokenizer,
                                         const std::vector<std::string>& lines, const ImportOptions& options) {
    const std::vector<std::int32_t> wanted =
        options.prefix == "auto" ? std::vector<std::int32_t>{} : ids_of(options.prefix);
    const auto texts =
        substitution::choose_texts(lines, tokenizer, model.embedding,
                                   {.context = options.context, .texts = kPrefixTexts, .special_tokens = false});
    const std::vector<std::vector<std::int32_t>> tokens = texts.texts.sample.part(0, kPrefixTexts).tokens;
    const substitution::PrefixChoice choice =
        options.prefix == "auto" ? substitution::choose_prefix(model.graph, model.embedding, tokenizer, tokens)
                                 : substitution::try_prefix(model.graph, model.embedding, wanted, tokens);
    model.text.prefix = choice.chosen().tokens;
    const std::size_t count = model.text.prefix.size();
    const model::Tensor prefix =
        count > 0 ? model.embedding.embed(model.text.prefix) : model::Tensor{0, model.graph.width, {}};
    model.graph = substitution::with_prefix(model.graph, prefix, options.context);
    model.embedding = substitution::behind_prefix(model.embedding, count, options.context);
    return substitution::to_json(choice, tokenizer);
}

std::vector<std::string> lines_of(const std::vector<std::string>& files) {
    std::vector<std::string> lines;
    for (const std::string& file : files) {
        model::for_each_line_of(read_file(file), "'" + file + "'",
                                [&](const std::string& line) { lines.push_back(line); });
    }
    return lines;
}

substitution::OutputLoss loss_of(model::TextOutput output) {
    return output == model::TextOutput::embedding ? substitution::OutputLoss::cosine
                                                  : substitution::OutputLoss::divergence;
}

void save(const model::ImportedModel& model, const model::Graph& graph, const nlohmann::ordered_json& report,
          FolderWriter& folder) {
    model::save_graph(graph, folder.path());
    model::save_embedding(model.embedding, folder.path());
    model::save_text_input(model.text, folder.path());
    write_file(folder.path() / model.text.tokenizer, model::tokenizer_json(model.tokenizer_file));
    write_file(folder.path() / "import.json", to_text(report, 1) + "\n");
    write_file(folder.path() / "report.html", substitution::render_page(report));
    folder.commit();
}

/// The report for people, and where the model lies.
void show(const nlohmann::ordered_json& report, double loss, const ImportOptions& options, const std::string& licence) {
    if (options.json != "-") to_stdout("{}", substitution::describe(report));
    if (options.json != "-" && report.contains("prefix")) {
        to_stdout("{}", substitution::describe_prefix(report["prefix"]));
    }
    const auto& mean = report["loss"]["mean"];
    if (!mean.is_number() || mean.get<double>() > loss) {
        to_stderr(
            "warning: the loss asked for was not reached: calibrate with more text of the kind that the model will "
            "meet, or ask for less with --loss or --escape\n");
    }
    write_json(report, options.json);
    if (options.json != "-") {
        to_stdout("written: {} (plan, run and eval take it; report.html shows what each function costs and loses){}\n",
                  options.out.string(), licence.empty() ? "" : "; licence of the original: " + licence);
    }
}

void import_image_model(const ImportOptions& options) {
    require(options.calibrate.size() == 1, "a model of images is calibrated on one folder of images, not on {}",
            options.calibrate.size());
    ImageImport import{.folder = options.folder,
                       .out = options.out,
                       .images = options.calibrate.front(),
                       .count = options.texts,
                       .substitution = options.substitution};
    import.substitution.kind = substitution::OutputLoss::divergence;
    import.substitution.loss = options.loss > 0 ? options.loss : substitution::default_loss(import.substitution.kind);
    show(import_images(import), import.substitution.loss, options, "");
}

void import(const ImportOptions& options) {
    CommandFiles()
        .reads("folder", options.folder)
        .reads("--calibrate", options.calibrate)
        .writes_folder("--out", options.out)
        .writes("--json", options.json)
        .check();
    if (is_image_checkpoint(options.folder)) return import_image_model(options);
    require(options.context > 0, "give the greatest number of tokens of a text with --context");
    const std::size_t before = options.prefix == "auto" ? substitution::kLongestPrefix : ids_of(options.prefix).size();
    model::ImportedModel model = model::read_checkpoint(options.folder, options.context, before);
    const std::vector<std::string> lines = lines_of(options.calibrate);
    const model::Tokenizer tokenizer(model.tokenizer_file);
    const bool next_tokens = model.text.output == model::TextOutput::next_token;
    nlohmann::ordered_json prefix;
    if (next_tokens) prefix = put_behind_prefix(model, tokenizer, lines, options);
    const substitution::CalibrationChoice choice = substitution::choose_texts(
        lines, tokenizer, model.embedding,
        {.context = options.context, .texts = options.texts, .special_tokens = model.text.adds_special_tokens()});
    for (const std::string& note : model.notes) to_stderr("note: {}\n", note);
    for (const std::string& warning : choice.warnings) to_stderr("warning: {}\n", warning);
    FolderWriter folder(options.out);

    substitution::SubstitutionOptions substitution = options.substitution;
    substitution.kind = loss_of(model.text.output);
    substitution.next_tokens = next_tokens;
    substitution.loss = options.loss > 0 ? options.loss : substitution::default_loss(substitution.kind, next_tokens);
    const substitution::Substituted made = substitution::substitute(std::move(model.graph), choice.texts, substitution);
    nlohmann::ordered_json report = made.report;
    report["model"] = {{"family", model.family},
                       {"licence", model.licence},
                       {"output", model::name_of(model.text.output)},
                       {"context", options.context}};
    if (next_tokens) report["prefix"] = prefix;
    report["calibration"]["lines"] = lines.size();
    report["calibration"]["unknown_share"] = choice.unknown_share;
    save(model, made.graph, report, folder);
    show(report, substitution.loss, options, model.licence);
}

}  // namespace

void add_import(CLI::App& program) {
    auto options = std::make_shared<ImportOptions>();
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
    command->add_option("folder", options->folder, "The checkpoint's folder")->required();
    command->add_option("--out", options->out, "The model folder to write")->required();
    command
        ->add_option("--calibrate", options->calibrate,
                     "Text files, one text a line; of a model of images a folder of images")
        ->required();
    command->add_option("--context", options->context, "Greatest number of tokens of a text, special ones included")
        ->check(whole_number(1, model::kMaxContext));
    command->add_option("--texts", options->texts, "How many texts or images to measure")
        ->check(whole_number(1, kMostTexts))
        ->capture_default_str();
    command
        ->add_option("--loss", options->loss,
                     "What may be lost in the mean: 1 - cosine of embeddings (by default 0.0005), or nats of the\n"
                     "divergence of tokens and classes (0.00002)")
        ->check(CLI::Range(1e-9, 1.0));
    command
        ->add_option("--escape", options->substitution.escape,
                     "Probability of a text with a value outside an interval, which makes its answer worthless")
        ->check(CLI::Range(1e-12, 0.5))
        ->capture_default_str();
    command
        ->add_option("--margin", options->substitution.margin,
                     "Share of each interval's width to add at both ends, for texts of other kinds")
        ->check(CLI::Range(0.0, 10.0))
        ->capture_default_str();
    command
        ->add_option("--prefix", options->prefix,
                     "Of a model that predicts next tokens: ids of public tokens before every text, between commas;\n"
                     "'none'; or 'auto': the shortest of up to two behind which no text grows a huge feature")
        ->capture_default_str();
    add_quiet_option(*command, options->substitution.quiet);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { import(*options); });
}

}  // namespace polyformer::cli
