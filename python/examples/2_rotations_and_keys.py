"""2. Rotations and keys: how numbers move between slots, and which keys that takes.

The twin of examples/2_rotations_and_keys.cpp: sums over groups of 8 slots, and what hoisting saves.
"""

import sys
import time

import numpy as np

import polyformer
from polyformer import ckks


def main(ring: int = 0) -> None:
    parameters = ckks.Parameters.preset("leveled_16384", insecure_ring_dimension=ring)
    secret = ckks.SecretKey.generate(parameters)
    encoder = ckks.Encoder(parameters)
    top = parameters.working_level

    # Each step needs a key of its own, made for the highest level at which it will be used.
    request = ckks.KeyRequest()
    for step in (1, 2, 4):
        request.add_rotation(parameters, step, top)
    request.add_rotation(parameters, 7, 1)  # a much smaller key
    request.add_conjugation(parameters, top)
    print(f"keys for {request.rotation_levels}: {request.memory_bytes(parameters) / 1e6:.1f} MB")
    evaluator = ckks.Evaluator(parameters, ckks.evaluation_keys(parameters, secret, request))

    index = np.arange(parameters.slots)
    z = index / parameters.slots + 1j * (index % 8) / 8
    a = ckks.encrypt_array(encoder, parameters, secret, z)

    def decrypted(ciphertext: ckks.Ciphertext) -> np.ndarray:
        return ckks.decrypt_array(encoder, parameters, secret, ciphertext)

    # No products, so no level is used.
    assert np.abs(decrypted(evaluator.rotate(a, 1)) - np.roll(z, -1)).max() < 2**-18
    assert np.abs(decrypted(evaluator.conjugate(a)) - z.conj()).max() < 2**-18
    sums = evaluator.sum_slots(a, 8)  # log2(8) = 3 rotations
    assert np.abs(decrypted(sums) - sum(np.roll(z, -k) for k in range(8))).max() < 2**-17
    print("check: rotation, conjugation, sums of 8 slots")

    for step in (3, 7):
        try:
            evaluator.rotate(a, step)
        except polyformer.Error as refused:
            print(f"rotating by {step} at level {a.level} is refused:\n  {refused}")
    evaluator.rotate(evaluator.drop_to_level(a, 1), 7)  # once at level 1

    begin = time.perf_counter()
    for step in (1, 2, 4):
        evaluator.rotate(a, step)
    plain = time.perf_counter() - begin
    begin = time.perf_counter()
    hoisted = evaluator.hoist(a)  # rotations of one ciphertext share the first half of the work
    for step in (1, 2, 4):
        evaluator.rotate(hoisted, step)
    print(f"three rotations: {1e3 * plain:.2f} ms one by one, {1e3 * (time.perf_counter() - begin):.2f} ms hoisted")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
