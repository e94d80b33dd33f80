// Residues as doubles, four at a time, for instruction sets without wide integer products: integers up to 2^53 are
// exact, and a fused multiply-add gives the exact low part of a product whose high part is rounded (Dekker).
// Included by the AVX2 and NEON kernels only.
//
// Simd provides the type Vector of four doubles, or of 64 bits each where the text says bits, and
//   load, store                            of bits, aligned or not
//   broadcast                              of one double
//   add, subtract, multiply                rounded
//   multiply_add, negative_multiply_add    a·b + c, c − a·b, rounded once
//   round, floor                           to integers; round() to the nearest
//   where_greater(a, b, v)                 v where a > b, zero elsewhere
//   bit_and, bit_or, bit_xor               of bits
//   load_halves(low, high)                 sixteen bytes from each address
//   pick_bytes(v, places)                  in each half the bytes that `places` numbers
//   shift_right(v, counts)                 bits, each lane by its own count
// and for transforms what double_butterflies.h says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "polyformer/ckks/arithmetic/constants.h"

namespace polyformer::ckks {

/// What kernels_vector_template.h asks for.
template <class Simd>
struct DoubleArithmetic {
    using Vector = typename Simd::Vector;
    static constexpr std::size_t kLanes = 4;
    static constexpr std::size_t kIndexBlock = 8;
    static constexpr std::size_t kOutputsPerTile = 2;  // times two vectors of two sums: eight of sixteen registers
    static constexpr std::size_t kPackedBlocksPerTile = 1;

    /// 2^52: its bits or'ed with an integer below 2^52 are the bits of their sum.
    static constexpr double kTwoTo52 = 4503599627370496.0;

    using Integers = Vector;  ///< by their bits
    /// Integers below 2^52 to doubles.
    static Vector from_integers(Integers bits) {
        const Vector offset = Simd::broadcast(kTwoTo52);
        return Simd::subtract(Simd::bit_or(bits, offset), offset);
    }
    static void store_integers(std::uint64_t* p, Integers bits) { Simd::store(p, bits); }
    static Vector load(const std::uint64_t* p) { return from_integers(Simd::load(p)); }
    /// Doubles that are integers in [0, 2^52).
    static void store(std::uint64_t* p, Vector v) {
        const Vector offset = Simd::broadcast(kTwoTo52);
        Simd::store(p, Simd::bit_xor(Simd::add(v, offset), offset));
    }
    static Vector load_partial(const std::uint64_t* p, std::size_t length) {
        std::uint64_t copy[kLanes] = {};
        std::memcpy(copy, p, length * sizeof(std::uint64_t));
        return load(copy);
    }
    static void store_partial(std::uint64_t* p, std::size_t length, Vector v) {
        std::uint64_t copy[kLanes];
        store(copy, v);
        std::memcpy(p, copy, length * sizeof(std::uint64_t));
    }
    static void store_permuted(std::uint64_t* out, const Vector* values, const std::uint32_t* index) {
        std::uint64_t block[kIndexBlock];
        store(block, values[0]);
        store(block + kLanes, values[1]);
        for (std::size_t i = 0; i < kIndexBlock; ++i) out[i] = block[index[i] % kIndexBlock];
    }

    static constexpr bool kPreparesWeights = true;
    using Weight = double;
    static Weight weight(std::uint64_t value) { return static_cast<double>(static_cast<std::int64_t>(value)); }
    static Vector broadcast(Weight weight) { return Simd::broadcast(weight); }

    /// A constant and its quotient by q.
    struct Factor {
        Vector value;
        Vector quotient;
    };

    /// Σ of products of two numbers below 2^50, that is, below 2^103 in all. The sum of the rounded products, which
    /// begins at 2^103, has a unit of 2^51. What one more product adds to it is the product but for at most half a
    /// unit; the sum of these rests is exact, too.
    struct LazySum {
        static constexpr std::size_t kMaxTerms = 8;
        static constexpr double kStart = 0x1p103;

        Vector high = Simd::broadcast(kStart);
        Vector low = Simd::broadcast(0);
        Vector before = Simd::broadcast(0);  ///< what condense() made of earlier products

        void add_product(Vector a, Vector b) {
            const Vector next = Simd::multiply_add(a, b, high);
            low = Simd::add(low, Simd::multiply_add(a, b, Simd::subtract(high, next)));
            high = next;
        }
    };

    /// A modulus q and its constants in all lanes. Arguments are residues in [0, q) unless stated otherwise.
    class VectorModulus {
      public:
        explicit VectorModulus(const ModulusConstants& modulus)
            : q(Simd::broadcast(static_cast<double>(modulus.value))),
              reciprocal(Simd::broadcast(1.0 / static_cast<double>(modulus.value))) {}

        /// The factor in the form that multiply_lazy() takes.
        Factor factor(Vector value) const { return {value, Simd::multiply(value, reciprocal)}; }
        Factor factor(const ShoupFactor& shoup) const { return factor(broadcast(weight(shoup.value))); }

        Vector add(Vector a, Vector b) const { return add_q_if_negative(Simd::subtract(Simd::add(a, b), q)); }
        Vector subtract(Vector a, Vector b) const { return add_q_if_negative(Simd::subtract(a, b)); }

        /// a - b, not reduced: what multiply() and multiply_lazy() take.
        static Vector difference(Vector a, Vector b) { return Simd::subtract(a, b); }
        /// a + b in [0, q), each a residue or what multiply_lazy() gives for size up to q.
        Vector add_lazy(Vector a, Vector b) const { return reduce(Simd::add(a, b)); }

