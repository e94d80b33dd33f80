#include "polyformer/train/data/prepare.h"

#include <cstdio>
#include <span>
#include <string>

#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/data/prepared_images.h"
#include "polyformer/train/data/prepared_text.h"
#include "polyformer/train/data/tokenizer_training.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;

void note(bool quiet, const std::string& text) {
    if (!quiet) fmt::print(stderr, "{}\n", text);
}

/// Whether `target` holds the tokens of a text of this size by this tokenizer.
bool is_current(const fs::path& target, const PreparedText& about) {
    if (!fs::exists(target)) return false;
    try {
        const PreparedText text = load_text(target);
        return text.source_bytes == about.source_bytes && text.tokenizer_digest == about.tokenizer_digest &&
               text.vocabulary == about.vocabulary;
    } catch (const FormatError&) {
        return false;  // of an older version, or damaged: nothing is lost by making it anew
    }
}

void prepare_text(const fs::path& source, const model::Tokenizer& tokenizer, const std::string& tokenizer_digest,
                  const fs::path& target, bool quiet) {
    PreparedText about;
    about.vocabulary = tokenizer.vocabulary();
    about.end_of_line = model::end_of_line_token(tokenizer);
    about.source_bytes = fs::file_size(source);
    about.tokenizer_digest = tokenizer_digest;
    if (is_current(target, about)) return;

    Progress progress("Splitting " + source.filename().string() + " into tokens", 1, quiet);
    PreparedTextWriter writer(about, target);
    const model::TextCounts counts =
        model::tokenize(source, tokenizer, [&](std::span<const std::int32_t> ids, double done) {
            writer.write(ids);
            progress.update(done);
        });
    writer.commit(counts.words);
    progress.finish(fmt::format("{} tokens, {} words", counts.tokens, counts.words));
}

void prepare_texts(const Config& config, const fs::path& data, const fs::path& work, bool quiet) {
    const fs::path tokenizer_file = work / "tokenizer.model";
    if (!fs::exists(tokenizer_file)) {
        note(quiet, fmt::format("Learning a vocabulary of {} pieces", config.model.vocabulary));
        write_file(tokenizer_file,
                   train_tokenizer(model::corpus_file(data, "train"), config.tokenizer, config.model.vocabulary));
    }
    const model::Tokenizer tokenizer(tokenizer_file);
    require(tokenizer.vocabulary() == config.model.vocabulary,
            "{} holds {} pieces, but the configuration asks for {}: work in another folder, or delete the file",
            tokenizer_file.string(), tokenizer.vocabulary(), config.model.vocabulary);
    const std::string digest = blake2b_hex(read_file(tokenizer_file));
    for (const std::string split : {"train", "valid", "test"}) {
        if (split == "test" && !model::find_corpus_file(data, split)) continue;  // training does without
        prepare_text(model::corpus_file(data, split), tokenizer, digest, work / (split + ".ids"), quiet);
    }
}

}  // namespace

void prepare(const Config& config, const fs::path& data, const fs::path& work, bool quiet) {
    fs::create_directories(work);
    if (config.vision) {
        prepare_images(data, work, config.vision->height, config.vision->width, quiet);
    } else {
        prepare_texts(config, data, work, quiet);
    }
    write_file(work / "config.json", to_json(config).dump(2) + "\n");
}

}  // namespace polyformer::train
