#include "polyformer/tasks/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/support/text.h"
#include "polyformer/tasks/metrics.h"
#include "polyformer/tasks/text_answers.h"
#include "polyformer/tasks/text_model.h"

namespace polyformer::tasks {

namespace {

using model::Functions;
using model::Tensor;
using model::TextOutput;

/// One evaluation of a task: a model's answers twice, and what is noted of them.
class Evaluator {
  public:
    explicit Evaluator(const EvaluationOptions& options)
        : options_(options), model_(load_model_or_checkpoint(options.model, options.model_tokens)) {
        result_.substituted = !is_checkpoint(options.model);
    }

    TaskResult run() {
        const Stopwatch watch;
        const Task task = read_task(options_.task, options_.split, options_.columns);
        std::visit([&](const auto& some) { judge(some); }, task);
        result_.seconds = watch.seconds();
        return std::move(result_);
    }

  private:
    /// Of the same texts.
    struct Both {
        std::vector<Tensor> polynomial;
        std::vector<Tensor> exact;
    };

    void require_output(TextOutput wanted, const std::string& task) const {
        require(model_.input.output == wanted, "'{}' holds {}, for which a model must give {}, but '{}' gives {}{}",
                options_.task.string(), task, name_of(wanted), options_.model.string(), name_of(model_.input.output),
                wanted == TextOutput::classes ? ": 'polyformer fit-head' makes a classifier of an encoder" : "");
    }

    std::vector<Tensor> answers(const TextModel& model, std::span<const std::string> texts, Functions functions,
                                const std::string& title) {
        Progress bar(title, 1, options_.quiet);
        TextAnswers answers = answer_texts(
            model.graph, texts, [&](const std::string& text) { return model.embed(text); }, functions,
            [&](double share) { bar.update(share); });
        bar.finish();
        if (functions == Functions::polynomials) {
            model::merge(result_.intervals, answers.intervals);
            result_.texts_outside += answers.texts_outside;
        }
        return std::move(answers.logits);
    }

    Both answer(std::span<const std::string> texts) {
        result_.texts += texts.size();
        for (const std::string& text : texts) result_.texts_cut += model_.encode(text).left_out > 0 ? 1 : 0;
        if (!result_.substituted) {
            const std::vector<Tensor> exact = answers(model_, texts, Functions::exact, "exact functions");
            return {.polynomial = exact, .exact = exact};
        }
        Both both{.polynomial = answers(model_, texts, Functions::polynomials, "polynomial model"),
                  .exact = answers(model_, texts, Functions::exact, "before substitution")};
        for (const Tensor& answer : both.polynomial) result_.texts_lost += all_finite(answer.values) ? 0 : 1;
        return both;
    }

    template <class Value>
    std::span<const Value> first(const std::vector<Value>& all) const {
        const std::size_t most = options_.most_texts == 0 ? all.size() : std::min(options_.most_texts, all.size());
        return std::span(all).first(most);
    }

    void compare_vectors(const Both& both) {
        result_.likeness = "cosine of both embeddings";
        note_likeness(both.exact.size(),
                      [&](std::size_t i) { return cosine(both.polynomial[i].values, both.exact[i].values); });
    }

    template <class Likeness>
    void note_likeness(std::size_t count, const Likeness& likeness) {
        double sum = 0;
        double answered = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < count; ++i) {
            const double value = likeness(i);
            if (std::isnan(value)) continue;  // the cosine of a text that is lost
            sum += value;
            ++answered;
            least = std::min(least, value);
        }
        constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
        result_.mean_likeness = answered > 0 ? sum / answered : kNone;
        result_.least_likeness = answered > 0 ? least : kNone;
    }

    void judge(const SentencePairs& pairs) {
        require_output(TextOutput::embedding, "sentence pairs");
        const auto scores = first(pairs.scores);
        std::vector<std::string> texts(pairs.first.begin(), pairs.first.begin() + std::ssize(scores));
        texts.insert(texts.end(), pairs.second.begin(), pairs.second.begin() + std::ssize(scores));
        const Both both = answer(texts);
        const auto correlation = [&](const std::vector<Tensor>& vectors) {
            std::vector<double> cosines;
            for (std::size_t i = 0; i < scores.size(); ++i) {
                cosines.push_back(cosine(vectors[i].values, vectors[i + scores.size()].values));
            }
            return 100 * spearman(cosines, scores);
        };
        result_.kind = "sentence pairs";
        result_.measures = {
            {"Spearman's rank correlation x 100", correlation(both.polynomial), correlation(both.exact)}};
        compare_vectors(both);
    }

