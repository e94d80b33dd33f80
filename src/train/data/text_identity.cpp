#include "train/data/text_identity.h"

#include "train/data/prepared_text.h"

namespace polyformer::train {

nlohmann::ordered_json text_identity(const std::filesystem::path& folder, const TokenizerConfig& tokenizer) {
    const PreparedText text = load_text(folder / "train.ids");
    return {{"algorithm", tokenizer.algorithm},
            {"sentences", tokenizer.sentences},
            {"vocabulary", text.vocabulary},
            {"tokens", text.ids.size()},
            {"words", text.words}};
}

}  // namespace polyformer::train
