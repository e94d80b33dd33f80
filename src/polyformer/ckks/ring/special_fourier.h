// The canonical embedding's Fourier transform on powers of five, in double precision.
#pragma once

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace polyformer::ckks {

/// For n slots (a power of two) the polynomial m(Y) of degree below 2n takes the values z_j = m(ζ^{5^j}), ζ =
/// exp(πi/2n). Coefficients are held folded: entry k is m_k + i·m_{k+n}, which the transform maps to z as a linear map
/// on n complex numbers, since ζ^{n·5^j} = i for every j. One table serves all n up to its size.
class SpecialFourier {
  public:
    explicit SpecialFourier(std::size_t max_slots);

    /// Folded coefficients to slots, in place, O(n log n).
    void to_slots(std::span<std::complex<double>> values) const;
    /// The inverse.
    void to_coefficients(std::span<std::complex<double>> values) const;

  private:
    std::vector<std::complex<double>> roots_;  ///< roots_[h + j] = exp(2πi·5^j / 8h), j < h: those of stage length 2h
};

}  // namespace polyformer::ckks
