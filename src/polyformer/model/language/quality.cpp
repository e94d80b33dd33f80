#include "polyformer/model/language/quality.h"

#include <algorithm>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/interpreter/reference.h"
#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/perplexity.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/support/text.h"

namespace polyformer::model {
namespace {

// The first tokens of a text, and as many words as they make up in proportion.
void shorten(TokenizedText& text, std::size_t most_tokens) {
    if (most_tokens == 0 || most_tokens >= text.ids.size()) return;
    text.words = std::max<std::size_t>(1, text.words * most_tokens / text.ids.size());
    text.ids.resize(most_tokens);
}

}  // namespace

Quality measure_quality(const QualityOptions& options) {
    const Stopwatch watch;
    const Graph graph = load_graph(options.model);
    const TextOutput output = load_text_input(options.model).output;
    require(output == TextOutput::next_token,
            "'{}' gives {}, but a perplexity is that of a model that predicts the next token: judge this one by a task "
            "(eval --task)",
            options.model.string(), name_of(output));
    const Embedding embedding = load_embedding(options.model);
    const Tokenizer tokenizer(options.model / "tokenizer.model");
    require<FormatError>(tokenizer.vocabulary() == graph.vocabulary && embedding.tokens.rows == graph.vocabulary,
                         "{}: tokenizer, embedding and graph have vocabularies of {}, {} and {}",
                         options.model.string(), tokenizer.vocabulary(), embedding.tokens.rows, graph.vocabulary);
    const bool is_split = options.text.empty();
    const std::filesystem::path file = is_split ? corpus_file(options.data, options.split) : options.text;
    TokenizedText text = tokenize_file(file, tokenizer);
    require<FormatError>(std::ranges::any_of(text.ids, [&](std::int32_t id) { return id != text.end_of_line; }),
                         "'{}' has no words: a perplexity needs some", file.string());
    shorten(text, options.most_tokens);

    Quality quality;
    quality.text = is_split ? options.split + " split" : printable(file.filename().string());
    quality.words = text.words;
    quality.tokens = text.ids.size();
    quality.context = graph.context;
    quality.stride = options.stride == 0 ? (graph.context + 1) / 2 : options.stride;
    const auto read = [&](const char* title, const EvaluateWindow& evaluate_window) {
        Progress bar(title, 1, options.quiet);
        TextScore score = score_text(evaluate_window, embedding, text.ids, text.end_of_line, quality.stride,
                                     [&](double done) { bar.update(done); });
        bar.finish();
        return score;
    };
    const TextScore polynomial =
        read("polynomial model", [&](const Tensor& embedded) { return evaluate(graph, embedded); });
    const TextScore exact = read("before substitution", [&](const Tensor& embedded) {
        return Evaluation{.logits = evaluate_exact(graph, embedded), .intervals = {}, .largest = {}};
    });
    quality.polynomial = perplexity_per_word(polynomial.nats, text.words);
    quality.before_substitution = perplexity_per_word(exact.nats, text.words);
    quality.intervals = polynomial.intervals;
    quality.outside_share = outside_share(quality.intervals);
    if (is_split) {
        quality.baselines =
            ngram_perplexity(corpus_file(options.data, "train"), corpus_file(options.data, "valid"), file);
    }
    quality.seconds = watch.seconds();
    return quality;
}

nlohmann::ordered_json to_json(const Quality& quality) {
    nlohmann::ordered_json result = {
        {"text", quality.text},
        {"words", quality.words},
        {"tokens", quality.tokens},
        {"protocol", {{"context", quality.context}, {"stride", quality.stride}, {"unit", "perplexity per word"}}},
        {"perplexity",
         {{"polynomial", quality.polynomial},
          {"before_substitution", quality.before_substitution},
          {"relative_difference", quality.polynomial / quality.before_substitution - 1}}}};
    if (quality.baselines) {
        result["perplexity"]["unigram"] = quality.baselines->unigram;
        result["perplexity"]["bigram"] = quality.baselines->bigram;
        result["bigram_weight"] = quality.baselines->bigram_weight;
        result["baseline_words"] = quality.baselines->words;
    }
    result["out_of_interval_fraction"] = quality.outside_share;
    result["out_of_interval_farthest"] = finite_or_null(farthest_outside(quality.intervals));
    result["intervals"] = to_json(quality.intervals);
    result["seconds"] = quality.seconds;
    return result;
}

std::string describe(const Quality& quality) {
    std::string text = fmt::format(
        "Perplexity per word of the {} ({} words, {} tokens; windows of {} tokens, {} apart):\n"
        "  {:<24}{:>10.2f}\n  {:<24}{:>10.2f}   ({:+.2f} % by the polynomials)\n",
        quality.text, quality.words, quality.tokens, quality.context, quality.stride, "polynomial model",
        quality.polynomial, "before substitution", quality.before_substitution,
        100 * (quality.polynomial / quality.before_substitution - 1));
    if (quality.baselines) {
        text += fmt::format("  {:<24}{:>10.2f}\n  {:<24}{:>10.2f}\n", "bigram", quality.baselines->bigram, "unigram",
                            quality.baselines->unigram);
    }
    return text + describe(quality.intervals);
}

}  // namespace polyformer::model
