// The butterflies of the transforms on doubles. Between the first and the last pass the values are doubles of either
// sign in place of the integers: forward at most 3.9·q in size, inverse at most 2·q. Included by the AVX2 and NEON
// transforms only.
//
// Simd provides, beside what double_arithmetic.h says,
//   low_halves(a, b), high_halves(a, b)    of a and of b
//   even_lanes(a, b), odd_lanes(a, b)      a0 b0 a2 b2; a1 b1 a3 b3
//   load_pair(p)                           p[0] p[0] p[1] p[1], as bits
//   reversed(v)                            the last lane first
#pragma once

#include "polyformer/ckks/kernels/double_arithmetic.h"
#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

/// What ntt_vector_template.h asks for.
template <class Simd>
class DoubleButterflies {
    using Arithmetic = DoubleArithmetic<Simd>;

  public:
    using Vector = typename Arithmetic::Vector;
    using Factor = typename Arithmetic::Factor;
    /// Two vectors that butterflies combine.
    struct Pair {
        Vector low;
        Vector high;
    };
    static constexpr std::size_t kLanes = Arithmetic::kLanes;

    /// The inverse multiplies by `scalar`.
    explicit DoubleButterflies(const TransformTables& tables, std::uint64_t scalar = 1)
        : modulus_(tables.modulus),
          roots_(tables.roots),
          inverse_dimension_(scaled(tables.modulus, tables.inverse_dimension, scalar)),
          last_factor_(scaled(tables.modulus, tables.last_factor, scalar)) {}

    Factor root(std::size_t node) const {
        return modulus_.factor(Arithmetic::broadcast(Arithmetic::weight(roots_[node])));
    }

    static Vector load_input(const std::uint64_t* p) { return Arithmetic::load(p); }
    static Vector load(const std::uint64_t* p) { return Simd::load(p); }
    static void store(std::uint64_t* p, Vector v) { Simd::store(p, v); }

    /// From size c·q to (1 + 3c/8)·q.
    void forward_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        x = modulus_.reduce_lazy(x);
        next_forward_butterfly(x, y, factor);
    }
    /// From size d·q to (1/2 + 11d/8)·q. After forward_butterfly(): 1.9 + 33c/64, so that c = 3.9 is never exceeded.
    void next_forward_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector product = modulus_.multiply_lazy(y, factor);
        y = Simd::subtract(x, product);
        x = Simd::add(x, product);
    }

    void inverse_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector difference = Simd::subtract(y, x);
        x = modulus_.reduce_lazy(Simd::add(x, y));
        y = modulus_.multiply_lazy(difference, factor);
    }

    void store_last_butterfly(std::uint64_t* low, std::uint64_t* high, Vector x, Vector y) const {
        Arithmetic::store(low, modulus_.reduce(modulus_.multiply_lazy(Simd::add(x, y), inverse_dimension_)));
        Arithmetic::store(high, modulus_.reduce(modulus_.multiply_lazy(Simd::subtract(y, x), last_factor_)));
    }

    /// Strides 2 and 1 of eight values in natural order; stores them as integers.
    void store_last_levels(std::uint64_t* values, Pair v, std::size_t node) const {
        v = halves(v);
        forward_butterfly(v.low, v.high, modulus_.factor(two_roots(2 * node)));
        v = unpack(v);
        next_forward_butterfly(v.low, v.high, modulus_.factor(four_roots(4 * node)));
        v = halves(unpack(v));
        Arithmetic::store(values, modulus_.reduce(v.low));
        Arithmetic::store(values + kLanes, modulus_.reduce(v.high));
    }

    /// Strides 1 and 2 of eight integers.
    Pair load_first_levels(const std::uint64_t* values, std::size_t mirror) const {
        Pair v{load_input(values), load_input(values + kLanes)};
        v = unpack(halves(v));
        inverse_butterfly(v.low, v.high, modulus_.factor(Simd::reversed(four_roots(4 * mirror))));
        v = unpack(v);
        inverse_butterfly(v.low, v.high, modulus_.factor(Simd::reversed(two_roots(2 * mirror))));
        return halves(v);
    }

  private:
    Factor scaled(const ModulusConstants& q, const ShoupFactor& factor, std::uint64_t scalar) const {
        const std::uint64_t product = product_modulo(q, scalar, factor.value);
        return modulus_.factor(Arithmetic::broadcast(Arithmetic::weight(product)));
    }

    static Pair halves(const Pair& v) { return {Simd::low_halves(v.low, v.high), Simd::high_halves(v.low, v.high)}; }
    static Pair unpack(const Pair& v) { return {Simd::even_lanes(v.low, v.high), Simd::odd_lanes(v.low, v.high)}; }

    /// The roots of the two nodes from `node`, twice each, and of the four nodes from it.
    Vector two_roots(std::size_t node) const { return Arithmetic::from_integers(Simd::load_pair(roots_ + node)); }
    Vector four_roots(std::size_t node) const { return Arithmetic::load(roots_ + node); }

    typename Arithmetic::VectorModulus modulus_;
    const std::uint64_t* roots_;
    Factor inverse_dimension_;
    Factor last_factor_;
};

}  // namespace polyformer::ckks
