#include "train/prepare.h"

#include <cstdio>
#include <string>
#include <utility>

#include "model/bundle.h"
#include "model/corpus.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "train/prepared_text.h"
#include "train/tokenizer_training.h"

namespace polyformer::train {

namespace fs = std::filesystem;

void prepare(const Config& config, const fs::path& data, const fs::path& work, bool quiet) {
    const auto note = [&](const std::string& text) {
        if (!quiet) fmt::print(stderr, "{}\n", text);
    };
    fs::create_directories(work);
    const fs::path tokenizer_file = work / "tokenizer.model";
    if (!fs::exists(tokenizer_file)) {
        note(fmt::format("Learning a vocabulary of {} pieces", config.model.vocabulary));
        write_file(tokenizer_file,
                   train_tokenizer(model::corpus_file(data, "train"), config.tokenizer, config.model.vocabulary));
    }
    const model::Tokenizer tokenizer(tokenizer_file);
    require(tokenizer.vocabulary() == config.model.vocabulary,
            "{} holds {} pieces, but the configuration asks for {}: work in another folder, or delete the file",
            tokenizer_file.string(), tokenizer.vocabulary(), config.model.vocabulary);
    for (const std::string split : {"train", "valid"}) {
        const fs::path source = model::corpus_file(data, split);
        const fs::path target = work / (split + ".ids");
        if (fs::exists(target) && load_text(target).source_bytes == fs::file_size(source)) continue;
        note(fmt::format("Splitting {} into tokens", source.filename().string()));
        model::TokenizedText text = model::tokenize_file(source, tokenizer);
        note(fmt::format("  {} tokens, {} words", text.ids.size(), text.words));
        save_text({.vocabulary = tokenizer.vocabulary(),
                   .words = text.words,
                   .end_of_line = text.end_of_line,
                   .source_bytes = fs::file_size(source),
                   .ids = std::move(text.ids)},
                  target);
    }
    write_file(work / "config.json", to_json(config).dump(2) + "\n");
}

}  // namespace polyformer::train
