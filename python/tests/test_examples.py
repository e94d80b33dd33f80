"""The examples, in small insecure rings."""

from __future__ import annotations

import pathlib
import runpy

import pytest

EXAMPLES = sorted((pathlib.Path(__file__).resolve().parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_checks_itself(example: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(example))["main"](1024)
    assert "check:" in capsys.readouterr().out


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
