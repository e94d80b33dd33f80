// The first part of key switching: a polynomial as digits, each raised to Q·P.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyformer/ckks/ring/rns.h"
#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// One row of every digit, N residues each, in evaluation order.
using DigitRows = std::vector<const std::uint64_t*>;

/// The digits of x. Rows of primes outside a digit start as coefficients and are transformed when they are needed, so
/// that a product with them finds them in cache.
class Decomposition {
  public:
    /// As in decompose(). `parameters` and `x` must outlive this.
    Decomposition(const Parameters& parameters, const RnsPolynomial& x, int level, int special, int digit_limbs);

    /// Row `row` over q_0 .. q_level, p_0 ..; to be called once a row.
    DigitRows transformed(std::size_t row);
    /// All rows of all digits.
    std::vector<RnsPolynomial> transformed() &&;

  private:
    bool is_own(std::size_t d, std::size_t row) const { return row < q_rows_ && row / width_ == d; }
    /// From the limbs of the digit that begins with limb `first` to all others.
    BaseConverter converter(std::size_t first) const;

    const Parameters& parameters_;
    const RnsPolynomial& x_;
    int level_;
    std::size_t q_rows_;
    std::size_t rows_;
    std::size_t width_;
    std::vector<RnsPolynomial> digits_;
};

/// Digit d of x is x modulo limbs d·digit_limbs .. (the last digit has what is left), in (−Q_d/2, Q_d/2), raised to
/// Q·P: the part of key switching that any number of keys can share. x is over q_0 .. q_level at least; the digits are
/// over q_0 .. q_level, p_0 .. p_{special-1}.
std::vector<RnsPolynomial> decompose(const Parameters& parameters, const RnsPolynomial& x, int level, int special,
                                     int digit_limbs);

}  // namespace polyformer::ckks
