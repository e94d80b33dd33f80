"""Graphs of one's own, node by node from numpy's arrays.

    graph = polyformer.GraphBuilder(context=16, width=8)
    hidden = graph.linear(graph.input, weight)
    graph.apply(hidden, polyformer.fit("gelu", -4, 4, degree=15))
    model = polyformer.Model.from_graph(graph.finish(samples))

Values are matrices, a row for each token; docs/graph.md has the formula of every operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _model
from ._inputs import FloatArray, finite, floats
from ._model import Graph
from .errors import Error

__all__ = ["Graph", "GraphBuilder", "Polynomial", "fit", "functions"]

#: A value of a graph in the making.
Node = int
_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Polynomial:
    """Chebyshev coefficients over an interval: p(x) = Σ c_k T_k(u), u = (2x − lower − upper) / (upper − lower)."""

    coefficients: tuple[float, ...]
    lower: float
    upper: float
    #: An upper bound of its distance to the function anywhere on the interval.
    certified_error: float = float("inf")
    #: What it stands for.
    function: str = ""

    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        u = (2 * np.asarray(x, dtype=np.float64) - self.lower - self.upper) / (self.upper - self.lower)
        return np.asarray(np.polynomial.chebyshev.chebval(u, self.coefficients))

    @property
    def depth(self) -> int:
        """Levels that it takes under encryption."""
        return max(1, (len(self.coefficients) - 1).bit_length())


def fit(function: str, lower: float, upper: float, *, degree: int) -> Polynomial:
    """The polynomial whose largest error is smallest, for one of functions(). Raises Error for an interval or a degree
    that cannot be."""
    if degree < 0:
        raise Error(f"a degree of {degree}: give one from 0 to 255")
    coefficients, error = _model.fit(function, lower, upper, degree)
    return Polynomial(tuple(coefficients), lower, upper, error, function)


def functions() -> list[str]:
    """The functions that fit() knows, and the exact interpreter."""
    return _model.functions()


def _rows(values: npt.ArrayLike, what: str) -> _Floats:
    return finite(floats(values, f"of {what}, a matrix", 2)).astype(np.float32)


def _rows_or_none(values: npt.ArrayLike | None, what: str) -> _Floats | None:
    return None if values is None else _rows(values, what)


def _vector(values: npt.ArrayLike | None, what: str) -> _Floats | None:
    return None if values is None else finite(floats(values, f"of {what}, a vector", 1)).astype(np.float32)


class GraphBuilder:
    """A graph in the making. Each operation adds a node and returns it; the last one gives the outputs."""

    def __init__(self, context: int, width: int) -> None:
        """For inputs of up to `context` tokens of `width` features."""
        if context < 1 or width < 1:
            raise Error(f"a graph of {context} tokens of width {width} takes no input: give at least 1 of both")
        self._native = _model.GraphBuilder(context, width)

    @property
    def input(self) -> Node:
        """What the client encrypts: (tokens, width)."""
        return 0

    def linear(self, input: Node, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, name: str = "") -> Node:
        """x · weight + bias; weight is (features in, features out)."""
        return self._native.linear(input, _rows(weight, "weight"), _vector(bias, "bias"), name)

    def add(self, left: Node, right: Node, *, name: str = "") -> Node:
        """The sum; one of them may have fewer features, each added to several."""
        return self._native.add(left, right, name)

    def multiply(self, left: Node, right: Node, *, name: str = "") -> Node:
        """The product, entry by entry; one of them may have fewer features, each times several."""
        return self._native.multiply(left, right, name)

    def apply(self, input: Node, polynomial: Polynomial, *, name: str = "") -> Node:
        """A polynomial of each entry."""
        coefficients = list(polynomial.coefficients)
        return self._native.apply(input, coefficients, polynomial.lower, polynomial.upper, polynomial.function, name)

    def feature_mean(self, input: Node, *, name: str = "") -> Node:
        """The mean over features: (T, 1)."""
        return self._native.feature_mean(input, name)

    def centre(self, input: Node, *, name: str = "") -> Node:
        """Each token less its mean over features."""
        return self._native.centre(input, name)

    def scale_features(
        self, input: Node, factors: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, name: str = ""
    ) -> Node:
        """x · factors + bias, feature by feature."""
        values = finite(floats(factors, "of factors, a vector", 1)).astype(np.float32)
        return self._native.scale_features(input, values, _vector(bias, "bias"), name)

    def add_constant(self, input: Node, values: npt.ArrayLike, *, name: str = "") -> Node:
        """Values (T, C) added to each token."""
        return self._native.add_constant(input, _rows(values, "values"), name)

    def mix_tokens(
        self,
        input: Node,
        sources: Sequence[Sequence[int]],
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        name: str = "",
    ) -> Node:
        """Σ_k weights[k, c] · x[sources[k][t], c] + bias[c]; a source of −1 is 0."""
        taps = [[int(token) for token in tap] for tap in sources]
        return self._native.mix_tokens(input, taps, _rows(weights, "weights"), _vector(bias, "bias"), name)

    def merge_tokens(self, input: Node, group: int, *, name: str = "") -> Node:
        """Groups of consecutive tokens become one, their features side by side."""
        return self._native.merge_tokens(input, group, name)

    def token_mean(self, input: Node, *, name: str = "") -> Node:
        """The mean over tokens: (1, C)."""
        return self._native.token_mean(input, name)

    def select_token(self, input: Node, token: int = 0, *, name: str = "") -> Node:
        """One token: (1, C)."""
        return self._native.select_token(input, token, name)

    def rotate_features(self, input: Node, angles: npt.ArrayLike, *, heads: int = 1, name: str = "") -> Node:
        """Rotary positions: angles (T, width of a head / 2)."""
        return self._native.rotate_features(input, heads, _rows(angles, "angles"), name)

    def attention_scores(
        self,
        query: Node,
        key: Node,
        *,
        heads: int = 1,
        scale: float = 1.0,
        window: int = 0,
        bias: npt.ArrayLike | None = None,
        key_heads: int = 0,
        name: str = "",
    ) -> Node:
        """scale · query · key, for each head, query and key."""
        rows = _rows_or_none(bias, "bias")
        return self._native.attention_scores(query, key, heads, scale, window, rows, key_heads, name)

    def shift_scores(self, scores: Node, shift: Node, *, name: str = "") -> Node:
        """Scores plus a shift (T, heads), the same for all keys."""
        return self._native.shift_scores(scores, shift, name)

    def attention_sums(
        self, scores: Node, *, heads: int = 1, causal: bool = True, mask: npt.ArrayLike | None = None, name: str = ""
    ) -> Node:
        """The weights' sums over keys, times the mask (heads · T, T): (T, heads)."""
        return self._native.attention_sums(scores, heads, causal, _rows_or_none(mask, "mask"), name)

    def attention_values(
        self,
        scores: Node,
        value: Node,
        *,
        heads: int = 1,
        causal: bool = True,
        mask: npt.ArrayLike | None = None,
        value_heads: int = 0,
        name: str = "",
    ) -> Node:
        """Values summed by the weights, times the mask (heads · T, T)."""
        rows = _rows_or_none(mask, "mask")
        return self._native.attention_values(scores, value, heads, causal, rows, value_heads, name)

    def finish(self, samples: Sequence[npt.ArrayLike], *, margin: float = 0.1) -> Graph:
        """The graph, with every node's bound measured on samples of the input, (tokens, width) each, and widened by
        `margin`. Raises Error naming the node when it is not sound."""
        return self._native.finish([finite(floats(sample, "(tokens, width)", 2)) for sample in samples], margin)
