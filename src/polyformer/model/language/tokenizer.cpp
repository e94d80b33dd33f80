#include "polyformer/model/language/tokenizer.h"

#include <sentencepiece_processor.h>

#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

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

}  // namespace

class Tokenizer::Implementation {
  public:
    explicit Implementation(const std::filesystem::path& file) {
        // A model without a tokenizer, as random ones are, may be given one.
        require_own_file(file, Unlisted::allowed);
        const std::string contents = read_tokenizer(file);
        const auto status = processor_.LoadFromSerializedProto(contents);
        require<FormatError>(
            status.ok() && processor_.GetPieceSize() > 0,
            "'{}' is not a SentencePiece model, or it is damaged ({} bytes); copy it again, or train one",
            file.string(), contents.size());
    }

    const sentencepiece::SentencePieceProcessor& processor() const { return processor_; }

  private:
    static std::string read_tokenizer(const std::filesystem::path& file) {
        try {
            return read_file(file, kMaxTokenizerBytes);
        } catch (const IoError& error) {
            throw FormatError(fmt::format("no tokenizer: {}", error.what()));
        }
    }

    sentencepiece::SentencePieceProcessor processor_;
};

Tokenizer::Tokenizer(const std::filesystem::path& file)
    : implementation_(std::make_shared<const Implementation>(file)) {}

std::vector<std::int32_t> Tokenizer::encode(const std::string& text) const {
    std::vector<int> ids;
    const auto status = implementation_->processor().Encode(text, &ids);
    require(status.ok(), "the text of {} bytes cannot be split into tokens", text.size());
    return {ids.begin(), ids.end()};
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
    std::vector<int> known;
    for (const std::int32_t id : ids) {
        require(id >= 0 && static_cast<std::size_t>(id) < vocabulary(), "the id {} is not in the vocabulary, 0 to {}",
                id, vocabulary() - 1);
        known.push_back(id);
    }
    std::string text;
    const auto status = implementation_->processor().Decode(known, &text);
    require(status.ok(), "{} tokens cannot be joined to a text", ids.size());
    return text;
}

std::string Tokenizer::piece(std::int32_t id) const {
    require(id >= 0 && static_cast<std::size_t>(id) < vocabulary(), "the id {} is not in the vocabulary, 0 to {}", id,
            vocabulary() - 1);
    const auto& processor = implementation_->processor();
    const std::string& piece = processor.IdToPiece(id);
    // A byte piece is spelt "<0x41>": the letter A.
    if (processor.IsByte(id)) return std::string(1, static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16)));
    return with_spaces(piece);
}

std::size_t Tokenizer::vocabulary() const {
    return static_cast<std::size_t>(implementation_->processor().GetPieceSize());
}

}  // namespace polyformer::model
