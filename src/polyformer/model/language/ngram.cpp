#include "polyformer/model/language/ngram.h"

#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/perplexity.h"

namespace polyformer::model {
namespace {

using UseWord = std::function<void(const std::string&)>;

// The words of a line, then its end.
void for_each_word(std::string_view line, const UseWord& use) {
    while (true) {
        const std::size_t start = line.find_first_not_of(' ');
        if (start == std::string_view::npos) break;
        line.remove_prefix(start);
        const std::size_t length = std::min(line.find(' '), line.size());
        use(std::string(line.substr(0, length)));
        line.remove_prefix(length);
    }
    use(std::string(end_of_line_word));
}

std::uint64_t pair_key(std::uint32_t previous, std::uint32_t word) {
    return std::uint64_t{previous} << 32 | word;
}

constexpr std::array weights = {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

struct Scores {
    std::size_t words = 0;
    std::array<double, weights.size()> nats{};  // for each weight; weight 0 is the unigram
};

Scores score(const NgramModel& model, const std::filesystem::path& text) {
    Scores scores;
    std::string previous(end_of_line_word);
    for_each_line(text, [&](const std::string& line) {
        for_each_word(line, [&](const std::string& word) {
            for (std::size_t i = 0; i < weights.size(); ++i) {
                scores.nats[i] -= std::log(model.bigram(previous, word, weights[i]));
            }
            ++scores.words;
            previous = word;
        });
    });
    return scores;
}

}  // namespace

void NgramModel::learn(std::string_view line) {
    // The text starts after an end of line, which is word 1 from then on.
    if (ids_.empty()) last_ = ids_.emplace(end_of_line_word, 1).first->second;
    for_each_word(line, [this](const std::string& word) {
        const std::uint32_t next = ids_.emplace(word, static_cast<std::uint32_t>(ids_.size() + 1)).first->second;
        ++counts_[next];
        ++pairs_[pair_key(last_, next)];
        ++total_;
        last_ = next;
    });
}

std::uint32_t NgramModel::id(const std::string& word) const {
    const auto found = ids_.find(word);
    return found == ids_.end() ? 0 : found->second;
}

double NgramModel::unigram(const std::string& word) const {
    return bigram(word, word, 0);
}

double NgramModel::bigram(const std::string& previous, const std::string& word, double weight) const {
    const auto count_in = [](const auto& counts, auto key) {
        const auto found = counts.find(key);
        return found == counts.end() ? 0.0 : found->second;
    };
    const std::uint32_t next = id(word);
    const double share = (count_in(counts_, next) + 1) / (total_ + static_cast<double>(ids_.size()) + 1);
    if (weight == 0) return share;
    const std::uint32_t before = id(previous);
    const double seen_before = count_in(counts_, before);
    // After a word never seen there is nothing but the unigram to go by.
    if (seen_before == 0) return share;
    return weight * count_in(pairs_, pair_key(before, next)) / seen_before + (1 - weight) * share;
}

NgramPerplexity ngram_perplexity(const std::filesystem::path& training, const std::filesystem::path& validation,
                                 const std::filesystem::path& evaluated) {
    NgramModel model;
    for_each_line(training, [&](const std::string& line) { model.learn(line); });
    const Scores valid = score(model, validation);
    std::size_t best = 1;
    for (std::size_t i = 2; i < weights.size(); ++i) best = valid.nats[i] < valid.nats[best] ? i : best;
    const Scores result = score(model, evaluated);
    return {.words = result.words,
            .unigram = perplexity_per_word(result.nats[0], result.words),
            .bigram = perplexity_per_word(result.nats[best], result.words),
            .bigram_weight = weights[best]};
}

}  // namespace polyformer::model
