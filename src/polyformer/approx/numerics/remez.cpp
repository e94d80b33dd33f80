#include "polyformer/approx/numerics/remez.h"

#include <algorithm>
#include <boost/math/constants/constants.hpp>

#include "polyformer/approx/numerics/linear_system.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/cancellation.h"

namespace polyformer::approx {
namespace {

constexpr std::size_t grid_points_per_extremum = 16;
constexpr int most_halvings = 12;    // of a step of the grid
constexpr double weight_step = 1.3;  // between neighbours on the grid, unless halved that often
constexpr int max_iterations = 200;
constexpr int patience = 30;  // iterations without a smaller largest error
constexpr double tolerance = 1e-9;
constexpr double tolerance_when_stalled = 1e-2;

/// A place on the interval, u = cos(angle), with everything that does not change from one iteration to the next.
struct Sample {
    Real angle;
    Real u;
    Real target;
    Real weight;
};

struct Extremum {
    Sample sample;
    Real error;  ///< weighted, signed
};

/// The state of one exchange: target, basis and grid.
class Exchange {
  public:
    explicit Exchange(const RemezProblem& problem)
        : problem_(problem),
          first_(problem.parity == Parity::odd ? 1 : 0),
          stride_(problem.parity == Parity::none ? 1 : 2),
          unknowns_((problem.degree - first_) / stride_ + 1),
          widest_angle_(boost::math::constants::pi<Real>() / (problem.parity == Parity::none ? 1 : 2)) {
        const std::size_t points = grid_points_per_extremum * (unknowns_ + 1);
        for (std::size_t i = 0; i <= points; ++i) grid_.push_back(sample_at(widest_angle_ * Real(i) / Real(points)));
        for (const Real& knot : problem.knots) {
            const Real angle = acos(knot);
            if (angle <= widest_angle_) grid_.push_back(sample_at(angle));
        }
        sort_by_angle(grid_);
        follow_weight();
    }

    RemezSolution run() const {
        std::vector<Sample> reference = initial_reference();
        RemezSolution best;
        Real smallest_largest = -1;
        int since_improvement = 0;
        for (int iteration = 0; iteration < max_iterations && since_improvement < patience; ++iteration) {
            throw_if_cancelled();
            RemezSolution solution = level(reference);
            std::vector<Extremum> extrema = alternating_extrema(solution.coefficients, reference);
            const Real largest = largest_error(extrema);
            ++since_improvement;
            if (smallest_largest < 0 || largest < smallest_largest) {
                smallest_largest = largest;
                best = solution;
                since_improvement = 0;
            }
            if (largest <= problem_.noise || largest - solution.levelled_error <= largest * tolerance) return best;
            if (extrema.size() < unknowns_ + 1) break;
            thin_out(extrema, unknowns_ + 1);
            for (std::size_t i = 0; i < extrema.size(); ++i) reference[i] = extrema[i].sample;
        }
        require(smallest_largest - best.levelled_error <= smallest_largest * tolerance_when_stalled,
                "the degree-{} minimax approximation of {} does not level: its error is {:.6g} at most but {:.6g} on "
                "the reference; check target and weight for jumps and poles, and list kinks as knots",
                problem_.degree, problem_.name, smallest_largest.convert_to<double>(),
                best.levelled_error.convert_to<double>());
        return best;
    }

  private:
    Sample sample_at(const Real& angle) const {
        Sample sample{angle, cos(angle), 0, 0};
        sample.target = problem_.target(sample.u);
        sample.weight = problem_.weight(sample.u);
        return sample;
    }

    /// Halves steps of the grid over which the weight rises or falls steeply, so that no extremum hides on a flank.
    void follow_weight() {
        for (int halving = 0; halving < most_halvings; ++halving) {
            std::vector<Sample> between;
            for (std::size_t i = 0; i + 1 < grid_.size(); ++i) {
                const auto& [low, high] = std::minmax(grid_[i].weight, grid_[i + 1].weight);
                if (high > weight_step * low) between.push_back(sample_at((grid_[i].angle + grid_[i + 1].angle) / 2));
            }
            if (between.empty()) return;
            grid_.insert(grid_.end(), between.begin(), between.end());
            sort_by_angle(grid_);
        }
    }

    static void sort_by_angle(std::vector<Sample>& samples) {
        std::ranges::sort(samples, {}, &Sample::angle);
        // Not ranges::unique: clang 14, which builds the fuzzers, cannot compile libstdc++ 12's subrange.
        const auto repeated = std::unique(samples.begin(), samples.end(),
                                          [](const Sample& a, const Sample& b) { return a.angle == b.angle; });
        samples.erase(repeated, samples.end());
    }

    /// The extrema of the next Chebyshev polynomial of the same parity, of which the basis has one less.
    std::vector<Sample> initial_reference() const {
        const std::size_t next = first_ + unknowns_ * stride_;
        std::vector<Sample> reference;
        for (std::size_t i = 0; i <= unknowns_; ++i) {
            reference.push_back(sample_at(boost::math::constants::pi<Real>() * Real(i) / Real(next)));
        }
        return reference;
    }

