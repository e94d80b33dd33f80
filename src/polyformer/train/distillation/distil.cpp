#include "polyformer/train/distillation/distil.h"

#include "polyformer/model/checkpoints/sentence_modules.h"
#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/model/families/encoder_checkpoint.h"
#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/distillation/encoder_rows.h"
#include "polyformer/train/distillation/encoder_text.h"
#include "polyformer/train/process/folder_lock.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// To be raised whenever the same recipe gives another result.
constexpr int recipe_version = 1;

/// The teacher, judged as `polyformer import` judges it.
model::ImportedModel teacher_of(const DistilOptions& options) {
    require(!fs::is_regular_file(options.checkpoint),
            "'{}' is a file: a teacher is a Hugging Face folder (config.json, model.safetensors, a tokenizer)",
            options.checkpoint.string());
    model::ImportedModel teacher = model::read_checkpoint(options.checkpoint, options.settings.context);
    const bool embeds = teacher.text.output == model::TextOutput::embedding;
    require(embeds,
            "'{}' ({}) gives {}, but only encoders that give a vector of each text can be teachers: name one with "
            "sentence-transformers' modules.json, or whose 'architectures' end in Model",
            options.checkpoint.string(), teacher.family,
            teacher.text.output == model::TextOutput::classes ? "classes" : "tokens");
    require(options.settings.context <= teacher.text.most_tokens,
            "a context of {} tokens, but '{}' cuts texts to {}: ask for no more with --context",
            options.settings.context, options.checkpoint.string(), teacher.text.most_tokens);
    return teacher;
}

Json digests(const std::vector<fs::path>& files) {
    Json list = Json::array();
    for (const fs::path& file : files) list.push_back(blake2b_of_file(file));
    return list;
}

Json recipe_of(const DistilOptions& options, const model::ImportedModel& teacher) {
    const auto modules = model::read_sentence_modules(options.checkpoint);
    std::vector<fs::path> files = model::find_weight_files(modules ? modules->transformer : options.checkpoint);
    files.push_back(teacher.tokenizer_file);
    return {{"version", recipe_version},
            {"precision", options.trainer.precision},
            {"settings", to_json(options.settings)},
            {"teacher", digests(files)},
            {"texts", digests({options.text.begin(), options.text.end()})}};
}

}  // namespace

std::optional<Json> run_distil(const DistilOptions& options) {
    require(!options.text.empty(), "give text to learn on with --text: files with a text in each line");
    model::require_no_folder(options.out);
    require_trainer(options.trainer);
    const model::ImportedModel teacher = teacher_of(options);
    const fs::path folder = options.work / distil_name;
    const InterruptionGuard interruption;
    try {
        const FolderLock lock(options.work);
        DistilRequest request;
        request.settings = options.settings;
        request.teacher = fs::absolute(options.checkpoint);
        request.prepared = fs::absolute(options.work);
        request.out = fs::absolute(options.out);
        request.recipe = recipe_of(options, teacher);
        const bool begun = is_distillation(folder);
        if (begun) {
            const Json found = load_distil_request(folder).recipe;
            require(found == request.recipe,
                    "{} holds another distillation ({}): work in another folder, or delete this one", folder.string(),
                    difference(found, request.recipe));
        }
        if (!begun || !fs::exists(options.work / "train.ids") || !fs::exists(options.work / "valid.ids")) {
            const model::Tokenizer tokenizer(teacher.tokenizer_file);
            const EncoderText text = encoder_text(options.text, tokenizer, options.settings.context);
            const std::size_t vocabulary = teacher.embedding.tokens.rows;
            save_rows(text.train, vocabulary, options.settings.context, options.work / "train.ids");
            save_rows(text.valid, vocabulary, options.settings.context, options.work / "valid.ids");
        }
        make_directory(folder);
        save_request(request, folder);
        if (run_trainer(options.trainer, folder) != TrainerOutcome::complete) return std::nullopt;
        return load_results(folder);
    } catch (const Interrupted& interrupted) {
        if (!options.trainer.quiet) to_stderr("{}\n", interrupted.what());
        return std::nullopt;
    }
}

}  // namespace polyformer::train
