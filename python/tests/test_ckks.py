"""The scheme by itself, against numpy."""

from __future__ import annotations

import copy
import pathlib
import pickle

import numpy as np
import pytest

import polyformer
from polyformer import ckks

RING = 1024


class Scheme:
    def __init__(self) -> None:
        self.parameters = ckks.Parameters.preset("leveled_16384", insecure_ring_dimension=RING)
        self.secret = ckks.SecretKey.generate(self.parameters)
        self.top = self.parameters.working_level
        request = ckks.KeyRequest()
        request.add_relinearisation(self.parameters, self.top)
        request.add_conjugation(self.parameters, self.top)
        for step in (1, 2, -3):
            request.add_rotation(self.parameters, step, self.top)
        self.keys = ckks.evaluation_keys(self.parameters, self.secret, request)
        self.evaluator = ckks.Evaluator(self.parameters, self.keys)
        self.encoder = ckks.Encoder(self.parameters)

    def encrypt(self, values: object) -> ckks.Ciphertext:
        return ckks.encrypt_array(self.encoder, self.parameters, self.secret, values)  # type: ignore[arg-type]

    def decrypt(self, ciphertext: ckks.Ciphertext) -> np.ndarray:
        return ckks.decrypt_array(self.encoder, self.parameters, self.secret, ciphertext)


@pytest.fixture(scope="module")
def scheme() -> Scheme:
    return Scheme()


def test_arithmetic(scheme: Scheme) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-1, 1, size=(2, scheme.parameters.slots))
    a, b = scheme.encrypt(x), scheme.encrypt(y)
    by = scheme.evaluator
    near = {"abs": 1e-5}
    assert scheme.decrypt(by.add(a, b)) == pytest.approx(x + y, **near)
    assert scheme.decrypt(by.subtract(a, b)) == pytest.approx(x - y, **near)
    assert scheme.decrypt(by.rescale(by.multiply(a, b))) == pytest.approx(x * y, **near)
    assert scheme.decrypt(by.rescale(by.square(a))) == pytest.approx(x * x, **near)
    assert scheme.decrypt(by.add_constant(a, 0.5)) == pytest.approx(x + 0.5, **near)
    assert scheme.decrypt(by.rescale(by.multiply_constant(a, 0.25))) == pytest.approx(x / 4, **near)
    assert scheme.decrypt(by.rotate(a, 1)) == pytest.approx(np.roll(x, -1), **near)
    assert scheme.decrypt(by.rotate(by.hoist(a), -3)) == pytest.approx(np.roll(x, 3), **near)
    assert scheme.decrypt(by.sum_slots(a, 4)) == pytest.approx(sum(np.roll(x, -k) for k in range(4)), **near)
    product = by.multiply_and_rescale(a, b)
    assert scheme.decrypt(by.add(product, by.adjust(a, product.level))) == pytest.approx(x * y + x, **near)
    plain = ckks.encode(scheme.encoder, scheme.parameters, y)
    assert scheme.decrypt(by.add(a, plain)) == pytest.approx(x + y, **near)
    assert scheme.decrypt(by.rescale(by.multiply(a, plain))) == pytest.approx(x * y, **near)
    coefficients = [0.5, 0.25, 0.0, 0.125]
    result = ckks.evaluate_chebyshev(by, a, coefficients)
    assert scheme.decrypt(result) == pytest.approx(np.polynomial.chebyshev.chebval(x, coefficients), **near)
    assert result.level == a.level - 2


def test_complex_slots_and_public_keys(scheme: Scheme) -> None:
    z = np.exp(1j * np.arange(scheme.parameters.slots))
    key = ckks.public_key(scheme.parameters, scheme.secret)
    a = ckks.encrypt_array(scheme.encoder, scheme.parameters, key, z)
    assert scheme.decrypt(scheme.evaluator.conjugate(a)) == pytest.approx(np.conj(z), abs=1e-4)


def test_bootstrap() -> None:
    parameters = ckks.Parameters.preset("insecure_bootstrapping", RING)
    secret = ckks.SecretKey.generate(parameters)
    request = ckks.Bootstrapper.key_request(parameters, parameters.slots)
    evaluator = ckks.Evaluator(parameters, ckks.evaluation_keys(parameters, secret, request))
    encoder = ckks.Encoder(parameters)
    x = np.sin(np.arange(parameters.slots))
    low = ckks.encrypt_array(encoder, parameters, secret, x, level=parameters.bootstrapping_input_level)
    fresh = ckks.Bootstrapper(parameters, parameters.slots).bootstrap(evaluator, low)
    assert fresh.level == parameters.working_level > low.level
    assert ckks.decrypt_array(encoder, parameters, secret, fresh) == pytest.approx(x, abs=1e-3)


def test_what_does_not_fit_is_refused(scheme: Scheme) -> None:
    a = scheme.encrypt([0.5, 0.25])
    product = scheme.evaluator.multiply_and_rescale(a, a)
    with pytest.raises(polyformer.Error, match="level"):
        scheme.evaluator.add(a, product)
    with pytest.raises(polyformer.Error, match="rotation by 7"):
        scheme.evaluator.rotate(scheme.encrypt(np.zeros(scheme.parameters.slots)), 7)
    for values in ([1.0, 2.0, 3.0], [np.nan, 1.0], np.zeros((2, 2)), np.zeros(2 * RING), "numbers", []):
        with pytest.raises(polyformer.Error):
            scheme.encrypt(values)
    with pytest.raises(polyformer.Error, match="level"):
        ckks.encode(scheme.encoder, scheme.parameters, [0.5], level=99)
    with pytest.raises(polyformer.Error, match="no parameters 'toy'"):
        ckks.Parameters.preset("toy")
    with pytest.raises(TypeError):
        scheme.evaluator.add(a, 0.5)  # type: ignore[call-overload]
    other = Scheme()
    with pytest.raises(polyformer.Error):
        scheme.evaluator.add(a, other.encrypt([0.5, 0.25]))
    with pytest.raises(polyformer.Error):
        other.decrypt(a)
    with pytest.raises(polyformer.Error, match="bootstrap"):
        ckks.Bootstrapper(scheme.parameters, 2)


def test_a_secret_key_cannot_leave(scheme: Scheme, tmp_path: pathlib.Path) -> None:
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="secret key"):
            take(scheme.secret)
    assert len(repr(scheme.secret)) < 100
    assert not any(isinstance(getattr(scheme.secret, name), (bytes, np.ndarray)) for name in ("key_fingerprint",))
    scheme.secret.save(tmp_path / "secret.key", scheme.parameters)
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    again = ckks.SecretKey.load(tmp_path / "secret.key", scheme.parameters)
    assert again.key_fingerprint == scheme.secret.key_fingerprint
    a = scheme.encrypt([0.5, 0.25])
    assert ckks.decrypt_array(scheme.encoder, scheme.parameters, again, a) == pytest.approx([0.5, 0.25], abs=1e-5)
    (tmp_path / "foreign").write_bytes(b"no key")
    with pytest.raises(polyformer.FormatError):
        ckks.SecretKey.load(tmp_path / "foreign", scheme.parameters)
