#include "polyformer/model/language/text_input.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/json_head.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr const char* kFormat = "polyformer-text-input";
constexpr std::size_t kVersion = 1;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 26;

constexpr std::array<const char*, 2> kTokenizers = {"tokenizer.model", "tokenizer.json"};
constexpr std::array<const char*, 5> kOutputs = {"next_token", "tokens", "classes", "embedding",
                                                 "documents"};  // as TextOutput
constexpr std::size_t kMaxTitle = 1024;                         // bytes

bool has_labels(TextOutput output) {
    return output == TextOutput::classes || output == TextOutput::documents;
}

void check_labels(const TextInput& input) {
    const std::vector<std::string>& labels = input.labels;
    const bool classes = input.output == TextOutput::classes;
    const std::size_t least = classes ? 2 : 1;
    const std::size_t longest = classes ? kMaxNameLength : kMaxTitle;
    require(labels.size() >= least && labels.size() <= kMaxFeatures, "{} labels are outside {} to {}", labels.size(),
            least, kMaxFeatures);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        require(!labels[i].empty() && labels[i].size() <= longest && is_utf8(labels[i]) &&
                    printable(labels[i]) == labels[i],
                "label {} must be 1 to {} bytes of UTF-8, without control characters", i, longest);
        require(!classes || seen.insert(labels[i]).second, "label {}, '{}', is there twice", i, labels[i]);
    }
}

}  // namespace

std::string name_of(TextOutput output) {
    return kOutputs.at(static_cast<std::size_t>(output));
}

void validate(const TextInput& input) {
    require(std::ranges::find(kTokenizers, input.tokenizer) != kTokenizers.end(),
            "the tokenizer's file is '{}', but it must be '{}' (SentencePiece) or '{}' (Hugging Face)", input.tokenizer,
            kTokenizers[0], kTokenizers[1]);
    require(input.most_tokens <= kMaxContext, "at most {} tokens are more than the {} that a model may have",
            input.most_tokens, kMaxContext);
    require(!input.special_tokens || input.tokenizer == kTokenizers[1],
            "special tokens are what '{}' says, but the tokenizer is '{}'", kTokenizers[1], input.tokenizer);
    require(!input.normalise || input.output == TextOutput::embedding,
            "only an embedding can be normalised, but the output is '{}'", name_of(input.output));
    require(input.prefix.empty() || input.output == TextOutput::next_token,
            "a prefix is for models that predict the next token, but the output is '{}'", name_of(input.output));
    require(input.prefix.size() <= kMaxContext, "a prefix of {} tokens is longer than {}", input.prefix.size(),
            kMaxContext);
    for (const std::int32_t id : input.prefix) {
        require(id >= 0 && static_cast<std::size_t>(id) < kMaxFeatures,
                "the prefix has the token {}, which is outside 0 to {}", id, kMaxFeatures - 1);
    }
    if (has_labels(input.output)) {
        check_labels(input);
    } else {
        require(input.labels.empty(), "{} labels are given, but the output is '{}', not 'classes' or 'documents'",
                input.labels.size(), name_of(input.output));
    }
}

void save_text_input(const TextInput& input, const std::filesystem::path& directory) {
    validate(input);
    nlohmann::ordered_json json{{"format", kFormat},
                                {"version", kVersion},
                                {"tokenizer", input.tokenizer},
                                {"special_tokens", input.special_tokens},
                                {"most_tokens", input.most_tokens},
                                {"output", name_of(input.output)}};
    if (input.output == TextOutput::embedding) json["normalise"] = input.normalise;
    if (has_labels(input.output)) json["labels"] = input.labels;
    if (!input.prefix.empty()) json["prefix"] = input.prefix;
    write_file(directory / text_input_file, to_text(json, 2) + "\n");
}

TextInput text_input_from_json(std::string_view text, const std::string& label) {
    const nlohmann::json document = parse_json(text, label);
    Fields fields(document, label);
    read_head(fields, kFormat, kVersion);
    TextInput input{.tokenizer = fields.text("tokenizer"),
                    .special_tokens = fields.boolean("special_tokens"),
                    .most_tokens = fields.count("most_tokens", kMaxContext),
                    .output = TextOutput::next_token,
                    .normalise = false,
                    .labels = {}};
    const std::string output = fields.text("output");
    const auto* found = std::ranges::find(kOutputs, output);
    require<FormatError>(found != kOutputs.end(), "{}: the output is '{}', but must be one of {}", label, output,
                         fmt::join(kOutputs, ", "));
    input.output = static_cast<TextOutput>(found - kOutputs.begin());
    if (input.output == TextOutput::embedding) input.normalise = fields.boolean("normalise");
    if (has_labels(input.output)) {
        for (const nlohmann::json& name : fields.array("labels", kMaxFeatures)) {
            require<FormatError>(name.is_string(), "{}: 'labels' must hold strings, found {}", label, name.type_name());
            input.labels.push_back(name.get<std::string>());
        }
    }
    if (document.contains("prefix")) {
        for (const nlohmann::json& id : fields.array("prefix", kMaxContext)) {
            require<FormatError>(id.is_number_unsigned() && id.get<std::uint64_t>() < kMaxFeatures,
                                 "{}: 'prefix' must hold token ids, whole numbers from 0 to {}, found {}", label,
                                 kMaxFeatures - 1, id.dump());
            input.prefix.push_back(id.get<std::int32_t>());
        }
    }
    fields.finish();
    try {
        validate(input);
    } catch (const Error& error) {
        throw FormatError(fmt::format("{}: {}", label, error.what()));
    }
    return input;
}

TextInput load_text_input(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / text_input_file;
    if (!std::filesystem::exists(file)) {
        require<FormatError>(!is_listed(directory, text_input_file),
                             "'{}' is missing, which the folder was made with: copy it again", file.string());
        return {};
    }
    require_own_file(file);
    return text_input_from_json(read_file(file, kMaxFileBytes), file.string());
}

}  // namespace polyformer::model
