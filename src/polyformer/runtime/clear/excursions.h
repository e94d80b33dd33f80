// Slots that left [-1, 1] where they must not: operands of polynomials and of bootstraps.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace polyformer::runtime {

/// A step some of whose operands left [-1, 1].
struct Excursion {
    std::string step;
    std::string operation;  ///< "polynomial" or "bootstrap"
    double worst = 0;       ///< largest |slot|; NaN when one is
    std::size_t slots = 0;  ///< how many were outside
};

/// Collects them during a run: one entry a step at most, in order.
class ExcursionLog {
  public:
    /// Slots up to 1 + tolerance count as inside.
    explicit ExcursionLog(double tolerance) : tolerance_(tolerance) {}
    void begin_step(const std::string& name) { step_ = name; }
    /// Looks at an operand of the current step.
    void watch(std::span<const double> slots, const char* operation);
    const std::vector<Excursion>& found() const { return found_; }

  private:
    double tolerance_;
    std::string step_;
    std::vector<Excursion> found_;
};

}  // namespace polyformer::runtime
