"""Graphs of one's own."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import polyformer
from polyformer import client, server

CONTEXT, WIDTH = 8, 4


def attention_graph(rng: np.random.Generator) -> tuple[polyformer.Graph, list[np.ndarray]]:
    """One head of attention with squares for weights, and a GELU."""
    matrices = [rng.normal(size=(WIDTH, WIDTH)) / 2 for _ in range(4)]
    builder = polyformer.GraphBuilder(CONTEXT, WIDTH)
    query, key, value = (builder.linear(builder.input, matrix) for matrix in matrices[:3])
    scores = builder.attention_scores(query, key, scale=0.5, name="scores")
    weights = builder.apply(scores, polyformer.Polynomial((0.5, 0.0, 0.5), -1, 1, function="square"))
    mask = np.tril(np.ones((CONTEXT, CONTEXT))) / CONTEXT
    attended = builder.add(builder.input, builder.attention_values(weights, value, mask=mask))
    hidden = builder.linear(attended, matrices[3], np.full(WIDTH, 0.25))
    builder.apply(hidden, polyformer.fit("gelu", -4, 4, degree=15), name="out")
    samples = [rng.uniform(-1, 1, size=(CONTEXT, WIDTH)) for _ in range(20)]
    return builder.finish(samples), matrices


def by_numpy(x: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
    query, key, value = (x @ matrix for matrix in matrices[:3])
    weights = np.tril((0.5 * query @ key.T) ** 2) / CONTEXT
    hidden = (x + weights @ value) @ matrices[3] + 0.25
    return np.asarray(polyformer.fit("gelu", -4, 4, degree=15)(hidden))


def test_a_graph_computes_what_numpy_does(tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(7)
    graph, matrices = attention_graph(rng)
    assert graph.nodes[4][:2] == ("scores", "attention_scores")
    model = polyformer.Model.from_graph(graph)
    x = rng.uniform(-1, 1, size=(CONTEXT, WIDTH))
    expected = by_numpy(x, matrices)
    assert model.logits(x) == pytest.approx(expected, abs=1e-5)
    assert model.logits(x.astype(np.float32)) == pytest.approx(expected, abs=1e-5)
    assert model.logits(np.asfortranarray(x)) == pytest.approx(expected, abs=1e-5)

    # And encrypted, all roles in one place.
    model.plan(positions="all", insecure_ring_dimension=2048, progress=False).save(tmp_path / "plan")
    files = {"secret": tmp_path / "secret.key", "server_keys": tmp_path / "server.keys"}
    client.generate_keys(tmp_path / "plan/client", **files, allow_insecure=True, progress=False)
    owner = client.Client(tmp_path / "plan/client", files["secret"])
    request = owner.encrypt(x)
    reply = server.Server(tmp_path / "plan/server", files["server_keys"], progress=False).infer(request, progress=False)
    assert owner.decrypt(reply, request).exact_for_data_owner() == pytest.approx(expected, abs=1e-2)


def test_with_an_embedding_it_takes_token_ids() -> None:
    rng = np.random.default_rng(8)
    graph, matrices = attention_graph(rng)
    tokens = rng.uniform(-0.5, 0.5, size=(WIDTH, WIDTH))
    positions = rng.uniform(-0.5, 0.5, size=(CONTEXT, WIDTH))
    model = polyformer.Model.from_graph(graph, tokens=tokens, positions=positions)
    ids = [1, 3, 0]
    assert model.logits(ids) == pytest.approx(by_numpy(tokens[ids] + positions[:3], matrices), abs=1e-5)
    with pytest.raises(polyformer.Error):
        polyformer.Model.from_graph(graph).logits(ids)


def test_what_is_not_sound_is_refused_by_name() -> None:
    builder = polyformer.GraphBuilder(CONTEXT, WIDTH)
    samples = [np.zeros((CONTEXT, WIDTH))]
    with pytest.raises(polyformer.Error, match="node 9"):
        builder.linear(9, np.eye(WIDTH))
    with pytest.raises(polyformer.Error, match="matrix"):
        builder.linear(0, np.zeros(WIDTH))
    with pytest.raises(polyformer.Error, match="nan"):
        builder.linear(0, np.full((WIDTH, WIDTH), np.nan))
    with pytest.raises(polyformer.Error, match="numbers"):
        builder.linear(0, "weights")
    builder.linear(0, np.eye(WIDTH + 1), name="wide")
    with pytest.raises(polyformer.Error, match="wide"):
        builder.finish(samples)
    with pytest.raises(polyformer.Error):
        polyformer.GraphBuilder(CONTEXT, WIDTH).finish([])
    with pytest.raises(polyformer.Error):
        polyformer.GraphBuilder(0, WIDTH)
    with pytest.raises(polyformer.Error, match="gelu"):
        polyformer.fit("no such function", -1, 1, degree=3)
    with pytest.raises(polyformer.Error):
        polyformer.fit("gelu", 1, -1, degree=3)


def test_a_fit_is_certified() -> None:
    fitted = polyformer.fit("silu", -6, 6, degree=31)
    x = np.linspace(-6, 6, 10001)
    assert np.abs(fitted(x) - x / (1 + np.exp(-x))).max() <= fitted.certified_error < 1e-3
    assert fitted.depth == 5 and "gelu" in polyformer.functions()
