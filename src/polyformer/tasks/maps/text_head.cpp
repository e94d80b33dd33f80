#include "polyformer/tasks/maps/text_head.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/tasks/maps/appended_map.h"
#include "polyformer/tasks/metrics.h"
#include "polyformer/tasks/text_answers.h"

namespace polyformer::tasks {

namespace {

constexpr double kLogitMargin = 1.5;  ///< logits of texts to come against those of the texts fitted to

/// Texts far outside the intervals have no vector: the others serve all the same. How many are left out.
std::size_t leave_out_lost(std::vector<std::vector<double>>& vectors, std::vector<std::size_t>& classes) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        if (!all_finite(vectors[i])) continue;
        if (kept != i) vectors[kept] = std::move(vectors[i]);
        classes[kept++] = classes[i];
    }
    const std::size_t lost = vectors.size() - kept;
    vectors.resize(kept);
    classes.resize(kept);
    return lost;
}

/// What the head alone makes of vectors, by the interpreter.
std::vector<model::Tensor> logits_of(const LinearHead& head, const std::vector<std::vector<double>>& vectors) {
    const std::size_t width = head.weight.rows;
    const model::Graph nothing{.context = 1, .width = width, .vocabulary = width, .nodes = {{"input", model::Input{}}}};
    std::vector<model::Tensor> inputs;
    for (const std::vector<double>& vector : vectors) inputs.push_back({1, width, vector});
    return model::evaluate_batch(with_map_behind(nothing, "logits", head.weight, head.bias, 1), inputs,
                                 model::Functions::polynomials);
}

}  // namespace

TextHead fit_text_head(const TextModel& encoder, const LabelledTexts& data, const HeadOptions& options, bool quiet) {
    require(encoder.input.output == model::TextOutput::embedding,
            "a head stands behind an encoder, which gives an embedding, but this model gives {}",
            model::name_of(encoder.input.output));
    require(data.texts.size() == data.labels.size(), "there are {} texts, but {} labels: each text needs one",
            data.texts.size(), data.labels.size());
    const std::set<std::string> names(data.labels.begin(), data.labels.end());
    require(names.size() >= 2, "the texts are of {} class(es): a head needs at least two", names.size());
    const std::vector<std::string> labels(names.begin(), names.end());
    std::vector<std::size_t> classes;
    for (const std::string& label : data.labels) {
        classes.push_back(static_cast<std::size_t>(std::ranges::lower_bound(labels, label) - labels.begin()));
    }

    Progress reading("reading texts", 1, quiet);
    TextAnswers answers = answer_texts(
        encoder.graph, data.texts, [&](const std::string& text) { return encoder.embed(text); },
        model::Functions::polynomials, [&](double share) { reading.update(share); });
    reading.finish();
    std::vector<std::vector<double>> vectors;
    for (model::Tensor& vector : answers.logits) vectors.push_back(std::move(vector.values));
    TextHead made{.graph = {}, .input = encoder.input, .texts_outside = answers.texts_outside};
    made.texts_lost = leave_out_lost(vectors, classes);
    made.texts = vectors.size();

    Progress fitting("fitting the head", 1, quiet);
    const LinearHead head =
        fit_linear_head(vectors, classes, labels.size(), options, [&](double share) { fitting.update(share); });
    fitting.finish();
    double largest = 0;
    std::vector<std::size_t> predicted;
    for (const model::Tensor& logits : logits_of(head, vectors)) {
        for (const double logit : logits.values) largest = larger(largest, std::abs(logit));
        predicted.push_back(most_likely_class(logits.values));
    }
    made.loss = head.loss;
    made.accuracy = judge_classes(predicted, classes).accuracy;
    made.graph = with_map_behind(encoder.graph, "logits", head.weight, head.bias, kLogitMargin * largest);
    made.input.output = model::TextOutput::classes;
    made.input.normalise = false;
    made.input.labels = labels;
    return made;
}

void save_text_head(const std::filesystem::path& folder, const std::filesystem::path& like, const TextHead& head) {
    save_text_model(folder, like, head.graph, head.input);
}

}  // namespace polyformer::tasks
