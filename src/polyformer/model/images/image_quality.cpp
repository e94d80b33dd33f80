#include "polyformer/model/images/image_quality.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <span>

#include "polyformer/model/images/image_model.h"
#include "polyformer/model/images/image_set.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/interpreter/reference.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/support/text.h"

namespace polyformer::model {
namespace {

constexpr std::size_t counted_as_near = 5;
constexpr std::size_t shown_pairs = 8;
constexpr std::size_t shown_classes = 3;

/// What the logits of one image say about its class.
struct Verdict {
    std::size_t found = 0;
    std::size_t rank = 0;  ///< of the right class: 0 is the greatest logit
    double loss = 0;
};

Verdict judge(std::span<const double> logits, std::size_t label) {
    Verdict verdict;
    verdict.found = static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        sum += std::exp(logits[i] - logits[verdict.found]);
        if (logits[i] > logits[label] || (logits[i] == logits[label] && i < label)) ++verdict.rank;
    }
    verdict.loss = logits[verdict.found] + std::log(sum) - logits[label];
    return verdict;
}

Accuracy accuracy_of(std::span<const Verdict> verdicts) {
    Accuracy accuracy;
    for (const Verdict& verdict : verdicts) {
        accuracy.top_1 += verdict.rank == 0 ? 1 : 0;
        accuracy.top_5 += verdict.rank < counted_as_near ? 1 : 0;
        accuracy.loss += verdict.loss;
    }
    const auto images = static_cast<double>(verdicts.size());
    return {accuracy.top_1 / images, accuracy.top_5 / images, accuracy.loss / images};
}

std::string percent(double share) {
    return fmt::format("{:.2f} %", 100 * share);
}

nlohmann::ordered_json to_json(const Accuracy& accuracy) {
    return {{"top_1", accuracy.top_1}, {"top_5", accuracy.top_5}, {"loss", accuracy.loss}};
}

/// Share of a class's images that were recognised; nothing for a class without images.
struct ClassAccuracy {
    std::size_t label = 0;
    double share = 0;
};

/// Best first.
std::vector<ClassAccuracy> class_accuracies(const Confusion& confusion) {
    std::vector<ClassAccuracy> all;
    for (std::size_t label = 0; label < confusion.classes.size(); ++label) {
        const std::size_t images = confusion.images_of(label);
        if (images == 0) continue;
        all.push_back({label, static_cast<double>(confusion.at(label, label)) / static_cast<double>(images)});
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const ClassAccuracy& a, const ClassAccuracy& b) { return a.share > b.share; });
    return all;
}

std::string describe(const Confusion& confusion) {
    std::string text;
    const std::vector<ConfusedPair> pairs = worst_pairs(confusion, shown_pairs);
    if (!pairs.empty()) text += "Taken for another class most often (of all images of the class):\n";
    for (const ConfusedPair& pair : pairs) {
        text += fmt::format("  {}{}{:>5} of {}\n", padded(printable(confusion.classes[pair.actual]), 28),
                            padded(printable(confusion.classes[pair.found]), 28), pair.images,
                            confusion.images_of(pair.actual));
    }
    const std::vector<ClassAccuracy> sorted = class_accuracies(confusion);
    const auto list = [&](const auto& begin, const auto& end) {
        std::string names;
        for (auto it = begin; it != end; ++it) {
            names += fmt::format("{}{} {:.0f} %", names.empty() ? "" : ", ", printable(confusion.classes[it->label]),
                                 100 * it->share);
        }
        return names;
    };
    const auto shown = static_cast<std::ptrdiff_t>(std::min(shown_classes, sorted.size()));
    return text + fmt::format("Classes recognised best:  {}\n                   worst: {}\n",
                              list(sorted.begin(), sorted.begin() + shown),
                              list(sorted.rbegin(), sorted.rbegin() + shown));
}

}  // namespace

std::size_t Confusion::images_of(std::size_t actual) const {
    const std::span row = std::span(counts).subspan(actual * classes.size(), classes.size());
    return std::accumulate(row.begin(), row.end(), std::size_t{0});
}

std::vector<ConfusedPair> worst_pairs(const Confusion& confusion, std::size_t count) {
    std::vector<ConfusedPair> pairs;
    for (std::size_t actual = 0; actual < confusion.classes.size(); ++actual) {
        for (std::size_t found = 0; found < confusion.classes.size(); ++found) {
            const std::size_t images = confusion.at(actual, found);
            if (actual != found && images > 0) pairs.push_back({actual, found, images});
        }
    }
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const ConfusedPair& a, const ConfusedPair& b) { return a.images > b.images; });
    pairs.resize(std::min(count, pairs.size()));
    return pairs;
}

