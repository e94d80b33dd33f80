"""4. A bootstrap: what to do when the levels have run out.

The twin of examples/4_bootstrap.cpp: the sign of encrypted numbers by an iteration that needs more levels than there
are. At 128 bits of security it takes half a minute and 6 GiB.
"""

import sys
import time

import numpy as np

from polyformer import ckks


def main(ring: int = 0) -> None:
    parameters = ckks.Parameters.preset("bootstrapping_65536", insecure_ring_dimension=ring)
    lowest = parameters.bootstrapping_input_level
    print(
        f"{parameters.working_level} working levels of {parameters.max_level}; a bootstrap starts at {lowest} or higher "
        f"and fails with probability 2^{parameters.log2_bootstrap_failure:.1f}"
    )
    secret = ckks.SecretKey.generate(parameters)
    request = ckks.Bootstrapper.key_request(parameters, parameters.slots)  # it knows which keys it needs
    evaluator = ckks.Evaluator(parameters, ckks.evaluation_keys(parameters, secret, request, progress=ring == 0))
    encoder = ckks.Encoder(parameters)
    bootstrapper = ckks.Bootstrapper(parameters, parameters.slots)  # set up once, used as often as needed

    x = np.sin(np.arange(parameters.slots))
    a = ckks.encrypt_array(encoder, parameters, secret, x)

    def iterate() -> None:
        """x ← x·(3 − x²)/2, two levels down."""
        nonlocal a, x
        square = evaluator.rescale(evaluator.square(a))
        half = evaluator.rescale(evaluator.multiply_constant(a, 0.5))
        a = evaluator.rescale(evaluator.multiply(half, evaluator.add_constant(evaluator.negate(square), 3)))
        x = x * (3 - x * x) / 2  # the same in the clear

    def error() -> float:
        return float(np.abs(ckks.decrypt_array(encoder, parameters, secret, a) - x).max())

    while a.level - 2 >= lowest:
        iterate()
    print(f"level {a.level}, error {error():.1e}")
    begin, low = time.perf_counter(), a.level
    a = bootstrapper.bootstrap(evaluator, a)  # real numbers in [−1, 1]
    print(f"{a.level - low} levels regained in {time.perf_counter() - begin:.2f} s, error {error():.1e}")
    for _ in range(4):
        iterate()
    assert error() < 2**-13
    print(f"check: {np.mean(np.abs(x) > 0.999):.0%} of the numbers are ±1 to three digits, error {error():.1e}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
