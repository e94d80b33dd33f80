"""1. CKKS basics: from parameters to a decrypted result.

The twin of examples/1_ckks_basics.cpp: x·y + x and its square on encrypted x and y.
"""

import sys

import numpy as np

import polyformer
from polyformer import ckks


def main(ring: int = 0) -> None:
    # A preset is checked: what has less than 128 bits of security is only to be had by name.
    parameters = ckks.Parameters.preset("leveled_16384", insecure_ring_dimension=ring)
    top = parameters.working_level  # fresh ciphertexts start here
    print(f"{parameters.slots} slots, {top} levels, {parameters.security_bits} bits of security")

    # The secret stays with whoever encrypts, the evaluation keys go to whoever computes.
    secret = ckks.SecretKey.generate(parameters)
    request = ckks.KeyRequest()
    request.add_relinearisation(parameters, top)  # for products, up to this level
    evaluator = ckks.Evaluator(parameters, ckks.evaluation_keys(parameters, secret, request))
    public = ckks.public_key(parameters, secret)  # lets others encrypt
    encoder = ckks.Encoder(parameters)

    x = np.sin(np.arange(parameters.slots))
    y = np.cos(np.arange(parameters.slots) / 3)
    a = ckks.encrypt_array(encoder, parameters, secret, x)
    b = ckks.encrypt_array(encoder, parameters, public, y)

    def error(ciphertext: ckks.Ciphertext, expected: np.ndarray) -> float:
        return float(np.abs(ckks.decrypt_array(encoder, parameters, secret, ciphertext) - expected).max())

    # The scale of a product is the product of the scales, until rescaling brings it back, one level down.
    product = evaluator.rescale(evaluator.multiply(a, b))
    # x is still one level higher: adjust() brings it to the level and the scale of the product.
    total = evaluator.add(product, evaluator.adjust(a, product.level))
    square = evaluator.rescale(evaluator.square(total))
    for step, ciphertext, expected in [
        ("x", a, x),
        ("x + y", evaluator.add(a, b), x + y),
        ("x·y", product, x * y),
        ("x·y + x", total, x * y + x),
        ("(x·y + x)²", square, (x * y + x) ** 2),
    ]:
        print(f"{step:12} level {ciphertext.level}  error {error(ciphertext, expected):.1e}")

    try:
        evaluator.add(product, a)
    except polyformer.Error as refused:  # errors say what does not fit, and what to do
        print(f"adding x without adjust() is refused:\n  {refused}")
    assert error(square, (x * y + x) ** 2) < 2**-16
    print("check: (x·y + x)² against the same in the clear")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
