#include "polyformer/substitution/prefix_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

#include "polyformer/support/extremes.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

using Ids = std::vector<std::int32_t>;

constexpr std::size_t kFrequent = 3;
constexpr std::size_t kStressRound = 64;

constexpr std::array<std::string_view, 8> kBeginnings = {
    "<|begin_of_text|>", "<s>", "<bos>", "<|startoftext|>", "<|endoftext|>", "<|im_start|>", "[BOS]", "[CLS]"};
constexpr std::array<std::string_view, 7> kFillers = {".", "\n", ",", " of", " the", "(", ":"};

void add_new(std::vector<std::int32_t>& ids, std::int32_t id) {
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
}

/// Marks of a text's beginning.
Ids beginnings(const model::Tokenizer& tokenizer) {
    Ids ids;
    const Ids around = tokenizer.encode_whole("", kLongestPrefix).ids;
    if (!around.empty() && tokenizer.is_special(around.front())) add_new(ids, around.front());
    for (const std::string_view piece : kBeginnings) {
        if (const auto id = tokenizer.find(piece)) add_new(ids, *id);
    }
    return ids;
}

/// Tokens that stand anywhere and say little, and those that the texts have most often.
Ids fillers(const model::Tokenizer& tokenizer, const std::vector<Ids>& texts) {
    Ids ids;
    for (const std::string_view text : kFillers) {
        const Ids encoded = tokenizer.encode(std::string(text));
        const std::string_view bare = text.substr(text.find_first_not_of(' '));
        // Not one that stands for whatever is unknown.
        if (encoded.size() == 1 && tokenizer.decode(encoded).ends_with(bare)) add_new(ids, encoded.front());
    }
    std::map<std::int32_t, std::size_t> counts;
    for (const Ids& text : texts) {
        for (const std::int32_t id : text) ++counts[id];
    }
    std::vector<std::pair<std::int32_t, std::size_t>> frequent(counts.begin(), counts.end());
    std::ranges::stable_sort(frequent, std::greater(), &std::pair<std::int32_t, std::size_t>::second);
    for (std::size_t i = 0; i < std::min(kFrequent, frequent.size()); ++i) add_new(ids, frequent[i].first);
    return ids;
}

class Search {
  public:
    Search(const model::Graph& exact, const model::Embedding& embedding, const PrefixTexts& texts, bool quiet)
        : exact_(exact), embedding_(embedding), texts_(texts), quiet_(quiet) {}

    /// Whether one of them will do; the best of all so far is picked.
    bool try_all(const std::vector<Ids>& prefixes) {
        const std::size_t first = choice_.tried.size();
        const std::size_t each = texts_.texts.size() + texts_.stress.size();
        Progress bar("Trying public prefixes", static_cast<double>(prefixes.size() * each), quiet_);
        for (const Ids& prefix : prefixes) {
            choice_.tried.push_back({prefix, effect_of(prefix, texts_.texts, true), texts_.texts.size()});
            bar.update(static_cast<double>((choice_.tried.size() - first) * texts_.texts.size()));
        }
        stress(first, bar);
        bar.finish();
        const auto rank = [](const TriedPrefix& one) { return std::pair(one.huge_share(), one.effect.perplexity); };
        const auto best = std::ranges::min_element(choice_.tried, {}, rank);
        choice_.pick = static_cast<std::size_t>(best - choice_.tried.begin());
        return best->huge_share() == 0;
    }

    PrefixChoice take() { return std::move(choice_); }
    void pick_last() { choice_.pick = choice_.tried.size() - 1; }

  private:
    PrefixEffect effect_of(const Ids& prefix, std::span<const Ids> texts, bool predict) const {
        if (texts.empty()) return {};
        return effect_of_prefix(
            exact_, prefix, {texts.begin(), texts.end()},
            [&](std::span<const std::int32_t> ids) { return embedding_.embed(ids); }, predict);
    }

    /// Those tried from `first` on.
    void stress(std::size_t first, Progress& bar) {
        const auto share = [&](std::size_t i) { return choice_.tried[i].huge_share(); };
        std::vector<std::size_t> left(choice_.tried.size() - first);
        std::iota(left.begin(), left.end(), first);
        const std::size_t all = left.size() * (texts_.texts.size() + texts_.stress.size());
        for (std::size_t done = 0; done < texts_.stress.size(); done += kStressRound) {
            const double least = share(std::ranges::min(left, {}, share));
            std::erase_if(left, [&](std::size_t i) { return share(i) > least; });
            if (left.size() == 1 && least > 0) return;
            const std::span<const Ids> round =
                std::span(texts_.stress).subspan(done, std::min(kStressRound, texts_.stress.size() - done));
            for (const std::size_t i : left) {
                TriedPrefix& one = choice_.tried[i];
                one.huge_stress += effect_of(one.tokens, round, false).huge;
                one.stress += round.size();
            }
            const std::size_t to_do = left.size() * (texts_.stress.size() - done - round.size());
            bar.update(static_cast<double>(all - to_do));
        }
    }

