#include "polyformer/importing/import.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "polyformer/importing/image_import.h"
#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/language/lines.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/substitution/calibration_texts.h"
#include "polyformer/substitution/import_report.h"
#include "polyformer/substitution/prefix_search.h"
#include "polyformer/substitution/softmax/public_prefix.h"
#include "polyformer/substitution/stream/turned_stream.h"
#include "polyformer/substitution/substitution.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::importing {

namespace {

constexpr std::size_t kPrefixTexts = 64;  // whose perplexity is looked at

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
                                         const substitution::CalibrationTexts& texts, const ImportOptions& options) {
    const std::vector<std::int32_t> wanted =
        options.prefix == "auto" ? std::vector<std::int32_t>{} : ids_of(options.prefix);
    const substitution::PrefixTexts tokens{texts.sample.part(0, kPrefixTexts).tokens, texts.stress.tokens};
    const bool quiet = options.substitution.quiet;
    const substitution::PrefixChoice choice =
        options.prefix == "auto" ? substitution::choose_prefix(model.graph, model.embedding, tokenizer, tokens, quiet)
                                 : substitution::try_prefix(model.graph, model.embedding, wanted, tokens, quiet);
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

/// With what there is to say of a loss that was missed.
Imported finished(nlohmann::ordered_json report, double loss, const std::string& licence) {
    const auto& mean = report["loss"]["mean"];
    const bool reached = mean.is_number() && mean.get<double>() <= loss;
    return {std::move(report), licence,
            reached ? ""
                    : "the loss asked for was not reached: calibrate with more text of the kind that the model will "
                      "meet, or ask for less with --loss or --escape"};
}

Imported import_image_model(const ImportOptions& options) {
    require(options.calibrate.size() == 1, "a model of images is calibrated on one folder of images, not on {}",
            options.calibrate.size());
    ImageImport wanted{.folder = options.checkpoint,
                       .out = options.out,
                       .images = options.calibrate.front(),
                       .count = options.texts,
                       .substitution = options.substitution,
                       .note = options.note};
    wanted.substitution.kind = substitution::OutputLoss::divergence;
    wanted.substitution.loss = options.loss > 0 ? options.loss : substitution::default_loss(wanted.substitution.kind);
    return finished(import_images(wanted), wanted.substitution.loss, "");
}

Imported import_texts(const ImportOptions& options) {
    require(options.context > 0, "give the greatest number of tokens of a text with --context");
    const std::size_t before = options.prefix == "auto" ? substitution::kLongestPrefix : ids_of(options.prefix).size();
    model::ImportedModel model = model::read_checkpoint(options.checkpoint, options.context, before);
    const std::vector<std::string> lines = lines_of(options.calibrate);
    const model::Tokenizer tokenizer(model.tokenizer_file);
    const bool next_tokens = model.text.output == model::TextOutput::next_token;
    const auto choose_texts = [&](bool special_tokens) {
        return substitution::choose_texts(
            lines, tokenizer, model.embedding,
            {.context = options.context, .texts = options.texts, .special_tokens = special_tokens});
    };
    // A prefix is sought with texts that have no special tokens, and behind one they have none.
    substitution::CalibrationChoice choice = choose_texts(!next_tokens && model.text.adds_special_tokens());
    nlohmann::ordered_json prefix;
    if (next_tokens) {
        prefix = put_behind_prefix(model, tokenizer, choice.texts, options);
        if (model.text.adds_special_tokens()) choice = choose_texts(true);
    }
    for (const std::string& note : model.notes) options.note(note);
    for (const std::string& warning : choice.warnings) options.warning(warning);
    FolderWriter folder(options.out);
    const substitution::TurnedStreams turned =
        substitution::turn_streams(model.graph, choice.texts, !model.embedding.norm.has_value());
    if (turned.input) substitution::turn(model.embedding);

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
    report["stream"] = substitution::to_json(turned);
    report["calibration"]["lines"] = lines.size();
    report["calibration"]["unknown_share"] = choice.unknown_share;
    save(model, made.graph, report, folder);
    return finished(std::move(report), substitution.loss, model.licence);
}

}  // namespace

Imported import_checkpoint(const ImportOptions& options) {
    return is_image_checkpoint(options.checkpoint) ? import_image_model(options) : import_texts(options);
}

}  // namespace polyformer::importing
