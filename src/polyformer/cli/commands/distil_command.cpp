// `polyformer distil`: an encoder that costs less under encryption learns from a published one what to make of texts.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/commands/training_options.h"
#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/train/distillation/distil.h"

namespace polyformer::cli {

namespace {

struct DistilCommandOptions {
    train::DistilOptions wanted;
    std::string json;
};

void distil(const DistilCommandOptions& options) {
    const train::DistilOptions& wanted = options.wanted;
    CommandFiles()
        .reads("folder", wanted.checkpoint)
        .reads("--text", wanted.text)
        .writes_folder("--work", wanted.work)
        .writes_folder("--out", wanted.out)
        .writes("--json", options.json)
        .check();
    const auto results = train::run_distil(wanted);
    if (!results) throw CLI::RuntimeError(static_cast<int>(ExitCode::unfinished));
    if (options.json != "-") {
        const auto& held_out = results->at("held_out");
        const auto number = [&](const char* when, const char* what) {
            return held_out.at(when).at(what).get<double>();
        };
        to_stdout(
            "{} updates; on texts held out the mean cosine with the teacher's vectors is {:.4f} (before: {:.4f}), the "
            "loss {:.4f} (before: {:.4f})\nwritten: {} ('polyformer import' takes it)\n",
            results->at("updates").get<std::size_t>(), number("after", "cosine"), number("before", "cosine"),
            number("after", "loss"), number("before", "loss"), wanted.out.string());
    }
    write_json(*results, options.json);
}

void add_settings(CLI::App& command, train::DistilSettings& settings) {
    command
        .add_option("--attention", settings.attention,
                    "softmax, or a function that sees each score alone, over the number of tokens: sigmoid, gelu")
        ->check(CLI::IsMember(train::student_attentions))
        ->capture_default_str();
    command.add_option("--context", settings.context, "Greatest number of tokens of a text, special ones included")
        ->check(whole_number(1, model::kMaxContext))
        ->capture_default_str();
    command.add_option("--updates", settings.updates, "How long to train")
        ->check(whole_number(1, 100'000'000))
        ->capture_default_str();
    command.add_option("--batch", settings.batch, "Texts an update")
        ->check(whole_number(1, 1 << 20))
        ->capture_default_str();
    command.add_option("--rate", settings.learning_rate, "Of AdamW, at its greatest")
        ->check(CLI::Range(1e-9, 1.0))
        ->capture_default_str();
    command
        .add_option("--range-weight", settings.range_weight,
                    "What scores and pre-activations beyond --scores and --hidden cost")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    command
        .add_option("--variance-weight", settings.variance_weight,
                    "What variances that enter norms cost when they differ, most beyond --variance-ratio")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    command.add_option("--scores", settings.scores, "How large a score should become")
        ->check(CLI::Range(1e-3, 1e6))
        ->capture_default_str();
    command.add_option("--hidden", settings.hidden, "How large a pre-activation should become")
        ->check(CLI::Range(1e-3, 1e6))
        ->capture_default_str();
    command.add_option("--variance-ratio", settings.variance_ratio, "The largest variance of a norm over its smallest")
        ->check(CLI::Range(1.0, 1e9))
        ->capture_default_str();
    command.add_option("--seed", settings.seed, "Of the texts' order")->capture_default_str();
}

}  // namespace

void add_distil(CLI::App& program) {
    auto options = std::make_shared<DistilCommandOptions>();
    auto* command = program.add_subcommand(
        "distil", "Train an encoder that costs less under encryption to do as a published one does");
    command->footer(
        "Examples:\n  polyformer distil all-MiniLM-L6-v2 --text lines.txt --attention sigmoid --work work --out "
        "pointwise\n"
        "  polyformer import pointwise --out model --calibrate lines.txt --context 32\n"
        "  polyformer distil all-MiniLM-L6-v2 --text lines.txt --scores 6 --work work-2 --out narrow\n\n"
        "FOLDER is a Hugging Face folder of a BERT, DistilBERT or RoBERTa that gives a vector of each text. Penalties "
        "draw "
        "in\n"
        "what enters its functions, so that polynomials of lower degrees do. Pointwise attention saves the "
        "exponentials' "
        "sums\nand their inverses. The student is such a folder again; what has pointwise attention, only 'polyformer' "
        "reads.");
    train::DistilOptions& wanted = options->wanted;
    command->add_option("folder", wanted.checkpoint, "The checkpoint's folder")->required();
    command->add_option("--text", wanted.text, "Text files, one text a line, of the kind that the model will meet")
        ->required();
    command->add_option("--work", wanted.work, "Folder of checkpoints; an unfinished run there goes on")->required();
    command->add_option("--out", wanted.out, "The student's folder, which must not be there yet")->required();
    add_settings(*command, wanted.settings);
    add_trainer_options(*command, wanted.trainer);
    add_json_option(*command, options->json);
    command->callback([options] { distil(*options); });
}

}  // namespace polyformer::cli