        /// a·factor, of size at most q·(1/2 + 3c/8) where |a| ≤ c·q ≤ 2^53: the quotient is rounded, and beforehand off
        /// by less than 3c/8, three roundings of a number below 2^50·c.
        Vector multiply_lazy(Vector a, const Factor& factor) const {
            return remainder_of_product(a, factor.value, Simd::round(Simd::multiply(a, factor.quotient)));
        }
        /// a·factor in [0, q), for |a| ≤ q.
        Vector multiply(Vector a, const Factor& factor) const { return add_q_if_negative(multiply_lazy(a, factor)); }
        /// a·b in [0, q).
        Vector multiply(Vector a, Vector b) const {
            const Vector quotient = Simd::round(Simd::multiply(Simd::multiply(a, b), reciprocal));
            return add_q_if_negative(remainder_of_product(a, b, quotient));
        }

        /// Any integer |a| ≤ 2^53 to [-q/2, q/2], give or take 1. A multiple of 2^51 below 2^53·q to size 2.5·q.
        Vector reduce_lazy(Vector a) const {
            return Simd::negative_multiply_add(Simd::round(Simd::multiply(a, reciprocal)), q, a);
        }
        /// Any integer |a| ≤ 2^53 to [0, q).
        Vector reduce(Vector a) const { return add_q_if_negative(reduce_lazy(a)); }

        /// The sum of products, one factor of each below q, in [0, q).
        Vector reduce(const LazySum& sum) const { return reduce(small_remainder(sum)); }
        /// Makes room for kMaxTerms more products.
        void condense(LazySum& sum) const {
            sum.before = reduce_lazy(small_remainder(sum));
            sum.high = Simd::broadcast(LazySum::kStart);
            sum.low = Simd::broadcast(0);
        }

        const Vector q;
        const Vector reciprocal;

      private:
        Vector add_q_if_negative(Vector a) const { return Simd::add(a, Simd::where_greater(Simd::broadcast(0), a, q)); }

        /// a·b - quotient·q, which must be below 2^52: then no operation here rounds but that of `high`, by the
        /// difference that is taken off in the end.
        Vector remainder_of_product(Vector a, Vector b, Vector quotient) const {
            const Vector high = Simd::multiply(a, b);
            const Vector excess = Simd::negative_multiply_add(a, b, high);
            return Simd::subtract(Simd::negative_multiply_add(quotient, q, high), excess);
        }

        /// A remainder of the sum, of size below 3.5·q + 2.
        Vector small_remainder(const LazySum& sum) const {
            const Vector high = reduce_lazy(Simd::subtract(sum.high, Simd::broadcast(LazySum::kStart)));
            return Simd::add(high, Simd::add(reduce_lazy(sum.low), sum.before));
        }
    };

    /// Residues modulo one number to residues modulo another.
    class CenteredReduction {
      public:
        CenteredReduction(const ModulusConstants& from, const ModulusConstants& to)
            : to_(to), from_(broadcast(weight(from.value))), half_(broadcast(weight(from.value / 2))) {}

        Vector operator()(Vector value) const {
            return to_.reduce(Simd::subtract(value, Simd::where_greater(value, half_, from_)));
        }

      private:
        VectorModulus to_;
        Vector from_;
        Vector half_;
    };

    /// A sum of products by real numbers, rounded.
    class RoundedQuotient {
      public:
        void add_product(Vector a, double factor) {
            sum_ = Simd::add(sum_, Simd::multiply(a, Simd::broadcast(factor)));
        }
        Vector rounded() const { return Simd::floor(sum_); }

      private:
        Vector sum_ = Simd::broadcast(0.5);
    };

    /// Eight packed numbers of up to 56 bits take as many bytes as each has bits. Each half of a vector takes its two
    /// numbers from the sixteen bytes that begin with the first one's lowest bit; eight bytes hold a number and the up
    /// to seven bits before it.
    class Unpacking {
      public:
        static constexpr std::size_t kReach = 64;  ///< bytes that may be read

        explicit Unpacking(int bits) {
            const auto width = static_cast<std::size_t>(bits);
            for (std::size_t i = 0; i < kIndexBlock; ++i) {
                starts_[i / 2] = i % 2 == 0 ? i * width / 8 : starts_[i / 2];
                shifts_[i] = i * width % 8;
                for (std::size_t byte = 0; byte < 8; ++byte) {
                    places_[i] |= (i * width / 8 - starts_[i / 2] + byte) << (8 * byte);
                }
            }
            for (std::uint64_t& lane : mask_) lane = (std::uint64_t{1} << bits) - 1;
        }

        /// Eight numbers.
        void operator()(const std::byte* packed, Integers* out) const {
            for (std::size_t v = 0; v < kIndexBlock / kLanes; ++v) {
                const Vector bytes = Simd::load_halves(packed + starts_[2 * v], packed + starts_[2 * v + 1]);
                const Vector numbers = Simd::pick_bytes(bytes, Simd::load(places_ + v * kLanes));
                const Vector shifted = Simd::shift_right(numbers, Simd::load(shifts_ + v * kLanes));
                out[v] = Simd::bit_and(shifted, Simd::load(mask_));
            }
        }

      private:
        std::size_t starts_[kIndexBlock / 2] = {};
        std::uint64_t places_[kIndexBlock] = {};
        std::uint64_t shifts_[kIndexBlock] = {};
        std::uint64_t mask_[kLanes] = {};
    };
};

}  // namespace polyformer::ckks
