// train, tune and convert in a build without LibTorch: they say so.
#include "cli/commands.h"
#include "support/error.h"

namespace polyformer::cli {

namespace {

void add_unavailable(CLI::App& program, const char* name) {
    auto* command = program.add_subcommand(name, "(not in this build: it was made without LibTorch)");
    command->allow_extras();
    command->callback([name] {
        fail("this build has no '{}': it was made without LibTorch; configure with the preset 'release'", name);
    });
}

}  // namespace

void add_train(CLI::App& program) {
    add_unavailable(program, "train");
}
void add_tune(CLI::App& program) {
    add_unavailable(program, "tune");
}
void add_convert(CLI::App& program) {
    add_unavailable(program, "convert");
}

}  // namespace polyformer::cli
