"""The README's twelve lines, on the tiny encoder."""

from __future__ import annotations

import pathlib
import re
import warnings

import pytest

from conftest import CHECKPOINT, CONTEXT, RING, ROOT, letters


def test_a_newcomers_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    code = found[1]
    assert len(code.splitlines()) == 12
    (tmp_path / "lines.txt").write_text(letters(450))
    for theirs, ours in [
        ("examples/search/calibration.txt", "lines.txt"),
        ('"all-MiniLM-L6-v2"', repr(str(CHECKPOINT))),
        ("context=32", f"context={CONTEXT}, texts=300, loss=0.01, escape=0.01, progress=False"),
        (".plan()", f".plan(insecure_ring_dimension={RING}, progress=False)"),
        ('"server.keys")\nowner', '"server.keys", allow_insecure=True, progress=False)\nowner'),
        ('"A man plays the guitar."', '"a b c"'),
        ('"Someone makes music."', '"a b d"'),
        (".infer(request)", ".infer(request, progress=False)"),
        ('"plan/server", "server.keys"', '"plan/server", "server.keys", progress=False'),
    ]:
        assert theirs in code, theirs
        code = code.replace(theirs, ours)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes on a random model
        exec(compile(code, "README.md", "exec"), names)
    assert abs(names["vector"] @ names["model"].embed("a b c")) > 0.98  # type: ignore[attr-defined, operator]
