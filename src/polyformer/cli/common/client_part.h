// What a model is asked, as commands are told.
#pragma once

#include <CLI/CLI.hpp>

#include "polyformer/queries/client_part.h"

namespace polyformer::cli {

using queries::ClientPart;
using queries::find_tokenizer;
using queries::ImageSample;
using queries::ModelShape;
using queries::Query;
using queries::QuerySource;
using queries::TextSource;

/// Adds --text, --text-file, --text-lines, --token-ids and --context-end.
void add_text_options(CLI::App& command, TextSource& source);

/// Adds them and --image. All but texts and token ids go with `needed` where it is not null.
void add_query_options(CLI::App& command, QuerySource& source, CLI::Option* needed = nullptr);

/// Adds --data, --split and --most-images, beside those of add_query_options(), which they exclude.
void add_sample_options(CLI::App& command, ImageSample& sample);

/// Prints its note to standard error, if it has one.
void print_note(const Query& query);

}  // namespace polyformer::cli
