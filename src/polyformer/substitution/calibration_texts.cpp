#include "polyformer/substitution/calibration_texts.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/shuffle.h"
#include "polyformer/support/text.h"

namespace polyformer::substitution {
namespace {

constexpr std::size_t kFewestLines = 32;
constexpr std::size_t kEnoughLines = 400;
constexpr std::size_t kHeldOutTexts = 128;
constexpr std::size_t kHeldOut = 8;         // every eighth line
constexpr std::size_t kStretchesALine = 4;  // at most
constexpr std::size_t kWhole = 4;           // every fourth text
constexpr std::size_t kStressShare = 4;     // texts for each stress text
constexpr std::size_t kMostStress = 512;    // they widen intervals as long as they are new: soon, few are
constexpr std::size_t kLargeVocabulary = 2000;
constexpr double kManyUnknown = 0.05;
constexpr double kMostlyUnknown = 0.5;

using Random = std::mt19937_64;

double uniform(Random& random) {
    return static_cast<double>(random() >> 11) * 0x1p-53;
}

/// From 1 to most, each power of two as likely as the next.
std::size_t log_uniform(Random& random, std::size_t most) {
    const double drawn = std::exp(uniform(random) * std::log(static_cast<double>(most) + 1));
    return std::clamp<std::size_t>(static_cast<std::size_t>(drawn), 1, most);
}

/// Some of a line's words in a row.
std::string stretch_of(const std::string& line, std::size_t most_words, Random& random) {
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] != ' ' && (i == 0 || line[i - 1] == ' ')) starts.push_back(i);
    }
    if (starts.size() < 2) return line;
    const std::size_t words = log_uniform(random, std::min(most_words, starts.size()));
    const std::size_t first = random() % (starts.size() - words + 1);
    const std::size_t end = first + words < starts.size() ? starts[first + words] - 1 : line.size();
    return line.substr(starts[first], end - starts[first]);
}

/// As hasty people write: words cut short, said twice, in capitals, run together, with signs and numbers between them.
std::string garbled(const std::string& text, Random& random) {
    constexpr std::string_view kSigns = "!?.,-:)(&#*/@0123456789";
    std::string result;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        std::string word = text.substr(begin, end - begin);
        begin = end + 1;
        switch (random() % 8) {
            case 0:
                word.resize(std::min<std::size_t>(word.size(), 1 + random() % 3));
                break;
            case 1:
                word += " " + word;
                break;
            case 2:
                std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::toupper(c); });
                break;
            case 3:
                word += std::string(1 + random() % 4, kSigns[random() % kSigns.size()]);
                break;
            default:
                break;
        }
        result += word + (random() % 8 == 0 ? "" : " ");
    }
    return valid_utf8(result);
}

class Chooser {
  public:
    Chooser(const model::Tokenizer& tokenizer, const TextChoice& choice) : tokenizer_(tokenizer), choice_(choice) {}

    void add(const std::string& text, Texts& texts) const {
        std::vector<std::int32_t> ids =
            choice_.special_tokens ? tokenizer_.encode_whole(text, choice_.context).ids : tokenizer_.encode(text);
        if (ids.size() > choice_.context) ids.resize(choice_.context);
        if (!ids.empty()) texts.tokens.push_back(std::move(ids));
    }

    void add_stretches(std::span<const std::string> lines, std::size_t count, Texts& texts) {
        for (std::size_t i = 0; i < std::min(count, kStretchesALine * lines.size()); ++i) {
            const std::string& line = lines[i % lines.size()];
            const bool first = i < lines.size();
            if (!first && line.find(' ') == std::string::npos) continue;  // it has been taken whole
            add(first && i % kWhole == 0 ? line : stretch_of(line, choice_.context, random_), texts);
        }
    }

    /// By turns: what few letters and many signs make of a text's words, a text's tokens in any order, random tokens.
    void add_stress(std::span<const std::string> lines, std::size_t count, Texts& texts) {
        if (tokenizer_.vocabulary() < kLargeVocabulary) return;
        for (std::size_t i = 0; i < count; ++i) {
            const std::string text = stretch_of(lines[i % lines.size()], choice_.context, random_);
            add(i % 3 == 0 ? garbled(text, random_) : text, texts);
            std::vector<std::int32_t>& ids = texts.tokens.back();
            std::vector<std::int32_t*> inner;
            for (std::int32_t& id : ids) {
                if (!tokenizer_.is_special(id)) inner.push_back(&id);
            }
            for (std::size_t t = inner.size(); t > 0 && i % 3 == 1; --t)
                std::swap(*inner[t - 1], *inner[random_() % t]);
            for (std::size_t t = 0; t < inner.size() && i % 3 == 2; ++t) *inner[t] = random_token();
        }
    }

