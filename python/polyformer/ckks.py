"""The CKKS scheme by itself: parameters, keys, encoder, evaluator, bootstrapping. Both sides are here; a server wants
polyformer.server instead.

    parameters = Parameters.preset("leveled_16384")
    secret = SecretKey.generate(parameters)
    request = KeyRequest()
    request.add_relinearisation(parameters, parameters.working_level)
    evaluator = Evaluator(parameters, evaluation_keys(parameters, secret, request))
    encoder = Encoder(parameters)
    a = encrypt_array(encoder, parameters, secret, [0.5, -0.25])
    square = evaluator.rescale(evaluator.square(a))
    decrypt_array(encoder, parameters, secret, square)

A ciphertext "at level l" has the scale parameters.scale(l); a product has the product of both scales until rescale()
brings it one level down. Sums need equal levels and scales: adjust() brings a ciphertext to a lower level.
"""

from __future__ import annotations

from typing import Union

import numpy as np
import numpy.typing as npt

from . import _ckks
from ._ckks import (
    Bootstrapper,
    Ciphertext,
    Encoder,
    EvaluationKeys,
    Evaluator,
    HoistedCiphertext,
    KeyRequest,
    Parameters,
    Plaintext,
    PublicKey,
    SecretKey,
    decrypt,
    encrypt,
    public_key,
    set_thread_count,
)
from ._inputs import floats
from ._progress import Bars, Progress
from .errors import Error

__all__ = [
    "Bootstrapper",
    "Ciphertext",
    "Encoder",
    "EvaluationKeys",
    "Evaluator",
    "HoistedCiphertext",
    "KeyRequest",
    "Parameters",
    "Plaintext",
    "PublicKey",
    "SecretKey",
    "decrypt",
    "decrypt_array",
    "encode",
    "encrypt",
    "encrypt_array",
    "evaluation_keys",
    "evaluate_chebyshev",
    "public_key",
    "set_thread_count",
]


def evaluation_keys(
    parameters: Parameters, secret: SecretKey, request: KeyRequest, *, progress: Progress = False
) -> EvaluationKeys:
    """The keys asked for: they can compute, not decrypt. Raises Error for levels that the parameters do not have."""
    with Bars(progress) as bars:
        return _ckks.evaluation_keys(parameters, secret, request, bars.callback)


def encode(
    encoder: Encoder, parameters: Parameters, values: npt.ArrayLike, *, level: int | None = None
) -> Plaintext:
    """Numbers, real or complex, a power of two of them up to parameters.slots, at a level (the working level) and its
    scale. Raises Error for numbers that are not finite or do not fit."""
    at = parameters.working_level if level is None else level
    array: npt.NDArray[np.float64] | npt.NDArray[np.complex128]
    if np.iscomplexobj(values):
        array = np.ascontiguousarray(values, dtype=np.complex128)
        if array.ndim != 1:
            raise Error(f"an array of shape (slots,) is needed, not of {array.shape}")
    else:
        array = floats(values, "(slots,)", 1)
    return encoder.encode(array, at, parameters.scale(at))


def encrypt_array(
    encoder: Encoder,
    parameters: Parameters,
    key: Union[SecretKey, PublicKey],
    values: npt.ArrayLike,
    *,
    level: int | None = None,
) -> Ciphertext:
    """encode() and encrypt() in one."""
    return encrypt(parameters, key, encode(encoder, parameters, values, level=level))


def decrypt_array(
    encoder: Encoder, parameters: Parameters, secret: SecretKey, ciphertext: Ciphertext
) -> npt.NDArray[np.complex128]:
    """The slots, which carry noise that depends on the secret key: for the data owner alone (SECURITY.md)."""
    return encoder.decode(decrypt(parameters, secret, ciphertext))


def evaluate_chebyshev(evaluator: Evaluator, ciphertext: Ciphertext, coefficients: npt.ArrayLike) -> Ciphertext:
    """Σ_k c_k T_k(u) of slots u in [−1, 1], ⌈log2(degree + 1)⌉ levels down. Raises Error when there are too few."""
    return evaluator.chebyshev(ciphertext, floats(coefficients, "(degree + 1,)", 1))
