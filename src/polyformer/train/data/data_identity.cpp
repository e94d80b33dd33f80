#include "polyformer/train/data/data_identity.h"

#include "polyformer/train/data/prepared_images.h"
#include "polyformer/train/data/prepared_text.h"

namespace polyformer::train {

nlohmann::ordered_json data_identity(const std::filesystem::path& folder, const Config& config) {
    if (config.vision) {
        const PreparedImages images = load_images(folder / "train.images");
        return {{"images", images.size()}, {"classes", images.classes.size()}, {"digest", images.source_digest}};
    }
    const PreparedText text = load_text(folder / "train.ids");
    return {{"algorithm", config.tokenizer.algorithm},
            {"sentences", config.tokenizer.sentences},
            {"vocabulary", text.vocabulary},
            {"tokens", text.ids.size()},
            {"words", text.words}};
}

}  // namespace polyformer::train
