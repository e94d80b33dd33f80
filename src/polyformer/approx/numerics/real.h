// The multiprecision number in which approximations are computed; results are rounded to double once, at the end.
#pragma once

#include <boost/multiprecision/mpfr.hpp>

namespace polyformer::approx {

/// MPFR with 60 decimal digits on the stack. Coefficients leave as doubles (16 digits), so errors near 1e-20 are the
/// smallest that matter; the other digits absorb the conditioning of the linear systems up to `max_degree`.
using Real =
    boost::multiprecision::number<boost::multiprecision::mpfr_float_backend<60, boost::multiprecision::allocate_stack>,
                                  boost::multiprecision::et_off>;

}  // namespace polyformer::approx
