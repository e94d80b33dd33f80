#include "polyformer/ckks/key_switching/decomposition.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

Decomposition::Decomposition(const Parameters& parameters, const RnsPolynomial& x, int level, int special,
                             int digit_limbs)
    : parameters_(parameters),
      x_(x),
      level_(level),
      q_rows_(static_cast<std::size_t>(level) + 1),
      rows_(q_rows_ + static_cast<std::size_t>(special)),
      width_(static_cast<std::size_t>(digit_limbs)) {
    const std::size_t n = x.ring_dimension();
    std::vector<BaseConverter> converters;
    for (std::size_t first = 0; first < q_rows_; first += width_) converters.push_back(converter(first));
    RnsPolynomial coefficients = RnsPolynomial::uninitialised(n, q_rows_);
    parallel_for(q_rows_, [&](std::size_t row) {
        kernels().scaled_inverse_ntt(coefficients.limb(row).data(), x.limb(row).data(),
                                     converters[row / width_].source_factor(row % width_),
                                     parameters.q(static_cast<int>(row)));
    });
    for (std::size_t d = 0; d < converters.size(); ++d) {
        digits_.push_back(RnsPolynomial::uninitialised(n, rows_));
        std::vector<const std::uint64_t*> in;
        std::vector<std::uint64_t*> out;
        for (std::size_t row = 0; row < rows_; ++row) {
            if (is_own(d, row)) {
                in.push_back(coefficients.limb(row).data());
            } else {
                out.push_back(digits_[d].limb(row).data());
            }
        }
        // Centred, since a mean of Q_d/2 in every coefficient would add up in the slots near X = 1: there the noise
        // would be √N times the others'.
        converters[d].convert_centered(in, out, n);
    }
}

DigitRows Decomposition::transformed(std::size_t row) {
    DigitRows result;
    for (std::size_t d = 0; d < digits_.size(); ++d) {
        if (is_own(d, row)) {
            result.push_back(x_.limb(row).data());
        } else {
            kernels().forward_ntt(digits_[d].limb(row).data(), parameters_.row(level_, row));
            result.push_back(digits_[d].limb(row).data());
        }
    }
    return result;
}

std::vector<RnsPolynomial> Decomposition::transformed() && {
    parallel_for(rows_, [&](std::size_t row) {
        transformed(row);
        for (std::size_t d = 0; d < digits_.size(); ++d) {
            if (is_own(d, row)) std::ranges::copy(x_.limb(row), digits_[d].limb(row).begin());
        }
    });
    return std::move(digits_);
}

BaseConverter Decomposition::converter(std::size_t first) const {
    const std::size_t last = std::min(first + width_, q_rows_);
    std::vector<Modulus> to = parameters_.moduli(level_, 0, first);
    std::ranges::copy(parameters_.moduli(level_, last, rows_), std::back_inserter(to));
    return {parameters_.moduli(level_, first, last), to};
}

std::vector<RnsPolynomial> decompose(const Parameters& parameters, const RnsPolynomial& x, int level, int special,
                                     int digit_limbs) {
    return Decomposition(parameters, x, level, special, digit_limbs).transformed();
}

}  // namespace polyformer::ckks
