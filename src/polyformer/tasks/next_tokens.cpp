#include "polyformer/tasks/next_tokens.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/interpreter/interval_watch.h"
#include "polyformer/model/language/perplexity.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::tasks {

namespace {

// A batch is large enough that weights are fetched for many tokens, and its logits take some 100 MB at most.
constexpr std::size_t kTokensAtATime = 2048;
constexpr std::size_t kLogitsAtATime = std::size_t{1} << 24;
constexpr double kLost = 1;  // nats

/// Row r of the logits for all but the last id predicts ids[r + 1]; rows from `first` on count.
struct Piece {
    std::size_t text = 0;
    std::vector<std::int32_t> ids;
    std::size_t first = 0;
    std::size_t rows() const { return ids.size() - 1; }
};

/// Sums over a text's predictions.
struct Sums {
    std::size_t tokens = 0;
    std::size_t same = 0;
    double exact = 0;  // nats
    double polynomial = 0;
    double divergence = 0;

    void add(const Sums& other) {
        tokens += other.tokens;
        same += other.same;
        exact += other.exact;
        polynomial += other.polynomial;
        divergence += other.divergence;
    }
    bool lost() const { return !(divergence <= kLost * static_cast<double>(tokens)) || !std::isfinite(polynomial); }
};

double log_sum_exp(std::span<const double> row) {
    const double largest = *std::ranges::max_element(row);
    double sum = 0;
    for (const double value : row) sum += std::exp(value - largest);
    return largest + std::log(sum);
}

std::span<const double> row_of(const model::Tensor& logits, std::size_t row) {
    return std::span(logits.values).subspan(row * logits.columns, logits.columns);
}

/// `polynomial` is null where there is none.
Sums compare(const Piece& piece, const model::Tensor& exact, const model::Tensor* polynomial) {
    Sums sums;
    for (std::size_t r = piece.first; r < piece.rows(); ++r) {
        const auto target = static_cast<std::size_t>(piece.ids[r + 1]);
        const std::span<const double> before = row_of(exact, r);
        const double norm_before = log_sum_exp(before);
        ++sums.tokens;
        sums.exact += norm_before - before[target];
        if (polynomial == nullptr) continue;
        const std::span<const double> after = row_of(*polynomial, r);
        const double norm_after = log_sum_exp(after);
        sums.polynomial += norm_after - after[target];
        sums.same +=
            std::ranges::max_element(before) - before.begin() == std::ranges::max_element(after) - after.begin();
        for (std::size_t j = 0; j < before.size(); ++j) {
            const double likelihood = before[j] - norm_before;
            sums.divergence += std::exp(likelihood) * (likelihood - (after[j] - norm_after));
        }
    }
    return sums;
}

class Measurement {
  public:
    Measurement(const TextModel& model, const NextTokenOptions& options) : model_(model), options_(options) {
        if (model.input.adds_special_tokens()) {
            const model::EncodedText none = model.tokenizer.encode_whole("", model.graph.context);
            front_.assign(none.ids.begin(), none.ids.begin() + static_cast<std::ptrdiff_t>(none.before));
        }
        require(front_.size() < model.graph.context, "a context of {} tokens has no room for a text",
                model.graph.context);
        const std::size_t room = model.graph.context - front_.size();
        result_.context = model.graph.context;
        result_.prefix = model.input.prefix.size();
        result_.stride = options.stride == 0 ? (room + 1) / 2 : options.stride;
        require(result_.stride <= room, "a stride of {} is more than the {} tokens of a window", options.stride, room);
    }

    NextTokenResult run(std::span<const std::string> texts) {
        const Stopwatch watch;
        const std::vector<Piece> pieces = pieces_of(texts);
        require(!pieces.empty(), "none of the {} texts has two tokens: a prediction needs some", texts.size());
        result_.windows = pieces.size();
        result_.polynomial.emplace();
        std::vector<Sums> sums(result_.texts);
        Progress bar("next tokens", 1, options_.quiet);
        for (std::size_t first = 0; first < pieces.size();) {
            const std::size_t end = end_of_batch(pieces, first);
            const std::span batch = std::span(pieces).subspan(first, end - first);
            const std::vector<Sums> found = evaluate(batch);
            for (std::size_t i = 0; i < batch.size(); ++i) sums[batch[i].text].add(found[i]);
            first = end;
            bar.update(static_cast<double>(end) / static_cast<double>(pieces.size()));
        }
        bar.finish();
        summarise(sums);
        result_.seconds = watch.seconds();
        return std::move(result_);
    }

  private:
    std::vector<Piece> pieces_of(std::span<const std::string> texts) {
        std::vector<Piece> pieces;
        std::size_t tokens = 0;
        for (const std::string& text : texts) {
            if (options_.most_tokens > 0 && tokens >= options_.most_tokens) break;
            const std::vector<std::int32_t> ids = model_.tokenizer.encode(text);
            if (ids.size() < 2) {
                ++result_.texts_left_out;
                continue;
            }
            tokens += ids.size();
            add_windows(ids, result_.texts++, pieces);
        }
        return pieces;
    }

    void add_windows(const std::vector<std::int32_t>& ids, std::size_t text, std::vector<Piece>& pieces) const {
        const std::size_t room = model_.graph.context - front_.size();
        for (const model::Window& window : model::sliding_windows(ids.size() - 1, room, result_.stride)) {
            Piece piece{.text = text, .ids = front_, .first = front_.size() + window.first_scored};
            const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(window.begin);
            piece.ids.insert(piece.ids.end(), begin, begin + static_cast<std::ptrdiff_t>(window.length + 1));
            if (window.begin == 0 && window.first_scored == 0 && !front_.empty())
                --piece.first;  // the first token, too
            pieces.push_back(std::move(piece));
        }
    }

