"""The notebooks, on small models in rings without security: each runs to its end, checks and all."""

from __future__ import annotations

import json
import pathlib
import warnings

import nbformat
import pytest

from conftest import CHECKPOINT, CONTEXT, RING, ROOT, letters

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[1] / "notebooks"


def run(name: str, place: pathlib.Path, **parameters: object) -> nbformat.NotebookNode:
    """With other parameters than those that stand in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what nbclient itself uses
        from nbclient import NotebookClient

        notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
        (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        standing = {line.split(" = ")[0] for line in cell.source.splitlines()}
        assert set(parameters) <= standing
        cell.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
        cell.source += "\nimport warnings; warnings.simplefilter('ignore')"
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(place)}}).execute()
    return notebook


def html_of(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs)


def test_search(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lines.txt").write_text(letters(450))
    documents = [{"title": f"on {text}", "text": text} for text in ("a b c", "h g f e", "c c d", "d a", "e e e h")]
    (tmp_path / "articles.jsonl").write_text("\n".join(map(json.dumps, documents)))
    notebook = run(
        "search.ipynb",
        tmp_path,
        checkpoint=str(CHECKPOINT),
        calibration="lines.txt",
        articles="articles.jsonl",
        question="h g f e",
        context=CONTEXT,
        document_tokens=CONTEXT,
        ring=RING,
    )
    assert "<svg" in html_of(notebook)


def test_images(tmp_path: pathlib.Path) -> None:
    notebook = run(
        "images.ipynb",
        tmp_path,
        folder=str(ROOT / "models/cifar100-vit"),
        photo=str(ROOT / "tests/model/data/images/turned.jpg"),
        ring=8192,
    )
    assert "<svg" in html_of(notebook)


def test_study(tmp_path: pathlib.Path) -> None:
    notebook = run("study.ipynb", tmp_path, report=str(ROOT / "docs/studies/cifar-100/report.html"))
    assert "69.03" in html_of(notebook)


@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_a_notebook_holds_no_traces_of_a_run(name: str) -> None:
    for cell in nbformat.read(NOTEBOOKS / name, as_version=4).cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
