#include "polyformer/tasks/maps/linear_head.h"

#include <lbfgs.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "polyformer/model/interpreter/vector_loops.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::tasks {

namespace {

/// Rows that one thread takes at a time: a gradient for each part, summed in order, so that results do not depend on
/// the number of threads.
constexpr std::size_t kRowsAtATime = 256;

/// The loss and its gradient. Parameters are (features + 1) rows of `classes`, the last one the bias.
class LogisticLoss {
  public:
    LogisticLoss(std::span<const std::vector<double>> x, std::span<const std::size_t> classes_of, std::size_t classes,
                 const HeadOptions& options, const std::function<void(double)>& progress)
        : x_(x), classes_of_(classes_of), classes_(classes), options_(options), progress_(progress) {}

    std::size_t features() const { return x_.front().size(); }
    std::size_t parameters() const { return (features() + 1) * classes_; }

    double evaluate(const double* w, double* gradient) {
        const std::size_t parts = (x_.size() + kRowsAtATime - 1) / kRowsAtATime;
        std::vector<double> losses(parts);
        gradients_.resize(parts);
        parallel_for(parts, [&](std::size_t part) {
            gradients_[part].assign(parameters(), 0.0);
            const std::size_t first = part * kRowsAtATime;
            const std::size_t end = std::min(first + kRowsAtATime, x_.size());
            for (std::size_t row = first; row < end; ++row) losses[part] += add_row(row, w, gradients_[part]);
        });
        const auto share = 1 / static_cast<double>(x_.size());
        const std::size_t weights = features() * classes_;
        double loss = 0;
        for (const double part : losses) loss += part * share;
        data_loss_ = loss;
        for (std::size_t i = 0; i < parameters(); ++i) {
            gradient[i] = i < weights ? options_.penalty * w[i] : 0.0;
            if (i < weights) loss += options_.penalty * w[i] * w[i] / 2;
            for (const std::vector<double>& part : gradients_) gradient[i] += part[i] * share;
        }
        return loss;
    }

    void report(int iteration) const {
        if (progress_) progress_(static_cast<double>(iteration) / static_cast<double>(options_.most_iterations));
    }

    double data_loss() const { return data_loss_; }

  private:
    double add_row(std::size_t row, const double* w, std::vector<double>& gradient) const {
        const std::vector<double>& x = x_[row];
        std::vector<double> logits(w + features() * classes_, w + parameters());
        model::add_combined_rows(x.data(), x.size(), w, classes_, classes_, logits.data());
        const double largest = *std::ranges::max_element(logits);
        double sum = 0;
        for (const double logit : logits) sum += std::exp(logit - largest);
        const double loss = largest + std::log(sum) - logits[classes_of_[row]];
        for (double& logit : logits) logit = std::exp(logit - largest) / sum;  // now probabilities
        logits[classes_of_[row]] -= 1;
        for (std::size_t i = 0; i <= x.size(); ++i) {
            const double value = i < x.size() ? x[i] : 1;
            model::add_combined_rows(&value, 1, logits.data(), classes_, classes_, &gradient[i * classes_]);
        }
        return loss;
    }

    std::span<const std::vector<double>> x_;
    std::span<const std::size_t> classes_of_;
    std::size_t classes_;
    const HeadOptions& options_;
    const std::function<void(double)>& progress_;
    std::vector<std::vector<double>> gradients_;
    double data_loss_ = 0;
};

double evaluate(void* loss, const double* w, double* gradient, int, double) {
    return static_cast<LogisticLoss*>(loss)->evaluate(w, gradient);
}

int report(void* loss, const double*, const double*, double, double, double, double, int, int iteration, int) {
    static_cast<LogisticLoss*>(loss)->report(iteration);
    return 0;
}

void check(std::span<const std::vector<double>> x, std::span<const std::size_t> classes_of, std::size_t classes) {
    require(!x.empty() && x.size() == classes_of.size(), "a head needs as many vectors as classes: there are {} and {}",
            x.size(), classes_of.size());
    require(classes >= 2, "a head tells classes apart, but there is {}", classes == 1 ? "only one" : "none");
    for (std::size_t row = 0; row < x.size(); ++row) {
        require(x[row].size() == x.front().size() && classes_of[row] < classes,
                "row {}: a vector of {} numbers in class {} does not fit {} numbers and {} classes", row, x[row].size(),
                classes_of[row], x.front().size(), classes);
        require(std::ranges::all_of(x[row], [](double value) { return std::isfinite(value); }),
                "row {}: the model's vector is not finite: the text leaves the model's range", row);
    }
}

}  // namespace

LinearHead fit_linear_head(std::span<const std::vector<double>> x, std::span<const std::size_t> classes_of,
                           std::size_t classes, const HeadOptions& options,
                           const std::function<void(double)>& progress) {
    check(x, classes_of, classes);
    LogisticLoss loss(x, classes_of, classes, options, progress);
    lbfgs_parameter_t settings{};
    lbfgs_parameter_init(&settings);
    settings.max_iterations = static_cast<int>(options.most_iterations);
    settings.epsilon = 1e-5;
    const std::unique_ptr<double, void (*)(double*)> w(lbfgs_malloc(static_cast<int>(loss.parameters())), lbfgs_free);
    require(w != nullptr, "no memory for a head of {} weights", loss.parameters());
    std::fill_n(w.get(), loss.parameters(), 0.0);
    const int status = lbfgs(static_cast<int>(loss.parameters()), w.get(), nullptr, evaluate, report, &loss, &settings);
    // A line search that finds nothing better at the limits of double precision has arrived, too.
    require(status >= 0 || status == LBFGSERR_MAXIMUMITERATION || status == LBFGSERR_ROUNDING_ERROR ||
                status == LBFGSERR_MAXIMUMLINESEARCH || status == LBFGSERR_MINIMUMSTEP,
            "L-BFGS stopped with error {} while fitting the head", status);

    LinearHead head{.weight = {loss.features(), classes, {}}, .bias = {}};
    const std::size_t weights = loss.features() * classes;
    head.weight.values.assign(w.get(), w.get() + weights);
    head.bias.assign(w.get() + weights, w.get() + loss.parameters());
    head.loss = loss.data_loss();
    return head;
}

}  // namespace polyformer::tasks
