"""3. A polynomial on ciphertext: how a function that is no polynomial is computed all the same.

The twin of examples/3_polynomial.cpp: GELU on [−6, 6].
"""

import sys

import numpy as np

import polyformer
from polyformer import ckks


def main(ring: int = 0) -> None:
    # A higher degree is nearer, but takes more levels; the error is proved for the whole interval.
    for degree in (7, 15, 31, 63):
        fitted = polyformer.fit("gelu", -6, 6, degree=degree)
        print(f"degree {degree:2}: {fitted.depth} levels, certified error {fitted.certified_error:.2e}")
    gelu = polyformer.fit("gelu", -6, 6, degree=31)

    parameters = ckks.Parameters.preset("leveled_16384", insecure_ring_dimension=ring)
    secret = ckks.SecretKey.generate(parameters)
    request = ckks.KeyRequest()
    request.add_relinearisation(parameters, parameters.working_level)
    evaluator = ckks.Evaluator(parameters, ckks.evaluation_keys(parameters, secret, request))
    encoder = ckks.Encoder(parameters)

    # What is encrypted is u = x/6: Chebyshev series are of numbers in [−1, 1].
    u = np.linspace(-1, 1, parameters.slots, endpoint=False)
    a = ckks.encrypt_array(encoder, parameters, secret, u)
    result = ckks.evaluate_chebyshev(evaluator, a, gelu.coefficients)
    decrypted = ckks.decrypt_array(encoder, parameters, secret, result).real
    print(f"level {a.level} before, {result.level} after")
    error = np.abs(decrypted - gelu(6 * u)).max()
    print(f"error against the polynomial in the clear {error:.1e}")
    assert a.level - result.level == gelu.depth and error < 2**-16
    print("check: against the polynomial in the clear")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
