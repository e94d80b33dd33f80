#include "polyformer/model/language/strange_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/shuffle.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::model {
namespace {

using Row = std::vector<std::int32_t>;

/// First and last letter of a script, or of a part of it.
constexpr std::array<std::pair<char32_t, char32_t>, 12> scripts = {{{0x391, 0x3C9},
                                                                    {0x410, 0x44F},
                                                                    {0x531, 0x556},
                                                                    {0x5D0, 0x5EA},
                                                                    {0x621, 0x64A},
                                                                    {0x905, 0x939},
                                                                    {0xE01, 0xE2E},
                                                                    {0x10D0, 0x10F0},
                                                                    {0x3042, 0x3093},
                                                                    {0x30A2, 0x30F3},
                                                                    {0x4E00, 0x9FA5},
                                                                    {0xAC00, 0xD7A3}}};
constexpr std::string_view signs = "()[]{}<>/\\|+-*=_#@%&$^~`'\".,:;!?0123456789";

std::size_t below(std::size_t count, std::mt19937_64& random) {
    return random() % count;
}

std::string text_of_signs(std::size_t length, std::mt19937_64& random) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text.push_back(signs[below(signs.size(), random)]);
    return text;
}

std::string text_of_a_script(std::size_t length, std::mt19937_64& random) {
    const auto [first, last] = scripts[below(scripts.size(), random)];
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        if (i > 0 && below(6, random) == 0) text.push_back(' ');
        append_utf8(text, first + static_cast<char32_t>(below(last - first + 1, random)));
    }
    return text;
}

/// Tokens of what `make` makes, cut to `length`; where many characters are one token, of more of it.
template <class Make>
Row encoded(std::size_t length, const Tokenizer& tokenizer, std::mt19937_64& random, const Make& make) {
    Row row;
    while (row.size() < length) {
        const Row more = tokenizer.encode(make(length, random));
        row.insert(row.end(), more.begin(), more.end());
    }
    row.resize(length);
    return row;
}

void repeat(std::span<std::int32_t> row, std::size_t period) {
    for (std::size_t i = period; i < row.size(); ++i) row[i] = row[i - period];
}

}  // namespace

std::string name_of(StrangeKind kind) {
    switch (kind) {
        case StrangeKind::one_token:
            return "one token repeated";
        case StrangeKind::two_tokens:
            return "two tokens in turn";
        case StrangeKind::refrain:
            return "a refrain of 3 to 8 tokens";
        case StrangeKind::one_token_after_text:
            return "text, then one token repeated";
        case StrangeKind::shuffled:
            return "text, shuffled";
        case StrangeKind::backwards:
            return "text, backwards";
        case StrangeKind::random_tokens:
            return "random tokens";
        case StrangeKind::neighbours:
            return "tokens of neighbouring ids";
        case StrangeKind::signs:
            return "brackets, digits, signs";
        case StrangeKind::other_scripts:
            return "other scripts";
    }
    return "";
}

