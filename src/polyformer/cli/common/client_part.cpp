#include "polyformer/cli/common/client_part.h"

#include <cstdint>
#include <limits>

#include "polyformer/cli/common/options.h"
#include "polyformer/support/process/standard_streams.h"

namespace polyformer::cli {

void add_text_options(CLI::App& command, TextSource& source) {
    auto* text = command.add_option("--text", source.texts,
                                    "The text itself; several, each with an answer of its own, with --text A --text "
                                    "B");
    text->allow_extra_args(false);
    command.add_option("--text-file", source.file, "A file with the text, in UTF-8; '-': standard input");
    command.add_option("--text-lines", source.lines,
                       "A file with a text in each line that is not empty; '-': standard input");
    auto* ids = command.add_option("--token-ids", source.ids, "Token ids, for a model without a tokenizer");
    ids->check(whole_number(0, std::numeric_limits<std::int32_t>::max()));
    command.add_flag("--context-end", source.context_end, "Of a text longer than the model's context take the end");
}

void add_query_options(CLI::App& command, QuerySource& source, CLI::Option* needed) {
    add_text_options(command, source.text);
    auto* image = command.add_option(
        "--image", source.images,
        "A PNG, JPEG or WebP file of any size, for an image model; several at once with --image A --image B");
    image->allow_extra_args(false);
    for (const char* other : {"--text", "--text-file", "--text-lines", "--token-ids", "--context-end"}) {
        image->excludes(command.get_option(other));
    }
    if (needed != nullptr) image->needs(needed);
}

void add_sample_options(CLI::App& command, ImageSample& sample) {
    auto* data = command.add_option("--data", sample.data,
                                    "A folder of labelled images, as 'polyformer data' makes it: some of them, drawn "
                                    "at random, the same every time");
    for (const char* other : {"--text", "--text-file", "--text-lines", "--token-ids", "--image"}) {
        data->excludes(command.get_option(other));
    }
    command.add_option("--split", sample.split, "Split of --data: train, valid or test")
        ->check(CLI::IsMember({"train", "valid", "test"}))
        ->capture_default_str()
        ->needs(data);
    command.add_option("--most-images", sample.images, "How many images of --data")
        ->check(whole_number(1, 1 << 20))
        ->capture_default_str()
        ->needs(data);
}

void print_note(const Query& query) {
    if (!query.note.empty()) to_stderr("note: {}\n", query.note);
}

}  // namespace polyformer::cli
