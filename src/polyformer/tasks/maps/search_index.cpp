#include "polyformer/tasks/maps/search_index.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/text.h"
#include "polyformer/tasks/maps/appended_map.h"
#include "polyformer/tasks/metrics.h"
#include "polyformer/tasks/text_answers.h"

namespace polyformer::tasks {

namespace {

constexpr std::size_t kTitleColumns = 100;
constexpr std::size_t kMostSamples = 200;  ///< titles that stand for queries
constexpr double kMargin = 1.5;            ///< a query's vector may be longer than theirs

std::vector<model::Tensor> vectors_of(const TextModel& model, std::span<const std::string> texts,
                                      model::Functions functions, const std::function<void(double)>& progress) {
    return answer_texts(
               model.graph, texts, [&](const std::string& text) { return model.embed(text); }, functions, progress)
        .logits;
}

/// The greatest length of the encoder's vectors, with a margin.
double length_bound(const TextModel& encoder, std::span<const std::string> titles) {
    const auto samples = titles.first(std::min(kMostSamples, titles.size()));
    double longest = 0;
    for (const model::Tensor& vector : vectors_of(encoder, samples, model::Functions::polynomials, {})) {
        const auto& x = vector.values;
        longest = larger(longest, std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)));
    }
    require(std::isfinite(longest) && longest > 0,
            "the encoder's vectors have a length of {}: the documents' titles leave the polynomials' intervals; import "
            "the encoder with calibration text of this kind",
            longest);
    return kMargin * longest;
}

}  // namespace

std::string title_of(const Document& document) {
    std::string title = document.title.empty() ? document.text : document.title;
    std::ranges::replace_if(
        title, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    title = printable(title);
    std::size_t columns = kTitleColumns;
    while (columns > 0 && shortened(title, columns).size() > model::kMaxNameLength) columns /= 2;
    title = shortened(title, columns);
    return title.empty() || title.size() > model::kMaxNameLength ? "(untitled)" : title;
}

SearchIndex make_index(const TextModel& encoder, const TextModel& reader, std::span<const Document> documents,
                       const std::function<void(double)>& progress) {
    for (const TextModel* model : {&encoder, &reader}) {
        require(model->input.output == model::TextOutput::embedding,
                "an index needs encoders, which give embeddings, but one of these gives {}",
                name_of(model->input.output));
    }
    require(encoder.graph.vocabulary == reader.graph.vocabulary,
            "queries become {} numbers and documents {}: both need models of one kind", encoder.graph.vocabulary,
            reader.graph.vocabulary);
    SearchIndex index;
    std::vector<std::string> texts;
    for (const Document& document : documents) {
        index.titles.push_back(title_of(document));
        texts.push_back(document.whole());
    }
    const std::size_t features = encoder.graph.vocabulary;
    model::Matrix weight{features, documents.size(), std::vector<float>(features * documents.size())};
    std::vector<model::Tensor> vectors = vectors_of(reader, texts, model::Functions::exact, progress);
    for (std::size_t d = 0; d < vectors.size(); ++d) {
        const std::vector<double> unit = normalised(std::move(vectors[d].values));
        for (std::size_t i = 0; i < features; ++i) weight.values[i * weight.columns + d] = static_cast<float>(unit[i]);
    }
    const double bound = length_bound(encoder, index.titles);
    index.graph = with_map_behind(encoder.graph, "documents", std::move(weight), {}, bound);
    return index;
}

void save_index(const std::filesystem::path& folder, const std::filesystem::path& like, SearchIndex index,
                model::TextInput input) {
    input.output = model::TextOutput::documents;
    input.normalise = false;
    input.labels = std::move(index.titles);
    save_text_model(folder, like, index.graph, input);
}

}  // namespace polyformer::tasks