    /// The polynomial whose weighted errors on the reference are equal and alternate in sign.
    RemezSolution level(const std::vector<Sample>& reference) const {
        LinearSystem system(unknowns_ + 1);
        for (std::size_t i = 0; i <= unknowns_; ++i) {
            Real previous = reference[i].u;  // T_{−1} = T_1
            Real current = 1;
            for (std::size_t k = 0; k <= problem_.degree; ++k) {
                if (k >= first_ && (k - first_) % stride_ == 0) system.at(i, (k - first_) / stride_) = current;
                Real next = 2 * reference[i].u * current - previous;
                previous = current;
                current = next;
            }
            system.at(i, unknowns_) = (i % 2 == 0 ? 1 : -1) / reference[i].weight;
            system.right[i] = reference[i].target;
        }
        const std::vector<Real> unknowns = solve(std::move(system));
        RemezSolution solution;
        solution.levelled_error = abs(unknowns.back());
        solution.coefficients.resize(first_ + (unknowns_ - 1) * stride_ + 1);
        for (std::size_t k = 0; k < unknowns_; ++k) solution.coefficients[first_ + k * stride_] = unknowns[k];
        return solution;
    }

    static Real error_at(const std::vector<Real>& coefficients, const Sample& sample) {
        const Real twice_u = 2 * sample.u;
        Real next = 0;
        Real after_next = 0;
        for (std::size_t k = coefficients.size() - 1; k > 0; --k) {
            Real current = twice_u * next - after_next + coefficients[k];
            after_next = next;
            next = current;
        }
        return sample.weight * (sample.target - (sample.u * next - after_next + coefficients[0]));
    }

    /// The largest error of each stretch of one sign; the reference itself makes sure that there are enough.
    std::vector<Extremum> alternating_extrema(const std::vector<Real>& coefficients,
                                              const std::vector<Sample>& reference) const {
        std::vector<Sample> samples = grid_;
        samples.insert(samples.end(), reference.begin(), reference.end());
        sort_by_angle(samples);
        std::vector<Real> errors;
        errors.reserve(samples.size());
        for (const Sample& sample : samples) errors.push_back(error_at(coefficients, sample));

        std::vector<Extremum> extrema;
        for (std::size_t begin = 0; begin < samples.size();) {
            std::size_t end = begin;
            std::size_t peak = begin;
            while (end < samples.size() && (errors[end] < 0) == (errors[begin] < 0)) {
                if (abs(errors[end]) > abs(errors[peak])) peak = end;
                ++end;
            }
            if (peak > 0 && peak + 1 < samples.size()) {
                extrema.push_back(refine(coefficients, {samples[peak], errors[peak]}, samples[peak - 1].angle,
                                         samples[peak + 1].angle));
            } else {
                extrema.push_back({samples[peak], errors[peak]});
            }
            begin = end;
        }
        return extrema;
    }

    /// Moves a peak to the vertex of the parabola through it and two neighbours, then once more from close by.
    Extremum refine(const std::vector<Real>& coefficients, Extremum peak, const Real& left_bound,
                    const Real& right_bound) const {
        Real step = (right_bound - left_bound) / 4;
        for (int round = 0; round < 2; ++round, step /= 16) {
            const Real left = error_at(coefficients, sample_at(peak.sample.angle - step));
            const Real right = error_at(coefficients, sample_at(peak.sample.angle + step));
            const Real curvature = left - 2 * peak.error + right;
            if (curvature == 0) break;
            const Real shift = step * (left - right) / (2 * curvature);
            const Real angle = peak.sample.angle + shift;
            if (angle <= left_bound || angle >= right_bound) break;
            const Sample moved = sample_at(angle);
            const Real error = error_at(coefficients, moved);
            if (abs(error) > abs(peak.error)) peak = {moved, error};
        }
        return peak;
    }

    static Real largest_error(const std::vector<Extremum>& extrema) {
        Real largest = 0;
        for (const Extremum& extremum : extrema) largest = std::max(largest, Real(abs(extremum.error)));
        return largest;
    }

    /// Drops the smallest extrema, in neighbouring pairs or from an end, so that the signs still alternate.
    static void thin_out(std::vector<Extremum>& extrema, std::size_t wanted) {
        const auto size_of = [&](std::size_t i) { return Real(abs(extrema[i].error)); };
        while (extrema.size() > wanted) {
            if (extrema.size() == wanted + 1) {
                extrema.erase(size_of(0) < size_of(extrema.size() - 1) ? extrema.begin() : extrema.end() - 1);
                return;
            }
            std::size_t smallest = 0;
            Real smallest_size = std::max(size_of(0), size_of(1));
            for (std::size_t i = 1; i + 1 < extrema.size(); ++i) {
                const Real size = std::max(size_of(i), size_of(i + 1));
                if (size < smallest_size) {
                    smallest = i;
                    smallest_size = size;
                }
            }
            const auto first = extrema.begin() + static_cast<std::ptrdiff_t>(smallest);
            extrema.erase(first, first + 2);
        }
    }

    const RemezProblem& problem_;
    std::size_t first_;
    std::size_t stride_;
    std::size_t unknowns_;
    Real widest_angle_;
    std::vector<Sample> grid_;
};

}  // namespace

RemezSolution remez(const RemezProblem& problem) {
    return Exchange(problem).run();
}

}  // namespace polyformer::approx
