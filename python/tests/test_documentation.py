"""Every public name says what it is for."""

from __future__ import annotations

import inspect

import pytest

import polyformer
from polyformer import ckks, client, server, study


@pytest.mark.parametrize("module", [polyformer, client, server, study], ids=lambda module: module.__name__)
def test_public_names_have_docstrings(module: object) -> None:
    assert inspect.getdoc(module)
    for name in module.__all__:  # type: ignore[attr-defined]
        thing = getattr(module, name)
        if not (inspect.isclass(thing) or inspect.isroutine(thing)) or thing is polyformer.Graph or thing is polyformer.GraphBuilder:
            continue
        assert inspect.getdoc(thing), name
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            if not member.startswith("_") and inspect.isroutine(value):
                assert inspect.getdoc(value), f"{name}.{member}"


def test_ckks_says_how_it_is_used() -> None:
    assert "rescale" in (inspect.getdoc(ckks) or "")
    for name in ("encode", "encrypt_array", "decrypt_array", "evaluation_keys", "evaluate_chebyshev"):
        assert inspect.getdoc(getattr(ckks, name))
