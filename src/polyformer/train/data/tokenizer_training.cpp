#include "polyformer/train/data/tokenizer_training.h"

#include <sentencepiece_trainer.h>

#include <unordered_map>
#include <utility>
#include <vector>

#include "polyformer/model/language/corpus.h"
#include "polyformer/support/error.h"

namespace polyformer::train {
namespace {

class Lines : public sentencepiece::SentenceIterator {
  public:
    explicit Lines(std::vector<std::string> lines) : lines_(std::move(lines)) {}
    bool done() const override { return next_ == lines_.size(); }
    void Next() override { ++next_; }
    const std::string& value() const override { return lines_[next_]; }
    sentencepiece::util::Status status() const override { return {}; }

  private:
    std::vector<std::string> lines_;
    std::size_t next_ = 0;
};

// At most `most` lines, evenly spread over the file.
std::vector<std::string> sample_lines(const std::filesystem::path& text, std::size_t most) {
    std::size_t lines = 0;
    model::for_each_line(text, [&](const std::string& line) { lines += line.empty() ? 0 : 1; });
    const std::size_t stride = lines / most + 1;
    std::vector<std::string> sample;
    std::size_t index = 0;
    model::for_each_line(text, [&](const std::string& line) {
        if (!line.empty() && index++ % stride == 0) sample.push_back(line);
    });
    require(!sample.empty(), "{} holds no text", text.string());
    return sample;
}

}  // namespace

std::string train_tokenizer(const std::filesystem::path& text, const TokenizerConfig& config, std::size_t pieces) {
    const std::unordered_map<std::string, std::string> options = {
        {"vocab_size", std::to_string(pieces)},
        {"model_type", config.algorithm},
        {"character_coverage", "0.9995"},
        {"byte_fallback", "true"},
        {"normalization_rule_name", "identity"},
        // The piece for unknown tokens must not be spelt like WikiText's word <unk>.
        {"unk_piece", "<none>"},
        {"user_defined_symbols", "<unk>,\n"},
        {"bos_id", "-1"},
        {"eos_id", "-1"},
        {"max_sentence_length", "65536"},
        {"num_threads", "1"},  // the same vocabulary on every machine
        {"minloglevel", "1"},
    };
    Lines lines(sample_lines(text, config.sentences));
    std::string model;
    const auto status = sentencepiece::SentencePieceTrainer::Train(options, &lines, &model);
    // "Internal: src/trainer_interface.cc(582) [condition] Vocabulary size too high (512). Please set it to ...".
    const std::string reason = status.ToString();
    const std::size_t bracket = reason.rfind("] ");
    require(status.ok(), "{} pieces cannot be learnt from the text '{}': {}", pieces, text.string(),
            bracket == std::string::npos ? "SentencePiece fails" : reason.substr(bracket + 2));
    return model;
}

}  // namespace polyformer::train
