#include "polyformer/cli/generation/generation_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json_head.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::cli {

namespace {

using nlohmann::json;

constexpr const char* kFormat = "polyformer-generation";
constexpr std::size_t kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

std::int32_t checked_id(std::size_t id, std::size_t vocabulary, const std::string& place) {
    require<FormatError>(id < vocabulary, "{}: token {} of a vocabulary of {}", place, id, vocabulary);
    return static_cast<std::int32_t>(id);
}

GeneratedToken token_from_json(const json& object, std::size_t vocabulary, const std::string& place) {
    Fields fields(object, place);
    GeneratedToken token;
    token.id = checked_id(fields.count("id", vocabulary), vocabulary, place);
    token.probability = fields.number("probability");
    token.as_in_clear = fields.boolean("as_in_clear");
    fields.finish();
    require<FormatError>(token.probability >= 0 && token.probability <= 1, "{}: a probability of {}", place,
                         token.probability);
    return token;
}

}  // namespace

std::vector<std::int32_t> Generation::ids() const {
    std::vector<std::int32_t> all = prompt;
    for (const GeneratedToken& token : tokens) all.push_back(token.id);
    return all;
}

void save_generation(const Generation& generation, const std::filesystem::path& file) {
    json tokens = json::array();
    for (const GeneratedToken& token : generation.tokens) {
        tokens.push_back({{"id", token.id}, {"probability", token.probability}, {"as_in_clear", token.as_in_clear}});
    }
    const json document{{"format", kFormat},
                        {"version", kVersion},
                        {"model", generation.model},
                        {"encrypted", generation.encrypted},
                        {"temperature", generation.sampling.temperature},
                        {"top_k", generation.sampling.top_k},
                        {"seed", std::to_string(generation.sampling.seed)},
                        {"prompt", generation.prompt},
                        {"tokens", tokens}};
    write_file(file, to_text(document, 1) + "\n", FileAccess::owner_only);
}

Generation load_generation(const std::filesystem::path& file, const Generation& asked, std::size_t vocabulary) {
    const std::string label = fmt::format("'{}'", file.string());
    const json document = parse_json(read_file(file, kMaxBytes), label);
    Fields fields(document, label);
    read_head(fields, kFormat, kVersion);
    Generation found;
    found.model = fields.text("model");
    found.encrypted = fields.boolean("encrypted");
    found.sampling.temperature = fields.number("temperature");
    found.sampling.top_k = fields.count("top_k", vocabulary);
    const std::string seed = fields.text("seed");
    for (const std::size_t id : fields.counts("prompt", model::kMaxContext)) {
        found.prompt.push_back(checked_id(id, vocabulary, label + ": prompt"));
    }
    for (const json& token : fields.array("tokens", model::kMaxContext)) {
        found.tokens.push_back(token_from_json(token, vocabulary, label + ": tokens"));
    }
    fields.finish();
    const auto require_same = [&](bool same, const char* what) {
        require(same, "{} goes on with another {}: give the same again, or another file, or remove this one", label,
                what);
    };
    require_same(found.model == asked.model, "model");
    require_same(found.prompt == asked.prompt, "text");
    require_same(found.encrypted == asked.encrypted, "way to compute (--clear)");
    require_same(found.sampling.temperature == asked.sampling.temperature &&
                     found.sampling.top_k == asked.sampling.top_k && seed == std::to_string(asked.sampling.seed),
                 "way to choose (--temperature, --top-k, --seed)");
    found.sampling = asked.sampling;
    return found;
}

}  // namespace polyformer::cli