    const model::Graph& exact_;
    const model::Embedding& embedding_;
    const PrefixTexts& texts_;
    bool quiet_;
    PrefixChoice choice_;
};

}  // namespace

double TriedPrefix::huge_share() const {
    const std::size_t all = texts + stress;
    return all == 0 ? 0 : static_cast<double>(effect.huge + huge_stress) / static_cast<double>(all);
}

PrefixChoice choose_prefix(const model::Graph& exact, const model::Embedding& embedding,
                           const model::Tokenizer& tokenizer, const PrefixTexts& texts, bool quiet) {
    Search search(exact, embedding, texts, quiet);
    if (search.try_all({Ids{}})) return search.take();
    const Ids second = fillers(tokenizer, texts.texts);
    const Ids marks = beginnings(tokenizer);
    const Ids& first = marks.empty() ? second : marks;
    std::vector<Ids> singles;
    for (const std::int32_t id : first) singles.push_back({id});
    if (search.try_all(singles)) return search.take();
    std::vector<Ids> pairs;
    for (const std::int32_t id : second) {
        if (id != first.front()) pairs.push_back({first.front(), id});
    }
    search.try_all(pairs);
    return search.take();
}

PrefixChoice try_prefix(const model::Graph& exact, const model::Embedding& embedding, const Ids& tokens,
                        const PrefixTexts& texts, bool quiet) {
    Search search(exact, embedding, texts, quiet);
    search.try_all({Ids{}});
    if (!tokens.empty()) search.try_all({tokens});
    search.pick_last();
    return search.take();
}

nlohmann::ordered_json to_json(const PrefixChoice& choice, const model::Tokenizer& tokenizer) {
    nlohmann::ordered_json tried = nlohmann::ordered_json::array();
    const auto text_of = [&](const Ids& ids) {
        std::string text;
        for (const std::int32_t id : ids) text += tokenizer.piece(id);
        return text;
    };
    for (const TriedPrefix& one : choice.tried) {
        tried.push_back({{"tokens", one.tokens},
                         {"text", text_of(one.tokens)},
                         {"ratio", finite_or_null(one.effect.ratio)},
                         {"norm", one.effect.norm},
                         {"huge", one.effect.huge},
                         {"stress", one.stress},
                         {"huge_stress", one.huge_stress},
                         {"perplexity", finite_or_null(one.effect.perplexity)}});
    }
    return {{"tokens", choice.chosen().tokens},
            {"text", text_of(choice.chosen().tokens)},
            {"huge_ratio", kHugeRatio},
            {"pick", choice.pick},
            {"tried", tried}};
}

std::string describe_prefix(const nlohmann::ordered_json& document) {
    const auto number = [](const nlohmann::ordered_json& value) {
        return value.is_number() ? fmt::format("{:.3g}", value.get<double>()) : "-";
    };
    const auto& without = document["tried"][0];
    const auto& with = document["tried"][document["pick"].get<std::size_t>()];
    if (document["tokens"].empty()) {
        return fmt::format("no public prefix: what enters norms is at most {} times their median (at '{}')\n",
                           number(without["ratio"]), without["norm"].get<std::string>());
    }
    return fmt::format(
        "public prefix {} (\"{}\"): what enters norms is at most {} times their median, without it {} times (at '{}'); "
        "perplexity {}, without it {}\n",
        document["tokens"].dump(), document["text"].get<std::string>(), number(with["ratio"]), number(without["ratio"]),
        without["norm"].get<std::string>(), number(with["perplexity"]), number(without["perplexity"]));
}

model::Embedding behind_prefix(const model::Embedding& embedding, std::size_t prefix, std::size_t context) {
    model::Embedding rest = embedding;
    if (rest.positions.rows == 0) return rest;
    const auto begin =
        embedding.positions.values.begin() + static_cast<std::ptrdiff_t>(prefix * embedding.positions.columns);
    rest.positions = {context,
                      embedding.positions.columns,
                      {begin, begin + static_cast<std::ptrdiff_t>(context * embedding.positions.columns)}};
    return rest;
}

}  // namespace polyformer::substitution
