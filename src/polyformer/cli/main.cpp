// The `polyformer` program: everything that a model owner, a data owner or a researcher does, as subcommands.
#include <fmt/format.h>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/cli/common/options.h"
#include "polyformer/support/version.h"

namespace polyformer::cli {

namespace {

int run_program(int argc, char** argv) {
    CLI::App program{"Polyformer: transformers in polynomial form, on encrypted data.", "polyformer"};
    program.footer(
        "Try it in one go:\n"
        "  polyformer run models/wikitext-small --text-file passage.txt --backend ckks\n\n"
        "Exit codes: 0 done, 1 internal error, 2 bad argument or value, 3 file cannot be read or written,\n"
        "4 damaged or foreign file, 5 interrupted (the same command goes on), 6 the answer means nothing (values that "
        "are\n"
        "not finite or beyond the model's bounds).");
    program.require_subcommand(1);
    program.set_version_flag("--version", fmt::format("polyformer {}", version()));
    for (const auto add :
         {add_data,    add_train,    add_tune,    add_convert, add_study,    add_report,       add_distil,
          add_import,  add_fit_head, add_index,   add_eval,    add_plan,     add_random_model, add_keygen,
          add_encrypt, add_infer,    add_decrypt, add_run,     add_generate, add_bench}) {
        add(program);
    }
    return parse(program, argc, argv);
}

}  // namespace

}  // namespace polyformer::cli

int main(int argc, char** argv) {
    return polyformer::cli::guarded([&] { return polyformer::cli::run_program(argc, argv); });
}
