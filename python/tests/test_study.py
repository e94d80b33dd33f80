"""Reading a study's report."""

from __future__ import annotations

import json
import pathlib

import pytest

import polyformer
from polyformer.study import read_study
from conftest import ROOT, program


def test_a_report_holds_its_data(tmp_path: pathlib.Path) -> None:
    report = ROOT / "docs/studies/cifar-100/report.html"
    study = read_study(report)
    done = program("report", report, "--json", tmp_path / "study.json")
    assert done.returncode == 0, done.stderr
    assert study.data == json.loads((tmp_path / "study.json").read_text())
    assert read_study(tmp_path / "study.json").data == study.data
    assert study.measure == "accuracy" and "baseline" in study.variants
    found = {(result.variant, result.stage): result.value for result in study.results}
    assert found["HE-friendly", "convert"] == pytest.approx(69.03)


def test_other_files_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(polyformer.IoError):
        read_study(tmp_path / "nothing")
    for content in ("<html></html>", "{}", "no JSON", "[]", '<script type="application/json" id="study">{</script>'):
        (tmp_path / "page").write_text(content)
        with pytest.raises(polyformer.FormatError):
            read_study(tmp_path / "page")
    (tmp_path / "page").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(polyformer.FormatError):
        read_study(tmp_path / "page")
