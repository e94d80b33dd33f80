#include "polyformer/substitution/stream/rotation.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <random>

#include "polyformer/support/error.h"

namespace polyformer::substitution {

Rotation::Rotation(std::size_t features)
    : signs_(features), odd_(features == 0 ? 1 : features >> std::countr_zero(features)), hartley_(odd_ * odd_) {
    require(features > 0, "there is nothing to turn in rows without features");
    std::mt19937_64 random(20240331);
    for (double& sign : signs_) sign = (random() >> 63) == 0 ? 1 : -1;
    const double scale = 1 / std::sqrt(static_cast<double>(features));
    for (std::size_t i = 0; i < odd_; ++i) {
        for (std::size_t j = 0; j < odd_; ++j) {
            const double angle = 2 * std::numbers::pi * static_cast<double>(i * j % odd_) / static_cast<double>(odd_);
            hartley_[i * odd_ + j] = scale * (std::cos(angle) + std::sin(angle));
        }
    }
}

void Rotation::turn(std::span<double> row) const {
    const std::size_t count = features();
    require(row.size() == count, "{} features cannot be turned by a rotation of {}", row.size(), count);
    for (std::size_t i = 0; i < count; ++i) row[i] *= signs_[i];
    for (std::size_t distance = odd_; distance < count; distance *= 2) {
        for (std::size_t i = 0; i < count; ++i) {
            if (i / distance % 2 != 0) continue;
            const double sum = row[i] + row[i + distance];
            row[i + distance] = row[i] - row[i + distance];
            row[i] = sum;
        }
    }
    std::vector<double> block(odd_);
    for (std::size_t first = 0; first < count; first += odd_) {
        for (std::size_t j = 0; j < odd_; ++j) {
            block[j] = 0;
            for (std::size_t i = 0; i < odd_; ++i) block[j] += row[first + i] * hartley_[i * odd_ + j];
        }
        for (std::size_t j = 0; j < odd_; ++j) row[first + j] = block[j];
    }
}

void Rotation::turn(std::span<float> row) const {
    std::vector<double> values(row.begin(), row.end());
    turn(std::span(values));
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = static_cast<float>(values[j]);
}

void Rotation::turn_rows(model::Matrix& matrix) const {
    const std::span<float> values(matrix.values);
    for (std::size_t i = 0; i < matrix.rows; ++i) turn(values.subspan(i * matrix.columns, matrix.columns));
}

// The transform is symmetric, so that Qᵀ times a column is what x·Q is of a row.
void Rotation::turn_columns(model::Matrix& matrix) const {
    std::vector<double> column(matrix.rows);
    for (std::size_t j = 0; j < matrix.columns; ++j) {
        for (std::size_t i = 0; i < matrix.rows; ++i) {
            column[i] = static_cast<double>(matrix.values[i * matrix.columns + j]);
        }
        turn(std::span(column));
        for (std::size_t i = 0; i < matrix.rows; ++i) {
            matrix.values[i * matrix.columns + j] = static_cast<float>(column[i]);
        }
    }
}

}  // namespace polyformer::substitution
