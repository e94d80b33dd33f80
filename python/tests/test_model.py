"""Models in the clear, and plans."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

import polyformer
from polyformer import client, server
from conftest import CHECKPOINT, CONTEXT, RING, program, refusal


def test_exact_functions_are_the_checkpoint(encoder: polyformer.Model) -> None:
    """tests/model/data/checkpoints has what transformers makes of its own texts."""
    expected = json.loads((CHECKPOINT / "expected.json").read_text())
    pairs = [pair for pair in zip(expected["texts"], expected["outputs"]) if len(pair[0]) <= CONTEXT]
    assert len(pairs) > 1
    for ids, output in pairs:
        vector = encoder.logits(ids, exact=True)[0]
        known = np.asarray(output).ravel()
        assert vector / np.linalg.norm(vector) == pytest.approx(known / np.linalg.norm(known), abs=1e-5)


def test_polynomials_are_near(encoder: polyformer.Model) -> None:
    texts = ["a b c", "h g f e", "c c d"]
    vectors = encoder.embed(texts)
    assert vectors.shape == (3, encoder.graph.outputs)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3))
    assert np.sum(vectors * encoder.embed(texts, exact=True), axis=1).min() > 0.97
    assert encoder.embed(texts[1]) == pytest.approx(vectors[1], abs=1e-12)


def test_inputs_of_every_kind_are_the_same(encoder: polyformer.Model) -> None:
    text = encoder.logits("a b c")
    ids = encoder._native.inputs.texts(["a b c"], False)[0]
    assert np.array_equal(encoder.logits(ids[0]), text)
    assert np.array_equal(encoder.logits([ids[0], ids[0]])[1], text)
    assert encoder.logits([3, 4]).shape == encoder.logits(np.array([3, 4])).shape == text.shape


def test_a_model_is_saved_and_loaded(encoder: polyformer.Model, tmp_path: pathlib.Path) -> None:
    encoder.save(tmp_path / "copy")
    copy = polyformer.load(tmp_path / "copy")
    assert copy.graph.fingerprint == encoder.graph.fingerprint
    assert copy.output == "embedding" and copy.context == CONTEXT
    assert copy.import_report is not None and copy.import_report["format"] == "polyformer-import"
    assert np.array_equal(copy.embed("a b"), encoder.embed("a b"))
    assert "embedding" in repr(copy)


def test_a_plan_says_what_it_takes(encoder: polyformer.Model, plan_folder: pathlib.Path, place: pathlib.Path) -> None:
    plan = encoder.plan(insecure_ring_dimension=RING, progress=False)
    done = program("plan", place / "encoder", "--insecure-ring-dimension", RING, "--json", place / "plan.json")
    assert done.returncode == 0, done.stderr
    assert str(plan).strip() == done.stdout.strip()
    assert plan.report == json.loads((place / "plan.json").read_text())
    page = plan._repr_html_()
    assert page.count("<rect") >= len(plan.stretches) and "<b>none</b>" in page
    assert plan.security_bits == 0 and "INSECURE" in repr(plan)
    assert sorted(path.name for path in plan_folder.iterdir()) == ["client", "server"]


def test_a_plan_goes_by_the_costs_of_a_file(
    encoder: polyformer.Model, plan_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    costs = json.loads((plan_folder / "server" / "plan.json").read_text())["options"]["costs"]
    costs |= {"processor": "the server", "bootstrap": 1e5}
    file = tmp_path / "costs.json"
    file.write_text(json.dumps({"format": "polyformer-costs", "version": 1, "costs": costs}))
    plan = encoder.plan(costs=file, insecure_ring_dimension=RING, progress=False)
    assert plan.report["machine"]["processor"] == "the server"
    assert plan.seconds > 100 * encoder.plan(insecure_ring_dimension=RING, progress=False).seconds
    file.write_text("{}")
    with pytest.raises(polyformer.FormatError):
        encoder.plan(costs=file, insecure_ring_dimension=RING)


def test_smaller_keys_take_longer(encoder: polyformer.Model) -> None:
    plan = encoder.plan(keys="small", insecure_ring_dimension=RING, progress=False)
    assert plan.keys == "small"
    assert [point.keys for point in plan.key_points] == ["small", "balanced", "fast"]
    assert plan.key_points[0].key_bytes_file == plan.key_bytes < plan.key_points[2].key_bytes_file
    assert plan.key_points[0].seconds == plan.seconds > plan.key_points[2].seconds
    with pytest.raises(polyformer.Error) as keys:
        encoder.plan(keys="tiny", insecure_ring_dimension=RING)
    assert "tiny" in str(keys.value)


def test_documents_behind_an_encoder(encoder: polyformer.Model) -> None:
    documents = ["a b c", ("the second", "h g f e"), "c c d"]
    index = encoder.index(documents, progress=False)
    assert index.output == "documents" and index.names == ["a b c", "the second", "c c d"]
    vectors = encoder.embed(["a b c", "the second h g f e", "c c d"], exact=True)  # the title is read, too
    assert index.logits("h g f e")[0] == pytest.approx(vectors @ encoder.logits("h g f e")[0], abs=1e-4)


def test_a_classifier_made_of_an_encoder(encoder: polyformer.Model, tmp_path: pathlib.Path) -> None:
    texts = [" ".join(word) for word in ("aab", "bab", "aba", "baa", "hgh", "hhg", "ghg", "ggh", "hg", "ab")]
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 0])
    classifier = encoder.fit_head(texts, labels, out=tmp_path / "classifier", progress=False)
    assert classifier.output == "classes" and classifier.names == ["0", "1"]
    assert classifier.head is not None and classifier.head.texts == len(texts) and classifier.head.accuracy > 0.8
    found = [int(np.argmax(logits[0])) for logits in classifier.logits(texts)]
    assert np.mean(found == labels) == pytest.approx(classifier.head.accuracy)
    (tmp_path / "texts.csv").write_text("label,text\n" + "".join(f"{label},{text}\n" for label, text in zip(labels, texts)))
    theirs = ["fit-head", encoder._folder, "--data", tmp_path / "texts.csv", "--out", tmp_path / "theirs"]
    assert program(*theirs).returncode == 0
    same = polyformer.load(tmp_path / "theirs")
    assert same.names == classifier.names
    assert same.logits(texts[0]) == pytest.approx(classifier.logits(texts[0]), abs=1e-4)
    with pytest.raises(polyformer.Error) as again:
        classifier.fit_head(texts, list(labels), progress=False)
    assert "gives an embedding, but this model gives classes" in str(again.value)

    # Encrypted, whole percent of each class come out.
    classifier.plan(insecure_ring_dimension=RING, progress=False).save(tmp_path / "plan")
    files = {"secret": tmp_path / "secret.key", "server_keys": tmp_path / "server.keys"}
    client.generate_keys(tmp_path / "plan/client", **files, allow_insecure=True, progress=False)
    owner = client.Client(tmp_path / "plan/client", files["secret"])
    host = server.Server(tmp_path / "plan/server", files["server_keys"], progress=False)
    for text in (texts[0], texts[4]):
        request = owner.encrypt(text)
        answer = owner.decrypt(host.infer(request, progress=False), request)
        assert answer.best(1)[0].name == str(np.argmax(classifier.logits(text)[0]))
        assert "classes" in repr(answer)


REFUSED = {
    "no words": ("   ", "no words"),
    "NaN": (np.full((3, 4), np.nan), "nan at (0, 0)"),
    "infinite": (np.full((3, 4), np.inf), "inf at (0, 0)"),
    "another width": (np.zeros((3, 5)), "width"),
    "no rows": (np.zeros((0, 4)), "tokens"),
    "a vector of floats": (np.zeros(4), "(tokens, 4)"),
    "an unknown token": ([3, 999999], "999999"),
    "a negative token": ([3, -1], "-1"),
    "nothing": ([], "no input"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(encoder: polyformer.Model, name: str) -> None:
    given, words = REFUSED[name]
    if isinstance(given, np.ndarray) and given.shape[-1:] in ((4,), (5,)) and given.ndim == 2:
        given = np.resize(given, (given.shape[0], encoder.graph.width + given.shape[1] - 4))
    with pytest.raises(polyformer.Error) as refused:
        encoder.logits(given)
    expected = words.replace("(tokens, 4)", f"(tokens, {encoder.graph.width})")
    assert expected in str(refused.value)


def test_of_a_long_text_the_beginning_is_taken(encoder: polyformer.Model) -> None:
    with pytest.warns(UserWarning, match="the first 6 .* are taken"):
        long = encoder.embed("a b c d e f g h a b c d")
    assert np.array_equal(long, encoder.embed("a b c d e f"))


@pytest.mark.parametrize("given", [3.5, None, {"a": 1}, b"bytes", object()])
def test_other_types_are_refused(encoder: polyformer.Model, given: object) -> None:
    with pytest.raises((TypeError, polyformer.Error)):
        encoder.logits(given)  # type: ignore[arg-type]


def test_errors_are_those_of_the_command_line(encoder: polyformer.Model, place: pathlib.Path) -> None:
    with pytest.raises(polyformer.IoError) as missing:
        polyformer.load(place / "nothing")
    assert str(missing.value) == refusal("plan", place / "nothing")
    with pytest.raises(polyformer.Error) as plan:
        polyformer.load(place / "plan")
    assert str(plan.value) == refusal("plan", place / "plan")
    damaged = place / "damaged"
    encoder.save(damaged)
    (damaged / "graph.json").write_text("{}")
    with pytest.raises(polyformer.FormatError) as foreign:
        polyformer.load(damaged)
    assert str(foreign.value) == refusal("plan", damaged)
    with pytest.raises(polyformer.Error) as inputs:
        encoder.plan(inputs=3, insecure_ring_dimension=RING)
    assert str(inputs.value) == refusal("plan", place / "encoder", "--images", 3)
    with pytest.raises(polyformer.Error) as long:
        encoder.plan(insecure_ring_dimension=3000)
    assert "3000" in str(long.value)


def test_an_import_that_cannot_be_writes_nothing(place: pathlib.Path, calibration: pathlib.Path) -> None:
    for arguments, words in [
        ({"checkpoint": place / "nothing", "calibrate": calibration, "context": 8}, "nothing"),
        ({"checkpoint": CHECKPOINT, "calibrate": place / "nothing.txt", "context": 8}, "nothing.txt"),
        ({"checkpoint": CHECKPOINT, "calibrate": calibration, "context": 4000}, "4000"),
        ({"checkpoint": CHECKPOINT, "calibrate": calibration}, "--context"),
    ]:
        with pytest.raises(polyformer.Error) as refused:
            polyformer.Model.import_huggingface(**arguments, out=place / "unwanted", progress=False)  # type: ignore[arg-type]
        assert words in str(refused.value)
    assert not (place / "unwanted").exists()
