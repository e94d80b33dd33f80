// What `polyformer eval` reports of an image model: how often it is right, compared with itself before substitution,
// and which classes it confuses.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/model/images/image_set.h"
#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::model {

/// Which model to measure on which images.
struct ImageQualityOptions {
    std::filesystem::path model;  ///< an image model's directory
    std::filesystem::path data;   ///< a folder that open_image_set() knows
    std::string split = "test";   ///< "train", "valid" or "test"
    std::size_t most_images = 0;  ///< drawn from the split; 0: all. A part is for a quick look
    bool quiet = false;           ///< no progress bar
};

/// How well a model recognises labelled images.
struct Accuracy {
    double top_1 = 0;  ///< share of images whose class has the greatest logit
    double top_5 = 0;  ///< or one of the five greatest
    double loss = 0;   ///< mean of −log softmax(logits)[class], in nats
};

/// Row-major counts (classes, classes): images of a class (row) that were taken for another or for it (column).
struct Confusion {
    std::vector<std::string> classes;
    std::vector<std::size_t> counts;

    std::size_t at(std::size_t actual, std::size_t found) const { return counts[actual * classes.size() + found]; }
    std::size_t images_of(std::size_t actual) const;
};

/// Images of `actual` that were taken for `found`.
struct ConfusedPair {
    std::size_t actual = 0;
    std::size_t found = 0;
    std::size_t images = 0;
};

/// The `count` most frequent mistakes, most frequent first; those that never happened are left out.
std::vector<ConfusedPair> worst_pairs(const Confusion& confusion, std::size_t count);

/// What measuring an image model gives: with its polynomials and with the exact functions.
struct ImageQuality {
    std::string split;
    std::size_t images = 0;
    std::size_t images_in_split = 0;
    SkippedFiles skipped;          ///< of the data set
    Accuracy polynomial;           ///< of the model as it runs encrypted
    Accuracy before_substitution;  ///< of the same weights with the exact functions
    double agreement = 0;          ///< share of images that both take for the same class
    Confusion confusion;           ///< of the polynomial model
    std::vector<IntervalReport> intervals;
    double outside_share = 0;  ///< of all polynomials' inputs
    double seconds = 0;
};

/// Throws FormatError for a damaged model directory, a damaged data set or image, and a data set whose classes are not
/// the model's (their order does not matter); IoError when something is missing; Error when a logit is not finite.
ImageQuality measure_image_quality(const ImageQualityOptions& options);

nlohmann::ordered_json to_json(const ImageQuality& quality);
/// Tables for people.
std::string describe(const ImageQuality& quality);

}  // namespace polyformer::model
