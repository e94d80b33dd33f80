#include "polyformer/train/data/prepare.h"

#include <cstdio>
#include <span>
#include <string>

#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/data/data_sources.h"
#include "polyformer/train/data/prepared_images.h"
#include "polyformer/train/data/prepared_text.h"
#include "polyformer/train/data/tokenizer_training.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void note(bool quiet, const std::string& text) {
    if (!quiet) to_stderr("{}\n", text);
}

/// Whether `target` holds the tokens of this text by this tokenizer.
bool is_current(const fs::path& target, const PreparedText& about) {
    if (!fs::exists(target)) return false;
    try {
        const PreparedText text = load_text(target);
        return text.source_digest == about.source_digest && text.tokenizer_digest == about.tokenizer_digest &&
               text.vocabulary == about.vocabulary;
    } catch (const FormatError&) {
        return false;  // of an older version, or damaged: nothing is lost by making it anew
    }
}

void prepare_text(const fs::path& source, const std::string& source_digest, const model::Tokenizer& tokenizer,
                  const std::string& tokenizer_digest, const fs::path& target, bool quiet) {
    PreparedText about;
    about.vocabulary = tokenizer.vocabulary();
    about.end_of_line = model::end_of_line_token(tokenizer);
    about.source_digest = source_digest;
    about.tokenizer_digest = tokenizer_digest;
    if (is_current(target, about)) return;

    Progress progress("Splitting " + source.filename().string() + " into tokens", 1, quiet);
    PreparedTextWriter writer(about, target);
    const model::TextCounts counts =
        model::tokenize(source, tokenizer, [&](std::span<const std::int32_t> ids, double done) {
            writer.write(ids);
            check_interruption();
            progress.update(done);
        });
    writer.commit(counts.words);
    progress.finish(fmt::format("{} tokens, {} words", counts.tokens, counts.words));
}

void write_json(const fs::path& file, const Json& json) {
    write_file(file, to_text(json, 2) + "\n");
}

/// tokenizer.json: what decides a vocabulary, to be raised with the ways of learning one.
Json record_of(const Config& config, const std::string& text_digest) {
    return {{"version", 1},
            {"text", text_digest},
            {"algorithm", config.tokenizer.algorithm},
            {"sentences", config.tokenizer.sentences},
            {"vocabulary", config.model.vocabulary}};
}

std::string digest_of_file(const fs::path& file) {
    return fs::exists(file) ? blake2b_of_file(file) : std::string();
}

/// Learns tokenizer.model unless the one in `work` is what would be learned. Returns its digest.
std::string prepare_tokenizer(const Config& config, const fs::path& text, const std::string& text_digest,
                              const fs::path& work, bool quiet) {
    const fs::path file = work / "tokenizer.model";
    const fs::path record_file = work / "tokenizer.json";
    Json record = record_of(config, text_digest);
    std::string there = digest_of_file(file);
    if (!there.empty()) {
        require(
            fs::exists(record_file),
            "'{}' stands without tokenizer.json, which says what a vocabulary was learned from: an older version of "
            "Polyformer made it, or somebody put it there. Work in another folder, or delete it, and it is learned "
            "anew",
            file.string());
        record["tokenizer"] = there;
        if (Json::parse(read_file(record_file), nullptr, false) == record) return there;
        require(!fs::exists(work / train_name / "stage.json"),
                "'{}' was learned from another training text or with other settings (vocabulary, tokenizer), and '{}' "
                "was trained with it: work in another folder, or delete this one",
                file.string(), (work / train_name).string());
        note(quiet, "The training text or the tokenizer's settings have changed");
    }
    note(quiet, fmt::format("Learning a vocabulary of {} pieces", config.model.vocabulary));
    const std::string tokenizer = [&] {
        const EndAtOnce guard;  // SentencePiece takes minutes and cannot be asked to stop
        return train_tokenizer(text, config.tokenizer, config.model.vocabulary);
    }();
    record["tokenizer"] = blake2b_hex(tokenizer);
    write_json(record_file, record);  // first, so that no tokenizer.model of ours is ever without
    write_file(file, tokenizer);
    return record["tokenizer"];
}

void prepare_texts(const Config& config, const fs::path& data, const Json& digests, const fs::path& work, bool quiet) {
    const std::string tokenizer_digest =
        prepare_tokenizer(config, model::corpus_file(data, "train"), digests.at("train"), work, quiet);
    const model::Tokenizer tokenizer(work / "tokenizer.model");
    for (const auto& [split, digest] : digests.items()) {
        prepare_text(model::corpus_file(data, split), digest, tokenizer, tokenizer_digest, work / (split + ".ids"),
                     quiet);
    }
}

}  // namespace

void prepare(const Config& config, const fs::path& data, const Json& digests, const fs::path& work, bool quiet) {
    make_directory(work);
    if (config.vision) {
        prepare_images(data, digests, work, config.vision->height, config.vision->width, quiet);
    } else {
        prepare_texts(config, data, digests, work, quiet);
    }
    write_json(work / "config.json", to_json(config));
}

void prepare(const Config& config, const fs::path& data, const fs::path& work, bool quiet) {
    prepare(config, data, source_digests(data, config), work, quiet);
}

}  // namespace polyformer::train