std::vector<std::int32_t> strange_row(StrangeKind kind, std::size_t length, std::span<const std::int32_t> text,
                                      const Tokenizer& tokenizer, std::mt19937_64& random) {
    const std::size_t vocabulary = tokenizer.vocabulary();
    const auto any = [&] { return static_cast<std::int32_t>(below(vocabulary, random)); };
    const std::size_t begin = below(text.size() - length + 1, random);
    Row row(text.begin() + static_cast<std::ptrdiff_t>(begin),
            text.begin() + static_cast<std::ptrdiff_t>(begin + length));
    // Half of the repeated tokens are ones that texts have, the others hardly.
    const auto renew = [&](std::size_t count) {
        if (below(2, random) == 0) return;
        for (std::size_t i = 0; i < std::min(count, length); ++i) row[i] = any();
    };
    switch (kind) {
        case StrangeKind::one_token:
            renew(1);
            repeat(row, 1);
            break;
        case StrangeKind::two_tokens:
            renew(2);
            repeat(row, 2);
            break;
        case StrangeKind::refrain: {
            const std::size_t period = 3 + below(6, random);
            renew(period);
            repeat(row, period);
            break;
        }
        case StrangeKind::one_token_after_text: {
            const std::size_t from = below(length, random);
            if (below(2, random) == 0) row[from] = any();
            repeat(std::span(row).subspan(from), 1);
            break;
        }
        case StrangeKind::shuffled:
            shuffle(std::span(row), random);
            break;
        case StrangeKind::backwards:
            std::ranges::reverse(row);
            break;
        case StrangeKind::random_tokens:
            for (std::int32_t& token : row) token = any();
            break;
        case StrangeKind::neighbours: {
            const std::size_t count = std::min<std::size_t>(vocabulary, 8 + below(57, random));
            const std::size_t first = below(vocabulary - count + 1, random);
            for (std::int32_t& token : row) token = static_cast<std::int32_t>(first + below(count, random));
            break;
        }
        case StrangeKind::signs:
            row = encoded(length, tokenizer, random, text_of_signs);
            break;
        case StrangeKind::other_scripts:
            row = encoded(length, tokenizer, random, text_of_a_script);
            break;
    }
    return row;
}

std::vector<StrangeResult> measure_strange_rows(const StrangeOptions& options) {
    const Graph graph = load_graph(options.model);
    const Embedding embedding = load_embedding(options.model);
    const Tokenizer tokenizer(options.model / "tokenizer.model");
    const TokenizedText text = tokenize_file(options.text, tokenizer);
    require<FormatError>(text.ids.size() >= graph.context,
                         "'{}' has {} tokens, fewer than a row of the model's context of {}: give a longer text",
                         options.text.string(), text.ids.size(), graph.context);
    const std::size_t each = (options.rows + strange_kinds.size() - 1) / strange_kinds.size();
    std::vector<StrangeResult> results;
    for (const StrangeKind kind : strange_kinds) results.push_back({.kind = kind, .rows = each, .intervals = {}});

    Progress bar("strange rows", static_cast<double>(each * results.size()), options.quiet);
    std::mutex mutex;
    std::size_t done = 0;
    parallel_for(each * results.size(), [&](std::size_t i) {
        StrangeResult& result = results[i % results.size()];
        std::seed_seq seed{options.seed, static_cast<std::uint64_t>(i)};
        std::mt19937_64 random(seed);
        const Evaluation evaluation =
            evaluate(graph, embedding.embed(strange_row(result.kind, graph.context, text.ids, tokenizer, random)));
        const std::lock_guard lock(mutex);
        result.rows_outside += outside_share(evaluation.intervals) > 0 ? 1 : 0;
        merge(result.intervals, evaluation.intervals);
        bar.update(static_cast<double>(++done));
    });
    bar.finish();
    return results;
}

nlohmann::ordered_json to_json(const std::vector<StrangeResult>& results) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const StrangeResult& result : results) {
        list.push_back({{"rows", name_of(result.kind)},
                        {"count", result.rows},
                        {"outside", result.rows_outside},
                        {"out_of_interval_fraction", outside_share(result.intervals)},
                        {"out_of_interval_farthest", finite_or_null(farthest_outside(result.intervals))}});
    }
    return list;
}

std::string describe(const std::vector<StrangeResult>& results) {
    std::string text = fmt::format("  {:<30}{:>8}{:>10}{:>18}{:>12}\n", "rows of the whole context", "rows", "outside",
                                   "share of values", "farthest");
    std::size_t rows = 0;
    std::size_t outside = 0;
    for (const StrangeResult& result : results) {
        rows += result.rows;
        outside += result.rows_outside;
        text += fmt::format("  {:<30}{:>8}{:>10}{:>18.2g}{:>12.2f}\n", name_of(result.kind), result.rows,
                            result.rows_outside, outside_share(result.intervals), farthest_outside(result.intervals));
    }
    return fmt::format(
        "{} of {} strange rows have a value outside an interval (farthest: from its middle, 1 being its ends):\n{}",
        outside, rows, text);
}

}  // namespace polyformer::model