    std::size_t class_of(const std::string& label) const {
        const auto& labels = model_.input.labels;
        const auto found = std::ranges::find(labels, label);
        require<FormatError>(found != labels.end(), "'{}' has texts of '{}', but the model knows {} classes: {}, ...",
                             options_.task.string(), printable(label), labels.size(), printable(labels.front()));
        return static_cast<std::size_t>(found - labels.begin());
    }

    void judge(const LabelledTexts& labelled) {
        require_output(TextOutput::classes, "labelled texts");
        std::vector<std::size_t> truth;
        for (const std::string& label : first(labelled.labels)) truth.push_back(class_of(label));
        const Both both = answer(first(labelled.texts));
        const auto judged = [&](const std::vector<Tensor>& logits) {
            std::vector<std::size_t> predicted;
            for (const Tensor& row : logits) predicted.push_back(most_likely_class(row.values));
            return judge_classes(predicted, truth);
        };
        const Classification polynomial = judged(both.polynomial);
        const Classification exact = judged(both.exact);
        result_.kind = "labelled texts";
        result_.measures = {{"accuracy, %", 100 * polynomial.accuracy, 100 * exact.accuracy},
                            {"macro F1 x 100", 100 * polynomial.macro_f1, 100 * exact.macro_f1}};
        result_.likeness = "equal answers";
        note_likeness(truth.size(), [&](std::size_t i) {
            return most_likely_class(both.polynomial[i].values) == most_likely_class(both.exact[i].values) ? 1.0 : 0.0;
        });
    }

    /// The token at each place, special ones included; kNoAnswer where there is none.
    static std::vector<std::size_t> likeliest(const Tensor& logits) {
        std::vector<std::size_t> ids;
        for (std::size_t row = 0; row < logits.rows; ++row) {
            ids.push_back(most_likely_class(std::span(logits.values).subspan(row * logits.columns, logits.columns)));
        }
        return ids;
    }

    void judge(const RewrittenTexts& rewritten) {
        require_output(TextOutput::tokens, "rewritten texts");
        const auto texts = first(rewritten.texts);
        const Both both = answer(texts);
        double changes = 0;
        Measure found{"expected changes found"};
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const std::vector<std::int32_t> before = model_.encode(texts[i]).ids;
            const std::vector<std::int32_t> after = model_.encode(rewritten.expected[i]).ids;
            require<FormatError>(before.size() == after.size(),
                                 "'{}', text {}: {} tokens become {}, but a masked language model answers place by "
                                 "place",
                                 options_.task.string(), i + 1, before.size(), after.size());
            const std::vector<std::size_t> polynomial = likeliest(both.polynomial[i]);
            const std::vector<std::size_t> exact = likeliest(both.exact[i]);
            for (std::size_t place = 0; place < before.size(); ++place) {
                if (before[place] == after[place]) continue;
                ++changes;
                const auto expected = static_cast<std::size_t>(after[place]);
                found.polynomial += polynomial[place] == expected ? 1 : 0;
                found.before_substitution += exact[place] == expected ? 1 : 0;
            }
        }
        result_.kind = "rewritten texts";
        result_.measures = {{"expected changes", changes, changes}, found};
        result_.likeness = "places with equal answers";
        note_likeness(texts.size(), [&](std::size_t i) {
            const std::vector<std::size_t> polynomial = likeliest(both.polynomial[i]);
            const std::vector<std::size_t> exact = likeliest(both.exact[i]);
            double equal = 0;
            for (std::size_t place = 0; place < exact.size(); ++place) equal += polynomial[place] == exact[place];
            return equal / static_cast<double>(exact.size());
        });
    }

