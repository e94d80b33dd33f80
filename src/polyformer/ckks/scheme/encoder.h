// Encoding: complex or real vectors to plaintexts by the canonical embedding, any scale, full or sparse packing.
#pragma once

#include <complex>
#include <memory>
#include <span>
#include <vector>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Cheap to copy: the tables are shared. All functions are safe to call from many threads.
class Encoder {
  public:
    explicit Encoder(Parameters parameters);

    /// Encodes n = values.size() slots, a power of two up to N/2; fewer than N/2 are repeated through the ring.
    /// Throws Error when n does not fit, a value is not finite, the scale is not positive, the level is not one of the
    /// parameters', or a coefficient would exceed q_0 … q_level / 2.
    Plaintext encode(std::span<const std::complex<double>> values, int level, double scale) const;
    Plaintext encode(std::span<const double> values, int level, double scale) const;

    /// Encodes a vector of period F = values.size() in the subring; cost is that of a ring of dimension 2F. Throws like
    /// encode().
    SubringPlaintext encode_periodic(std::span<const std::complex<double>> values, int level, double scale) const;
    SubringPlaintext encode_periodic(std::span<const double> values, int level, double scale) const;

    /// The same over q_0 … q_level and then so many special primes, for products inside key switching's extended basis.
    SubringPlaintext encode_periodic_extended(std::span<const std::complex<double>> values, int level, double scale,
                                              int special) const;

    /// The plaintext's slots, or the first `slots` of all N/2. Throws Error when it belongs to other parameters, or
    /// there are fewer than that.
    std::vector<std::complex<double>> decode(const Plaintext& plaintext) const;
    std::vector<std::complex<double>> decode(const Plaintext& plaintext, std::size_t slots) const;

  private:
    struct Tables;
    /// Evaluations over q_0 … q_level (and the special primes, if extended), of length N or, if not full,
    /// 2·values.size().
    RnsPolynomial transform(std::span<const std::complex<double>> values, int level, double scale, int special,
                            bool full_length) const;
    SubringPlaintext periodic(std::span<const std::complex<double>> values, int level, double scale, int special) const;

    Parameters parameters_;
    std::shared_ptr<const Tables> tables_;
};

}  // namespace polyformer::ckks
