// Polynomials that nobody else may see: wiped from memory when they are no longer needed.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Overwrites all residues; not optimised away.
void wipe(RnsPolynomial& polynomial);

/// A secret polynomial that is wiped when it goes out of scope.
class SecretPolynomial {
  public:
    /// N small coefficients as evaluations over q_0 .. q_level and `special` special primes.
    SecretPolynomial(const Parameters& parameters, std::span<const std::int8_t> coefficients, int level, int special);
    explicit SecretPolynomial(RnsPolynomial rows) : rows_(std::move(rows)) {}
    ~SecretPolynomial() { wipe(rows_); }
    SecretPolynomial(const SecretPolynomial&) = delete;
    SecretPolynomial& operator=(const SecretPolynomial&) = delete;
    SecretPolynomial(SecretPolynomial&&) = delete;
    SecretPolynomial& operator=(SecretPolynomial&&) = delete;

    const RnsPolynomial& rows() const { return rows_; }
    /// From here on wiping is the caller's business.
    RnsPolynomial release() { return std::move(rows_); }

  private:
    RnsPolynomial rows_;
};

/// The coefficients of an error polynomial, to be wiped by the caller.
std::vector<std::int8_t> gaussian_error(std::size_t n);

}  // namespace polyformer::ckks
