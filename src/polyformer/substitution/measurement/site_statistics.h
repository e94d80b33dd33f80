// What enters each function of a graph that a polynomial is to replace, and how large every value gets.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/substitution/measurement/value_histogram.h"

namespace polyformer::substitution {

/// What a function's inputs are measured in: those of 1/x and 1/√x, which are positive and span orders of magnitude, by
/// their logarithms.
enum class Coordinate { value, logarithm };
Coordinate coordinate_of(std::string_view function);
double to_coordinate(Coordinate coordinate, double x);
double from_coordinate(Coordinate coordinate, double x);

/// The least and the greatest of one text, as coordinates.
struct TextRange {
    double smallest = 0;
    double largest = 0;
};

/// What entered one Apply that stands for a function.
struct SiteStatistics {
    model::NodeId node = 0;
    std::string name = {};
    std::string function = {};
    Coordinate coordinate = Coordinate::value;
    /// Whether all that becomes of the function is its square.
    bool squared = false;
    /// Scores of which queries see keys up to their own place only. The others take part in nothing but `hidden`.
    bool causal = false;
    /// Of coordinates. Inputs of exponentials count by the inverse square of their row's sum, since an error of one
    /// weight counts relative to all weights of its row; for a square's root also by the weight itself.
    ValueHistogram histogram = {};
    /// Of each sample text whose inputs were all finite, positive where they must be, and within limits.
    std::vector<TextRange> texts = {};
    std::size_t lost = 0;  ///< the other sample texts
    TextRange stress = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    /// Of what a mask takes away afterwards, in all texts: polynomials must stay bounded there, no more.
    TextRange hidden = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    /// Beyond which no text whatever has an input (token_bounds.h).
    TextRange possible = {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
};

/// Mergeable, in memory that grows with the number of texts alone (some 16 bytes a node for each).
struct GraphStatistics {
    std::vector<SiteStatistics> sites;  ///< in order of evaluation
    /// For each node the largest |value| of every sample text; of weights what causal masks leave of them.
    std::vector<std::vector<float>> largest;
    std::vector<bool> lost;                  ///< sample texts that a site lost
    std::vector<std::vector<float>> stress;  ///< the same of every stress text that no site lost
};

/// What texts are measured for: stress texts are no sample of what will come. They show how far values can reach, but
/// not how often, and so take no part in histograms and tails.
enum class Purpose { sample, stress };

/// Collects from evaluate_batch(): observe() is its observer.
class StatisticsCollector {
  public:
    explicit StatisticsCollector(const model::Graph& graph);
    /// Limits for each site's inputs, as coordinates: a text that leaves them is lost. What polynomials make of values
    /// far outside their intervals says nothing about the model.
    StatisticsCollector(const model::Graph& graph, std::vector<TextRange> limits);
    /// A batch ends with the graph's last node.
    void observe(model::NodeId node, std::span<const model::Tensor> values, Purpose purpose = Purpose::sample);
    const GraphStatistics& statistics() const { return statistics_; }

  private:
    void note_magnitudes(model::NodeId node, std::span<const model::Tensor> values, Purpose purpose);

    std::vector<std::vector<std::size_t>> sites_reading_;  ///< for each node
    std::vector<bool> under_mask_;  ///< for each node whether it is stored under a causal mask alone
    std::vector<TextRange> limits_;
    std::size_t first_of_batch_ = 0;
    std::vector<std::vector<double>> stressed_;  ///< of a batch, for each node the largest |value| of each text
    std::vector<bool> stress_lost_;
    GraphStatistics statistics_;
};

/// Adds what others saw of the same graph.
void merge(GraphStatistics& all, const GraphStatistics& more);

}  // namespace polyformer::substitution
