#include "polyformer/train/data/data_sources.h"

#include <string>

#include "polyformer/model/images/image_set.h"
#include "polyformer/model/language/corpus.h"
#include "polyformer/support/system/digest.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool has_split(const fs::path& data, const std::string& split, const Config& config) {
    return config.vision ? model::has_image_split(data, split) : model::find_corpus_file(data, split).has_value();
}

}  // namespace

Json source_digests(const fs::path& data, const Config& config) {
    Json digests = Json::object();
    for (const std::string split : {"train", "valid", "test"}) {
        if (split == "test" && !has_split(data, split, config)) continue;  // training does without
        digests[split] = config.vision ? model::open_image_set(data, split).digest()
                                       : blake2b_of_file(model::corpus_file(data, split));
    }
    return digests;
}

}  // namespace polyformer::train