    Random& random() { return random_; }

  private:
    std::int32_t random_token() {
        for (;;) {
            const auto id = static_cast<std::int32_t>(random_() % tokenizer_.vocabulary());
            if (!tokenizer_.is_special(id)) return id;
        }
    }

    const model::Tokenizer& tokenizer_;
    const TextChoice& choice_;
    Random random_{20230917};
};

double unknown_share(const Texts& texts, const model::Tokenizer& tokenizer) {
    std::optional<std::int32_t> unknown = tokenizer.find("[UNK]");
    if (!unknown) unknown = tokenizer.find("<unk>");
    if (!unknown || texts.token_count() == 0) return 0;
    std::size_t count = 0;
    for (const auto& ids : texts.tokens) count += static_cast<std::size_t>(std::ranges::count(ids, *unknown));
    return static_cast<double>(count) / static_cast<double>(texts.token_count());
}

void warn(CalibrationChoice& made, std::size_t lines, const TextChoice& choice) {
    if (lines < kEnoughLines) {
        made.warnings.push_back(
            fmt::format("{} lines are little to calibrate with: how far values reach in other texts is then a guess, "
                        "and intervals are "
                        "wide or left. Give {} lines or more of the kind that the model will meet",
                        lines, kEnoughLines));
    }
    if (made.unknown_share > kManyUnknown) {
        made.warnings.push_back(
            fmt::format("{:.0f} % of the calibration's tokens are unknown to the tokenizer: is the text in a script or "
                        "a language that "
                        "the model was not made for?",
                        100 * made.unknown_share));
    }
    std::size_t longest = 0;
    for (const auto& ids : made.texts.sample.tokens) longest = std::max(longest, ids.size());
    if (2 * longest < choice.context) {
        made.warnings.push_back(
            fmt::format("the longest calibration text has {} tokens, but the context is {}: what longer texts do is "
                        "not measured. Give "
                        "longer lines, or a smaller --context",
                        longest, choice.context));
    }
}

/// Every token once, in texts of the context's length; none where positions are embedded with them.
Texts whole_vocabulary(const model::Embedding& embedding, const Texts& like, std::size_t context) {
    Texts all{{}, like.embed};
    if (embedding.positions.rows > 0) return all;
    for (std::size_t first = 0; first < embedding.tokens.rows; first += context) {
        auto& text = all.tokens.emplace_back(std::min(context, embedding.tokens.rows - first));
        std::iota(text.begin(), text.end(), static_cast<std::int32_t>(first));
    }
    return all;
}

}  // namespace

CalibrationChoice choose_texts(const std::vector<std::string>& lines, const model::Tokenizer& tokenizer,
                               const model::Embedding& embedding, const TextChoice& choice) {
    std::vector<std::string> sample;
    for (const std::string& line : lines) {
        if (!line.empty()) sample.push_back(line);
    }
    const std::size_t all = sample.size();
    require(all >= kFewestLines,
            "{} lines of text are too few to calibrate with: give {} at least, better some thousand, one text a line",
            all, kFewestLines);
    Chooser chooser(tokenizer, choice);
    shuffle(std::span(sample), chooser.random());
    const std::size_t apart = all / kHeldOut;
    const std::span<const std::string> held_out = std::span<const std::string>(sample).first(apart);
    const std::span<const std::string> measured = std::span<const std::string>(sample).subspan(apart);

    const auto embed = [&embedding](std::span<const std::int32_t> ids) { return embedding.embed(ids); };
    CalibrationChoice made{{{{}, embed}, {{}, embed}, {{}, embed}, {}}, 0, {}};
    chooser.add_stretches(measured, choice.texts, made.texts.sample);
    chooser.add_stretches(held_out, kHeldOutTexts, made.texts.held_out);
    chooser.add_stress(measured, std::min(kMostStress, made.texts.sample.count() / kStressShare), made.texts.stress);
    made.unknown_share = unknown_share(made.texts.sample, tokenizer);
    require(
        made.unknown_share < kMostlyUnknown,
        "{:.0f} % of the calibration's tokens are unknown to the tokenizer: give text of the language and script that "
        "the model was made for",
        100 * made.unknown_share);
    made.texts.vocabulary = whole_vocabulary(embedding, made.texts.sample, choice.context);
    warn(made, all, choice);
    return made;
}

}  // namespace polyformer::substitution
