"""What strangers give: other types, halves of characters, numbers out of range, names that no file has."""

from __future__ import annotations

import copy
import pathlib
import pickle
from collections.abc import Callable

import numpy as np
import pytest

import polyformer
from polyformer import ckks, client, server, study
from conftest import CHECKPOINT, RING

HALF = "a \ud800"


def test_arrays_of_every_layout_are_read_alike(encoder: polyformer.Model) -> None:
    x = np.random.default_rng(3).uniform(-0.1, 0.1, size=(3, encoder.graph.width))
    expected = encoder.logits(x)
    frozen = x.copy()
    frozen.setflags(write=False)
    for same in (x.astype(">f8"), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], frozen, x[::-1][::-1]):
        assert encoder.logits(same) == pytest.approx(expected, abs=1e-12)
    texts = ["a b", "c"]
    for given in (np.array(texts), np.array(texts, dtype=object), tuple(texts)):
        assert encoder.embed(given) == pytest.approx(encoder.embed(texts), abs=1e-12)
    assert [vector.shape for vector in encoder.logits(["a", [3], x])] == [expected.shape] * 3
    assert encoder.embed([3, 4]).shape == (encoder.graph.outputs,)


def test_many_inputs_are_read_by_and_by(encoder: polyformer.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a b c", "h g", "c", "d e f", "b"]
    together, shares = encoder.embed(texts), []
    monkeypatch.setattr(polyformer.model, "_AT_A_TIME", 2)
    apart = encoder.embed(texts, progress=lambda title, share, note: shares.append(share))
    assert apart == pytest.approx(together, abs=1e-12)
    assert shares == sorted(shares) and shares[-1] == 1.0


INPUTS: dict[str, tuple[object, type[Exception], str]] = {
    "a scalar": (np.array(5), polyformer.Error, "row of whole numbers"),
    "no token": (np.array([], dtype=int), polyformer.Error, "row of whole numbers"),
    "complex numbers": (np.ones((2, 4)) * 1j, polyformer.Error, "whole numbers"),
    "objects": (np.ones((2, 4)).astype(object), polyformer.Error, "whole numbers"),
    "rows of bytes": (np.array([b"a"]), polyformer.Error, "whole numbers"),
    "four dimensions": (np.zeros((1, 2, 3, 4)), polyformer.Error, "(tokens, "),
    "a huge token": ([2**70], polyformer.Error, "no token id"),
    "half of a character": (HALF, polyformer.Error, "half of a character"),
    "half of one in a list": (["a", HALF], polyformer.Error, "text 2"),
    "a character of code 0": ("a \0", polyformer.Error, "which no text holds"),
    "a text and a number": (["a", 3], TypeError, "not int"),
    "a generator": ((c for c in "ab"), TypeError, "not generator"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_inputs(encoder: polyformer.Model, owner: client.Client, name: str) -> None:
    given, kind, words = INPUTS[name]
    for use in (encoder.logits, encoder.embed, owner.encrypt):
        with pytest.raises(kind) as refused:
            use(given)  # type: ignore[operator]
        assert words in str(refused.value)


def test_names_of_files(encoder: polyformer.Model, place: pathlib.Path, owner: client.Client) -> None:
    request = owner.encrypt("a b")
    for name in ("no\0thing", HALF):
        uses: list[Callable[[], object]] = [
            lambda: polyformer.load(name),
            lambda: encoder.save(name),
            lambda: server.Server(name, name, progress=False),
            lambda: client.Client(name, name),
            lambda: request.save(name),
            lambda: polyformer.Request.load(name),
            lambda: study.read_study(name),
            lambda: encoder.logits(pathlib.Path(name)),
        ]
        for use in uses:
            with pytest.raises(polyformer.Error, match="no file can be called"):
                use()
    with pytest.raises(polyformer.IoError, match="no such folder"):
        polyformer.load("a\udc80b")  # a name that is no UTF-8
    encoder.save(bytes(place / "as bytes"))  # type: ignore[arg-type]
    assert polyformer.load(bytes(place / "as bytes")).import_report is not None  # type: ignore[arg-type]
    request.save(bytes(place / "a request"))  # type: ignore[arg-type]
    assert polyformer.Request.load(place / "a request") == request
    assert not list(place.glob(".polyformer-*"))
    for wrong in ("", place, "/nothing/at/all"):
        with pytest.raises(polyformer.IoError):
            request.save(wrong)


def test_numbers_out_of_range_are_named(
    encoder: polyformer.Model, calibration: pathlib.Path, plan_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    arguments = {"calibrate": calibration, "context": 8, "out": tmp_path / "model", "progress": False}
    for name, values in {
        "context": (-1, 0, 2**70),
        "texts": (-1, 0, 2**70),
        "loss": (-1, 0, 2, float("nan"), float("inf")),
        "escape": (-1, 0, 1, float("nan")),
        "margin": (-0.5, 11, float("nan"), float("inf")),
    }.items():
        for value in values:
            with pytest.raises(polyformer.Error, match=name):
                polyformer.Model.import_huggingface(CHECKPOINT, **{**arguments, name: value})  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=name):
            polyformer.Model.import_huggingface(CHECKPOINT, **{**arguments, name: "many"})  # type: ignore[arg-type]
    for ring in (-1, 2**80, 1000):
        with pytest.raises(polyformer.Error, match="insecure_ring_dimension"):
            encoder.plan(insecure_ring_dimension=ring)
    with pytest.raises(TypeError, match="insecure_ring_dimension"):
        encoder.plan(insecure_ring_dimension=2048.0)  # type: ignore[arg-type]
    with pytest.raises(polyformer.Error, match="most_key_bytes"):
        client.generate_keys(plan_folder / "client", secret="s", server_keys="k", most_key_bytes=-1)
    for module in (polyformer, client, server, ckks):
        with pytest.raises(polyformer.Error, match="threads"):
            module.set_thread_count(0)
    assert not list(tmp_path.iterdir())


def test_documents_and_labels(encoder: polyformer.Model) -> None:
    for documents, kind in [
        ("abc", TypeError),
        ([], polyformer.Error),
        ([("a", "b", "c")], TypeError),
        ([3], TypeError),
        ([("a", 3)], TypeError),
        ([HALF], polyformer.Error),
    ]:
        with pytest.raises(kind, match="document|half"):
            encoder.index(documents, progress=False)  # type: ignore[arg-type]
    for texts, labels, words in [
        (["a", "b"], ["x"], "2 texts, but 1 labels"),
        (["a", "b"], ["x", "x"], "at least two"),
        ([], [], "at least two"),
        (["a", ""], ["x", "y"], "no token"),
        (["a", HALF], ["x", "y"], "text 2"),
    ]:
        with pytest.raises(polyformer.Error, match=words):
            encoder.fit_head(texts, labels, progress=False)
    with pytest.raises(polyformer.Error, match="penalty"):
        encoder.fit_head(["a", "b"], [0, 1], penalty=float("nan"))
    with pytest.raises(TypeError, match="not one"):
        encoder.fit_head("ab", "xy")


GRAPHS: dict[str, tuple[Callable[[polyformer.GraphBuilder], object], type[Exception], str]] = {
    "a node before the first": (lambda graph: graph.token_mean(-1), polyformer.Error, "node is -1"),
    "half a node": (lambda graph: graph.token_mean(0.5), TypeError, "whole number"),  # type: ignore[arg-type]
    "minus one head": (lambda graph: graph.attention_scores(0, 0, heads=-1), polyformer.Error, "heads is -1"),
    "too many heads": (lambda graph: graph.attention_scores(0, 0, heads=2**64), polyformer.Error, "heads is"),
    "a huge source": (lambda graph: graph.mix_tokens(0, [[2**40]], np.ones((1, 4))), polyformer.Error, "source is"),
    "a group of minus one": (lambda graph: graph.merge_tokens(0, -1), polyformer.Error, "group is -1"),
    "complex weights": (lambda graph: graph.linear(0, np.eye(4) * 1j), polyformer.Error, "complex128"),
    "no weights": (lambda graph: graph.linear(0, None), polyformer.Error, "object"),  # type: ignore[arg-type]
    "weights beyond floats": (lambda graph: graph.linear(0, np.eye(4) * 1e300), polyformer.Error, "single precision"),
    "no name": (lambda graph: graph.linear(0, np.eye(4), name=HALF), polyformer.Error, "half of a character"),
    "no polynomial": (lambda graph: graph.apply(0, None), TypeError, "Polynomial"),  # type: ignore[arg-type]
    "a margin of nan": (lambda graph: graph.finish([np.ones((4, 4))], margin=np.nan), polyformer.Error, "margin"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name: str) -> None:
    build, kind, words = GRAPHS[name]
    with pytest.raises(kind, match=words):
        build(polyformer.GraphBuilder(4, 4))


def test_embeddings_of_graphs() -> None:
    graph = polyformer.GraphBuilder(4, 4).finish([np.ones((4, 4))])
    for tables, words in [
        ({"tokens": np.full((3, 4), np.nan)}, "tokens has nan"),
        ({"tokens": np.ones(4)}, "matrix"),
        ({"tokens": "ab"}, "matrix"),
        ({"positions": np.ones((4, 4))}, "give both"),
    ]:
        with pytest.raises(polyformer.Error, match=words):
            polyformer.Model.from_graph(graph, **tables)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="graph is needed"):
        polyformer.Model.from_graph(None)  # type: ignore[arg-type]


def test_what_is_no_message_is_named(owner: client.Client, host: server.Server) -> None:
    request = owner.encrypt("a b")
    for given in (bytearray(request), memoryview(request), 7, np.frombuffer(request, np.uint8)):
        with pytest.raises(TypeError, match="the request is bytes or the name of a file, not"):
            host.infer(given, progress=False)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="the reply is bytes"):
            owner.decrypt(given)  # type: ignore[arg-type]
    answer = owner.decrypt(host.infer(request, progress=False), request)
    for ask in (answer.numbers, answer.exact_for_data_owner):
        with pytest.raises(polyformer.Error, match="input is -1"):
            ask(input=-1)


def test_nothing_of_ours_is_pickled_by_accident(
    encoder: polyformer.Model, owner: client.Client, host: server.Server
) -> None:
    answer = owner.decrypt(host.infer(owner.encrypt("a b"), progress=False))
    parameters = ckks.Parameters.preset("leveled_16384", 1024)
    plan = encoder.plan(insecure_ring_dimension=RING, progress=False)
    for thing in (encoder, encoder.graph, plan, host, owner, answer, parameters, ckks.SecretKey.generate(parameters)):
        for take in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="pickle"):
                take(thing)
    for holder in (owner, answer):
        for reduce in (type(holder).__reduce__, lambda held: object.__reduce_ex__(held, 2)):
            with pytest.raises(TypeError, match="pickled"):
                reduce(holder)


def test_a_secret_key_is_saved_with_its_own_parameters(tmp_path: pathlib.Path) -> None:
    secret = ckks.SecretKey.generate(ckks.Parameters.preset("leveled_16384", 1024))
    with pytest.raises(polyformer.Error, match="does not belong"):
        secret.save(tmp_path / "secret.key", ckks.Parameters.preset("leveled_32768", 2048))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "variants", ["5", "null", "[1, 2]", "[{}]", "[" * 100000], ids=["a number", "none", "numbers", "nameless", "deep"]
)
def test_studies_of_other_shapes(tmp_path: pathlib.Path, variants: str) -> None:
    (tmp_path / "study.json").write_text(f'{{"format": "polyformer-study", "variants": {variants}}}')
    with pytest.raises(polyformer.FormatError):
        study.read_study(tmp_path / "study.json")
