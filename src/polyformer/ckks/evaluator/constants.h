// Arithmetic with one constant for all slots: it needs no plaintext, only two residues for each row.
#pragma once

#include <complex>
#include <cstdint>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

// As the functions of these names of Evaluator.
Ciphertext add_constant(const Parameters& parameters, Ciphertext a, std::complex<double> constant);
Ciphertext multiply_constant(const Parameters& parameters, const Ciphertext& a, std::complex<double> constant,
                             double scale);
Ciphertext multiply_integer(const Parameters& parameters, const Ciphertext& a, std::int64_t factor);
Ciphertext multiply_by_i(const Parameters& parameters, const Ciphertext& a);

}  // namespace polyformer::ckks