    std::size_t end_of_batch(const std::vector<Piece>& pieces, std::size_t first) const {
        const std::size_t most = std::clamp<std::size_t>(kLogitsAtATime / model_.graph.vocabulary, 1, kTokensAtATime);
        std::size_t end = first;
        for (std::size_t tokens = 0; end < pieces.size() && tokens < most; ++end) tokens += pieces[end].rows();
        return end;
    }

    std::vector<Sums> evaluate(std::span<const Piece> batch) {
        std::vector<model::Tensor> embedded;
        embedded.reserve(batch.size());
        for (const Piece& piece : batch) {
            embedded.push_back(model_.embedding.embed(std::span(piece.ids).first(piece.rows())));
        }
        const std::vector<model::Tensor> exact = model::evaluate_batch(model_.graph, embedded, model::Functions::exact);
        std::vector<model::Tensor> polynomial;
        if (!options_.exact_only) {
            model::IntervalWatch watch(model_.graph, batch.size());
            polynomial = model::evaluate_batch(model_.graph, embedded, model::Functions::polynomials, watch.observer());
            model::merge(result_.polynomial->intervals, watch.reports());
            result_.polynomial->windows_outside += watch.texts_outside();
        }
        std::vector<Sums> sums(batch.size());
        parallel_for(batch.size(), [&](std::size_t i) {
            sums[i] = compare(batch[i], exact[i], polynomial.empty() ? nullptr : &polynomial[i]);
        });
        return sums;
    }

    void summarise(const std::vector<Sums>& sums) {
        Sums kept;
        Sums all;
        for (const Sums& text : sums) {
            all.add(text);
            if (text.lost()) {
                ++result_.polynomial->texts_lost;
            } else {
                kept.add(text);
            }
        }
        result_.tokens = all.tokens;
        const Sums& of = kept.tokens > 0 ? kept : all;
        result_.perplexity = std::exp(of.exact / static_cast<double>(of.tokens));
        if (options_.exact_only) {
            result_.polynomial.reset();
            return;
        }
        if (kept.tokens == 0) return;
        const auto count = static_cast<double>(kept.tokens);
        result_.polynomial->perplexity = std::exp(kept.polynomial / count);
        result_.polynomial->divergence = kept.divergence / count;
        result_.polynomial->same_token = static_cast<double>(kept.same) / count;
    }

    const TextModel& model_;
    const NextTokenOptions& options_;
    std::vector<std::int32_t> front_;  // special tokens before a text
    NextTokenResult result_;
};

}  // namespace

NextTokenResult measure_next_tokens(const TextModel& model, std::span<const std::string> texts,
                                    const NextTokenOptions& options) {
    require(model.input.output == model::TextOutput::next_token,
            "the model gives {}, but only one that predicts the next token can be judged by that",
            name_of(model.input.output));
    return Measurement(model, options).run(texts);
}

nlohmann::ordered_json to_json(const NextTokenResult& result) {
    nlohmann::ordered_json json = {{"texts", result.texts},
                                   {"texts_left_out", result.texts_left_out},
                                   {"tokens", result.tokens},
                                   {"protocol",
                                    {{"context", result.context},
                                     {"prefix", result.prefix},
                                     {"stride", result.stride},
                                     {"windows", result.windows},
                                     {"unit", "perplexity per token"}}},
                                   {"perplexity", {{"before_substitution", finite_or_null(result.perplexity)}}}};
    if (result.polynomial) {
        const PolynomialPredictions& found = *result.polynomial;
        json["perplexity"]["polynomial"] = finite_or_null(found.perplexity);
        json["perplexity"]["relative_difference"] = finite_or_null(found.perplexity / result.perplexity - 1);
        json["kl_divergence"] = finite_or_null(found.divergence);
        json["same_token_fraction"] = finite_or_null(found.same_token);
        json["texts_lost"] = found.texts_lost;
        json["windows_outside"] = found.windows_outside;
        json["out_of_interval_fraction"] = model::outside_share(found.intervals);
        json["out_of_interval_farthest"] = finite_or_null(model::farthest_outside(found.intervals));
        json["intervals"] = model::to_json(found.intervals);
    }
    json["seconds"] = result.seconds;
    return json;
}

std::string describe(const NextTokenResult& result) {
    std::string text = fmt::format(
        "Perplexity per token of {} texts ({} tokens; {} windows of up to {} tokens{}):\n  {:<24}{:>10.2f}\n",
        result.texts, result.tokens, result.windows, result.context,
        result.prefix == 0 ? "" : fmt::format(" behind a public prefix of {}", result.prefix), "before substitution",
        result.perplexity);
    if (!result.polynomial) return text;
    const PolynomialPredictions& found = *result.polynomial;
    if (found.texts_lost == result.texts) {
        return text + "  polynomial model: all texts lost, with values outside its intervals\n" +
               model::describe(found.intervals);
    }
    text += fmt::format(
        "  {:<24}{:>10.2f}   ({:+.2f} % by the polynomials)\n"
        "  the same token is most likely in {:.2f} %, KL divergence {:.2g} nats a token\n"
        "  {} texts lost (left out above), {} windows with values outside an interval\n",
        "polynomial model", found.perplexity, 100 * (found.perplexity / result.perplexity - 1), 100 * found.same_token,
        found.divergence, found.texts_lost, found.windows_outside);
    return text + model::describe(found.intervals);
}

}  // namespace polyformer::tasks
