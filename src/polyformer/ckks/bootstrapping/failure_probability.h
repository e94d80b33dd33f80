// Probability that the integer part I(X) of a raised ciphertext leaves EvalMod's interval.
//
// Under a secret with h coefficients ±1, c_0 + c_1·s̃ = m + q_0·I with both c's centred: in units of q_0, each
// coefficient of c_1·s̃ is a sum X of h independent uniform variables on [−1/2, 1/2], and I is the integer next to X −
// m/q_0. We ask for |I| ≤ K − 1, so that |m/q_0 + I| ≤ K whatever the message; it fails when |X − m/q_0| ≥ K − 1/2.
// With |m/q_0| ≤ ε the probability is at most 2·P(X ≥ K − 1/2 − ε), times the N coefficients (union bound). We take ε =
// 2^-9, twice a message of modulus 1 at a ratio of 2^10. (ePrint 2022/024, §4, takes the sum of h + 1 variables against
// K instead, as if the message were uniform modulo q_0: at N = 2^16, h = 32, K = 16 that is 2^-138.7, ours 2^-132.5.)
#pragma once

#include <cstddef>

namespace polyformer::ckks {

/// log2 of a bound on the probability that in one bootstrap some coefficient of m/q_0 + I(X) leaves [−K, K], K =
/// `interval`: |I| ≥ K needs a sum of `weight` uniform variables (Irwin–Hall) beyond K − 1/2 − 2^-9, the last for the
/// message; times the number of coefficients. Exact but for that union bound; −132.5 at N = 2^16, weight 32, K = 16.
/// Throws Error unless all three are positive and the weight is at most 4096.
double log2_bootstrap_failure(std::size_t ring_dimension, int ephemeral_weight, int interval);

}  // namespace polyformer::ckks
