#include "polyformer/model/language/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <variant>

#include "polyformer/model/gguf/gguf_file.h"
#include "polyformer/model/tokenizers/gguf_tokenizer.h"
#include "polyformer/model/tokenizers/hugging_face.h"
#include "polyformer/model/tokenizers/vocabulary_file.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

using sentencepiece::SentencePieceProcessor;

constexpr std::size_t kMaxTokenizerBytes = std::size_t{1} << 28;
constexpr std::string_view kWordStart = "\u2581";  // ▁, SentencePiece's sign for a space

std::string with_spaces(std::string_view piece) {
    std::string result;
    while (!piece.empty()) {
        const bool space = piece.starts_with(kWordStart);
        result += space ? ' ' : piece.front();
        piece.remove_prefix(space ? kWordStart.size() : 1);
    }
    return result;
}

std::string read_tokenizer(const std::filesystem::path& file) {
    try {
        return read_file(file, kMaxTokenizerBytes);
    } catch (const IoError& error) {
        throw FormatError(fmt::format("no tokenizer: {}", error.what()));
    }
}

bool is_hugging_face(const std::filesystem::path& file) {
    return file.extension() == ".json" || file.extension() == ".txt" || is_gguf(file);
}

}  // namespace

std::string tokenizer_json(const std::filesystem::path& file) {
    const std::string label = "'" + file.string() + "'";
    std::string text = is_gguf(file) ? gguf_tokenizer(GgufFile(file).metadata()) : read_tokenizer(file);
    if (file.extension() == ".txt") {
        const std::filesystem::path config = file.parent_path() / "tokenizer_config.json";
        BertSettings settings;
        if (std::filesystem::exists(config)) {
            settings = bert_settings_from_json(read_file(config, kMaxTokenizerBytes), "'" + config.string() + "'");
        }
        text = tokenizer_from_vocabulary(text, settings, label);
    }
    static_cast<void>(HuggingFaceTokenizer(std::string_view(text), label));
    return text;
}

class Tokenizer::Implementation {
  public:
    explicit Implementation(const std::filesystem::path& file) {
        // A model without a tokenizer, as random ones are, may be given one.
        require_own_file(file, Unlisted::allowed);
        if (is_hugging_face(file)) {
            const std::string text = tokenizer_json(file);
            tokenizer_.emplace<HuggingFaceTokenizer>(std::string_view(text), "'" + file.string() + "'");
            return;
        }
        const std::string contents = read_tokenizer(file);
        auto& processor = tokenizer_.emplace<SentencePieceProcessor>();
        const auto status = processor.LoadFromSerializedProto(contents);
        require<FormatError>(
            status.ok() && processor.GetPieceSize() > 0,
            "'{}' is not a SentencePiece model, or it is damaged ({} bytes); copy it again, or train one",
            file.string(), contents.size());
    }

    /// Null for a SentencePiece model.
    const HuggingFaceTokenizer* hugging_face() const { return std::get_if<HuggingFaceTokenizer>(&tokenizer_); }
    const SentencePieceProcessor& sentence_piece() const { return std::get<SentencePieceProcessor>(tokenizer_); }

  private:
    std::variant<std::monostate, SentencePieceProcessor, HuggingFaceTokenizer> tokenizer_;
};

Tokenizer::Tokenizer(const std::filesystem::path& file)
    : implementation_(std::make_shared<const Implementation>(file)) {}

std::vector<std::int32_t> Tokenizer::encode(const std::string& text) const {
    if (const auto* hugging_face = implementation_->hugging_face()) return hugging_face->encode(text);
    std::vector<int> ids;
    const auto status = implementation_->sentence_piece().Encode(text, &ids);
    require(status.ok(), "the text of {} bytes cannot be split into tokens", text.size());
    return {ids.begin(), ids.end()};
}

EncodedText Tokenizer::encode_whole(const std::string& text, std::size_t most_tokens) const {
    const auto* hugging_face = implementation_->hugging_face();
    const SpecialTokens special = hugging_face != nullptr ? hugging_face->special_tokens() : SpecialTokens();
    const std::size_t around = special.before.size() + special.after.size();
    require(most_tokens > around, "at most {} tokens leave no room for a text beside the {} special ones", most_tokens,
            around);
    const std::vector<std::int32_t> ids = encode(text);
    const std::size_t kept = std::min(ids.size(), most_tokens - around);
    const bool end = hugging_face != nullptr && hugging_face->cuts_beginning();
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(end ? ids.size() - kept : 0);
    EncodedText encoded{.ids = special.before,
                        .left_out = ids.size() - kept,
                        .before = special.before.size(),
                        .after = special.after.size()};
    encoded.ids.insert(encoded.ids.end(), begin, begin + static_cast<std::ptrdiff_t>(kept));
    encoded.ids.insert(encoded.ids.end(), special.after.begin(), special.after.end());
    return encoded;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
    std::vector<int> known;
    for (const std::int32_t id : ids) {
        require(id >= 0 && static_cast<std::size_t>(id) < vocabulary(), "the id {} is not in the vocabulary, 0 to {}",
                id, vocabulary() - 1);
        known.push_back(id);
    }
    if (const auto* hugging_face = implementation_->hugging_face()) return hugging_face->decode(ids);
    std::string text;
    const auto status = implementation_->sentence_piece().Decode(known, &text);
    require(status.ok(), "{} tokens cannot be joined to a text", ids.size());
    return text;
}

std::string Tokenizer::piece(std::int32_t id) const {
    require(id >= 0 && static_cast<std::size_t>(id) < vocabulary(), "the id {} is not in the vocabulary, 0 to {}", id,
            vocabulary() - 1);
    if (const auto* hugging_face = implementation_->hugging_face()) return hugging_face->piece(id);
    const SentencePieceProcessor& processor = implementation_->sentence_piece();
    const std::string& piece = processor.IdToPiece(id);
    // A byte piece is spelt "<0x41>": the letter A.
    if (processor.IsByte(id)) return std::string(1, static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16)));
    return with_spaces(piece);
}

bool Tokenizer::is_special(std::int32_t id) const {
    if (const auto* hugging_face = implementation_->hugging_face()) return hugging_face->is_special(id);
    return implementation_->sentence_piece().IsControl(id);
}

std::optional<std::int32_t> Tokenizer::find(std::string_view piece) const {
    if (const auto* hugging_face = implementation_->hugging_face()) return hugging_face->find(piece);
    const SentencePieceProcessor& processor = implementation_->sentence_piece();
    const int id = processor.PieceToId(piece);
    return processor.IdToPiece(id) == piece ? std::optional(id) : std::nullopt;
}

std::size_t Tokenizer::vocabulary() const {
    if (const auto* hugging_face = implementation_->hugging_face()) return hugging_face->vocabulary();
    return static_cast<std::size_t>(implementation_->sentence_piece().GetPieceSize());
}

std::size_t Tokenizer::most_tokens() const {
    const auto* hugging_face = implementation_->hugging_face();
    return hugging_face != nullptr ? hugging_face->most_tokens() : 0;
}

}  // namespace polyformer::model
