#include "polyformer/train/data/data_identity.h"

#include "polyformer/train/data/prepared_images.h"
#include "polyformer/train/data/prepared_text.h"

namespace polyformer::train {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json data_identity(const fs::path& folder, const Config& config) {
    if (config.vision) {
        const PreparedImages images = load_images(folder / "train.images");
        return {{"images", images.size()},
                {"classes", images.classes.size()},
                {"train", images.source_digest},
                {"valid", load_images(folder / "valid.images").source_digest}};
    }
    const PreparedText text = load_text(folder / "train.ids");
    return {{"algorithm", config.tokenizer.algorithm},
            {"sentences", config.tokenizer.sentences},
            {"vocabulary", text.vocabulary},
            {"tokenizer", text.tokenizer_digest},
            {"tokens", text.ids.size()},
            {"words", text.words},
            {"train", text.source_digest},
            {"valid", load_text(folder / "valid.ids").source_digest}};
}

std::string test_identity(const fs::path& folder, const Config& config) {
    const fs::path file = folder / (config.vision ? "test.images" : "test.ids");
    if (!fs::exists(file)) return {};
    return config.vision ? load_images(file).source_digest : load_text(file).source_digest;
}

}  // namespace polyformer::train
