#include "polyformer/substitution/measurement/regression.h"

#include <Eigen/Dense>

#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Index index(std::size_t size) {
    return static_cast<Eigen::Index>(size);
}

}  // namespace

struct Regression::Sums {
    Eigen::MatrixXd products;  ///< Σ x·xᵀ, lower half
    Eigen::MatrixXd mixed;     ///< Σ x·yᵀ
    Eigen::VectorXd inputs;    ///< Σ x
    Eigen::VectorXd outputs;   ///< Σ y
    double rows = 0;

    LinearMap solve(double ridge) const {
        require(rows > 0, "a regression needs at least one row");
        const Eigen::VectorXd mean = inputs / rows;
        const Eigen::VectorXd output_mean = outputs / rows;
        Eigen::MatrixXd covariance = products / rows;
        covariance.selfadjointView<Eigen::Lower>().rankUpdate(mean, -1.0);
        const double variance = covariance.trace() / static_cast<double>(covariance.rows());
        covariance.diagonal().array() += ridge * variance + 1e-12;
        const Eigen::MatrixXd centred = mixed / rows - mean * output_mean.transpose();
        const RowMajor weight = covariance.selfadjointView<Eigen::Lower>().ldlt().solve(centred);
        const Eigen::VectorXd bias = output_mean - weight.transpose() * mean;
        return {{weight.data(), weight.data() + weight.size()}, {bias.data(), bias.data() + bias.size()}};
    }
};

Regression::Regression(std::size_t inputs, std::size_t outputs)
    : sums_(new Sums{Eigen::MatrixXd::Zero(index(inputs), index(inputs)),
                     Eigen::MatrixXd::Zero(index(inputs), index(outputs)), Eigen::VectorXd::Zero(index(inputs)),
                     Eigen::VectorXd::Zero(index(outputs)), 0}) {}

Regression::~Regression() = default;
Regression::Regression(Regression&&) noexcept = default;
Regression& Regression::operator=(Regression&&) noexcept = default;

void Regression::add(std::span<const double> x, std::span<const double> y) {
    const Eigen::Index columns = sums_->products.rows();
    const Eigen::Index outputs = sums_->mixed.cols();
    const Eigen::Index rows = index(x.size()) / columns;
    require(rows * columns == index(x.size()) && rows * outputs == index(y.size()),
            "{} inputs and {} outputs are no rows of {} and {}", x.size(), y.size(), columns, outputs);
    const Eigen::Map<const RowMajor> a(x.data(), rows, columns);
    const Eigen::Map<const RowMajor> b(y.data(), rows, outputs);
    sums_->products.selfadjointView<Eigen::Lower>().rankUpdate(a.transpose());
    sums_->mixed.noalias() += a.transpose() * b;
    sums_->inputs += a.colwise().sum().transpose();
    sums_->outputs += b.colwise().sum().transpose();
    sums_->rows += static_cast<double>(rows);
}

std::size_t Regression::rows() const {
    return static_cast<std::size_t>(sums_->rows);
}

LinearMap Regression::solve(double ridge) const {
    return sums_->solve(ridge);
}

}  // namespace polyformer::substitution