    void judge(const Retrieval& retrieval) {
        require_output(TextOutput::embedding, "queries and documents");
        const auto queries = first(retrieval.queries);
        const Both both = answer(queries);
        std::vector<std::string> texts;
        for (const Document& document : retrieval.documents) texts.push_back(document.whole());
        const TextModel* reader = &model_;
        std::optional<TextModel> other;
        if (!options_.document_model.empty())
            reader = &other.emplace(load_model_or_checkpoint(options_.document_model, options_.document_tokens));
        std::vector<std::vector<double>> documents;
        for (Tensor& vector : answers(*reader, texts, Functions::exact, "documents")) {
            documents.push_back(normalised(std::move(vector.values)));
        }
        require(documents.front().size() == both.exact.front().values.size(),
                "'{}' gives vectors of {} numbers and '{}' of {}: documents and queries need models of one kind",
                options_.document_model.string(), documents.front().size(), options_.model.string(),
                both.exact.front().values.size());
        const auto gain = [&](const std::vector<Tensor>& vectors) {
            double sum = 0;
            for (std::size_t q = 0; q < vectors.size(); ++q) {
                std::vector<double> scores;
                for (const std::vector<double>& document : documents) {
                    scores.push_back(cosine(vectors[q].values, document));
                }
                if (all_finite(scores)) sum += ndcg(best_of(scores, 10), retrieval.relevance[q], 10);
            }
            return 100 * sum / static_cast<double>(vectors.size());
        };
        result_.kind = "retrieval";
        result_.measures = {{"nDCG@10 x 100", gain(both.polynomial), gain(both.exact)}};
        compare_vectors(both);
    }

    const EvaluationOptions& options_;
    TextModel model_;
    TaskResult result_;
};

}  // namespace

TaskResult evaluate_task(const EvaluationOptions& options) {
    return Evaluator(options).run();
}

nlohmann::ordered_json to_json(const TaskResult& result) {
    nlohmann::ordered_json measures = nlohmann::ordered_json::array();
    for (const Measure& measure : result.measures) {
        nlohmann::ordered_json& entry = measures.emplace_back();
        entry["name"] = measure.name;
        if (result.substituted) entry["polynomial"] = finite_or_null(measure.polynomial);
        entry["before_substitution"] = finite_or_null(measure.before_substitution);
    }
    nlohmann::ordered_json document{{"task", result.kind},
                                    {"texts", result.texts},
                                    {"texts_cut", result.texts_cut},
                                    {"texts_lost", result.texts_lost},
                                    {"substituted", result.substituted},
                                    {"measures", std::move(measures)}};
    if (result.substituted) {
        document["likeness"] = result.likeness;
        document["mean_likeness"] = finite_or_null(result.mean_likeness);
        document["least_likeness"] = finite_or_null(result.least_likeness);
        document["texts_outside_intervals"] = result.texts_outside;
        document["intervals"] = model::to_json(result.intervals);
    }
    document["seconds"] = result.seconds;
    return document;
}

std::string describe(const TaskResult& result) {
    std::string text = fmt::format("{}: {} texts{}\n\n", result.kind, result.texts,
                                   result.texts_cut > 0 ? fmt::format(", {} of them cut", result.texts_cut) : "");
    if (!result.substituted) {
        text += fmt::format("{:<36} {:>20}\n", "", "exact functions");
        for (const Measure& measure : result.measures) {
            text += fmt::format("{:<36} {:>20.2f}\n", measure.name, measure.before_substitution);
        }
        return text + fmt::format("\n{}\n", format_duration(result.seconds));
    }
    text += fmt::format("{:<36} {:>14} {:>20}\n", "", "polynomial", "before substitution");
    for (const Measure& measure : result.measures) {
        text +=
            fmt::format("{:<36} {:>14.2f} {:>20.2f}\n", measure.name, measure.polynomial, measure.before_substitution);
    }
    text += fmt::format("\n{}: {:.5f} on average, {:.5f} at least\n", result.likeness, result.mean_likeness,
                        result.least_likeness);
    if (result.texts_lost > 0) {
        text += fmt::format("{} text(s) lost: what the polynomials make of them is not finite, and counts as wrong\n",
                            result.texts_lost);
    }
    const double share = model::outside_share(result.intervals);
    text += share > 0 ? fmt::format("{} text(s) left an interval: {}\n", result.texts_outside,
                                    model::describe_outside(share, model::farthest_outside(result.intervals)))
                      : "no value left its interval\n";
    return text + fmt::format("{}\n", format_duration(result.seconds));
}

}  // namespace polyformer::tasks
