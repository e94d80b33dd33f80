// What the examples share: the option --ring, headings, measured errors and the check that ends each of them. Whatever
// an example teaches is in the example itself.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

#include "polyformer/ckks/scheme/parameters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"

namespace examples {

/// The parameters that the command line asks for: `secure` as they are, or, with --ring N, their like in a small ring
/// of dimension N, which is quick and WITHOUT ANY SECURITY.
inline polyformer::ckks::ParametersLiteral parameters_from(int argc, char** argv,
                                                           polyformer::ckks::ParametersLiteral secure) {
    if (argc == 1 || (argc == 3 && argv[1] == std::string_view("--ring") && argv[2] == std::string_view("secure"))) {
        return secure;
    }
    polyformer::require(argc == 3 && argv[1] == std::string_view("--ring"),
                        "usage: {} [--ring N|secure]; N is a power of two such as 2048: quick, but INSECURE", argv[0]);
    fmt::print("INSECURE: a ring of dimension {} hides nothing. It is for trying things out and for tests.\n", argv[2]);
    secure.ring_dimension = std::strtoul(argv[2], nullptr, 10);
    secure.security = polyformer::ckks::Security::insecure;  // otherwise such a small ring would be refused
    return secure;
}

inline void heading(std::string_view text) {
    fmt::print("\n{}\n{:-<{}}\n", text, "", text.size());
}

/// The largest |a[i] − b[i]|; of real or complex values.
template <class A, class B>
double largest_error(const A& a, const B& b) {
    polyformer::require(a.size() == b.size(), "{} values cannot be compared with {}", a.size(), b.size());
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = polyformer::larger(largest, std::abs(a[i] - b[i]));
    return largest;
}

/// An error as bits of precision: 2^-20 gives 20.
inline double bits(double error) {
    return -std::log2(error);
}

/// Says what was compared and ends the example, by an exception, when the error is not below the bound.
inline void check(std::string_view what, double error, double bound) {
    fmt::print("check: {}: largest error {:.1e}, must be below {:.1e}\n", what, error, bound);
    polyformer::require(error < bound, "CHECK FAILED: {}", what);
}

}  // namespace examples