ImageQuality measure_image_quality(const ImageQualityOptions& options) {
    const Stopwatch watch;
    const ImageModel model = load_image_model(options.model);
    const ImageSet set = open_image_set(options.data, options.split);
    const std::vector<std::size_t> places = match_classes(model.input.classes, set.classes(), options.data.string());
    const std::size_t images = options.most_images == 0 ? set.size() : std::min(options.most_images, set.size());

    const std::vector<std::size_t> picked = picked_images(images, set.size());
    std::vector<Verdict> polynomial(images);
    std::vector<Verdict> exact(images);
    ImageQuality quality;
    quality.split = options.split;
    quality.images = images;
    quality.images_in_split = set.size();
    quality.skipped = set.skipped();
    Progress progress("Looking at images", static_cast<double>(images), options.quiet);
    std::size_t done = 0;
    std::mutex mutex;
    parallel_for(images, [&](std::size_t i) {
        const std::size_t index = picked[i];
        const std::size_t label = places[set.label(index)];
        const Tensor patches = model.input.patches(set.image(index));
        const Evaluation evaluation = evaluate(model.graph, patches);
        polynomial[i] = judge(evaluation.logits.values, label);
        exact[i] = judge(evaluate_exact(model.graph, patches).values, label);
        require(
            all_finite(evaluation.logits.values) && std::isfinite(polynomial[i].loss) && std::isfinite(exact[i].loss),
            "the model's logits for {} are not finite: {}; minimise the ranges ('polyformer tune') before "
            "converting",
            set.name(index),
            describe_outside(outside_share(evaluation.intervals), farthest_outside(evaluation.intervals)));
        const std::lock_guard lock(mutex);
        merge(quality.intervals, evaluation.intervals);
        progress.update(static_cast<double>(++done));
    });
    progress.finish();

    quality.polynomial = accuracy_of(polynomial);
    quality.before_substitution = accuracy_of(exact);
    quality.confusion.classes = model.input.classes;
    quality.confusion.counts.resize(model.input.classes.size() * model.input.classes.size());
    std::size_t equal = 0;
    for (std::size_t i = 0; i < images; ++i) {
        const std::size_t label = places[set.label(picked[i])];
        ++quality.confusion.counts[label * model.input.classes.size() + polynomial[i].found];
        equal += polynomial[i].found == exact[i].found ? 1 : 0;
    }
    quality.agreement = static_cast<double>(equal) / static_cast<double>(images);
    quality.outside_share = outside_share(quality.intervals);
    quality.seconds = watch.seconds();
    return quality;
}

nlohmann::ordered_json to_json(const ImageQuality& quality) {
    const Confusion& confusion = quality.confusion;
    nlohmann::ordered_json pairs = nlohmann::ordered_json::array();
    for (const ConfusedPair& pair : worst_pairs(confusion, shown_pairs)) {
        pairs.push_back({{"class", confusion.classes[pair.actual]},
                         {"taken_for", confusion.classes[pair.found]},
                         {"images", pair.images},
                         {"of", confusion.images_of(pair.actual)}});
    }
    nlohmann::ordered_json matrix = nlohmann::ordered_json::array();
    nlohmann::ordered_json by_class = nlohmann::ordered_json::object();
    for (const ClassAccuracy& accuracy : class_accuracies(confusion)) {
        by_class[confusion.classes[accuracy.label]] = accuracy.share;
    }
    for (std::size_t actual = 0; actual < confusion.classes.size(); ++actual) {
        const std::span row =
            std::span(confusion.counts).subspan(actual * confusion.classes.size(), confusion.classes.size());
        matrix.push_back(std::vector<std::size_t>(row.begin(), row.end()));
    }
    return {{"split", quality.split},
            {"images", quality.images},
            {"images_in_split", quality.images_in_split},
            {"files_left_out", {{"count", quality.skipped.count}, {"first", quality.skipped.first}}},
            {"accuracy",
             {{"polynomial", to_json(quality.polynomial)},
              {"before_substitution", to_json(quality.before_substitution)},
              {"same_class", quality.agreement}}},
            {"out_of_interval_fraction", quality.outside_share},
            {"out_of_interval_farthest", finite_or_null(farthest_outside(quality.intervals))},
            {"intervals", to_json(quality.intervals)},
            {"confused_most", pairs},
            {"class_accuracy", by_class},
            {"confusion", {{"classes", confusion.classes}, {"rows_are_actual_classes", matrix}}},
            {"seconds", quality.seconds}};
}

std::string describe(const ImageQuality& quality) {
    const std::string part =
        quality.images == quality.images_in_split
            ? fmt::format("{} images", quality.images)
            : fmt::format("{} of {} images, a quick look", quality.images, quality.images_in_split);
    std::string text = fmt::format("Accuracy on the {} split ({}; {} classes):\n  {:<24}{:>10}{:>10}{:>10}\n",
                                   quality.split, part, quality.confusion.classes.size(), "", "top-1", "top-5", "loss");
    for (const auto& [name, accuracy] : {std::pair("polynomial model", quality.polynomial),
                                         std::pair("before substitution", quality.before_substitution)}) {
        text += fmt::format("  {:<24}{:>10}{:>10}{:>10.4f}\n", name, percent(accuracy.top_1), percent(accuracy.top_5),
                            accuracy.loss);
    }
    text += fmt::format("  both say the same of {} of the images\n", percent(quality.agreement));
    const std::string skipped = printable(describe(quality.skipped));
    if (!skipped.empty()) text += fmt::format("  {}\n", skipped);
    return text + describe(quality.confusion) + describe(quality.intervals);
}

}  // namespace polyformer::model
