// What a stage of training has been through: curves for reports, and what early stopping needs to know.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace polyformer::train {

/// One point of the curves.
struct CurvePoint {
    std::size_t step = 0;
    double loss = 0;           ///< task loss, nats per token, smoothed
    double rate = 0;           ///< learning rate
    double gradient_norm = 0;  ///< before clipping
    double largest_score = 0;  ///< |attention score|, in the step's batch
    double largest_hidden = 0;
    double variance_ratio = 0;  ///< largest over smallest variance of one norm's inputs, the widest norm
};

/// Saved with every checkpoint, so that a resumed run reports as one that was not interrupted.
class History {
  public:
    void add(const CurvePoint& point);
    void add_validation(std::size_t step, double perplexity);
    /// Whether the last `patience` validations were all worse than one before them; never for a patience of 0.
    bool stalled(std::size_t patience) const;
    /// Whether the last validation was the best so far.
    bool improved() const { return since_best_ == 0; }
    /// Whether the last validation was after this many steps.
    bool validated(std::size_t step) const;

    double seconds = 0;  ///< of gradient descent, all calls together
    double loss = 0;     ///< smoothed task loss

    /// {"curve", "validation_curve", "seconds", "loss"}.
    nlohmann::ordered_json json() const;
    /// Throws FormatError when `text` is not what json() gives.
    static History parse(const std::string& text);

  private:
    nlohmann::ordered_json curve_ = nlohmann::ordered_json::object();
    nlohmann::ordered_json validations_ = nlohmann::ordered_json::object();
    std::optional<double> best_;
    std::size_t since_best_ = 0;
};

}  // namespace polyformer::train
