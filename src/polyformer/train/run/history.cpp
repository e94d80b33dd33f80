#include "polyformer/train/run/history.h"

#include <cmath>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"

namespace polyformer::train {

using Json = nlohmann::ordered_json;

void History::add(const CurvePoint& point) {
    curve_["step"].push_back(point.step);
    curve_["loss"].push_back(point.loss);
    curve_["rate"].push_back(point.rate);
    curve_["gradient_norm"].push_back(point.gradient_norm);
    curve_["largest_score"].push_back(point.largest_score);
    curve_["largest_hidden"].push_back(point.largest_hidden);
    curve_["variance_ratio"].push_back(point.variance_ratio);
}

void History::add_validation(std::size_t step, double perplexity) {
    validations_["step"].push_back(step);
    validations_["perplexity"].push_back(perplexity);
    if (!best_ || perplexity < *best_) {
        best_ = perplexity;
        since_best_ = 0;
    } else {
        ++since_best_;
    }
}

bool History::validated(std::size_t step) const {
    return validations_.contains("step") && validations_.at("step").back() == step;
}

bool History::stalled(std::size_t patience) const {
    return patience > 0 && since_best_ >= patience;
}

Json History::json() const {
    return {{"curve", curve_}, {"validation_curve", validations_}, {"seconds", seconds}, {"loss", loss}};
}

History History::parse(const std::string& text) {
    try {
        const Json json = parse_ordered_json(text, "the history in a checkpoint");
        History history;
        history.curve_ = json.at("curve");
        history.seconds = json.at("seconds");
        history.loss = json.at("loss");
        const Json& validations = json.at("validation_curve");
        for (std::size_t i = 0; i < validations.value("step", Json::array()).size(); ++i) {
            const Json& perplexity = validations.at("perplexity").at(i);
            history.add_validation(validations.at("step").at(i),
                                   perplexity.is_null() ? INFINITY : perplexity.get<double>());
        }
        return history;
    } catch (const Json::exception& error) {
        fail<FormatError>("the history in a checkpoint is damaged: {}", error.what());
    }
}

}  // namespace polyformer::train
