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
from ._inputs import FloatArray, checked_texts, count, finite, floats, number
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
    if function not in functions():
        raise Error(f"no function is called {function!r}: there are {', '.join(functions())}")
    coefficients, error = _model.fit(function, lower, upper, count("degree", degree, 0, 255))
    return Polynomial(tuple(coefficients), lower, upper, error, function)


def functions() -> list[str]:
    """The functions that fit() knows, and the exact interpreter."""
    return _model.functions()


def _single_precision(values: FloatArray, what: str) -> _Floats:
    with np.errstate(over="ignore"):
        narrow = finite(values, what).astype(np.float32)
    finite(narrow.astype(np.float64), f"{what}, in single precision,")
    return narrow


def _rows(values: npt.ArrayLike, what: str) -> _Floats:
    return _single_precision(floats(values, f"(rows, columns) for {what}, a matrix,", 2), what)


def rows_or_none(values: npt.ArrayLike | None, what: str) -> _Floats | None:
    """A matrix in single precision. Raises Error for another shape and for numbers that are not finite there."""
    return None if values is None else _rows(values, what)


def _vector(values: npt.ArrayLike | None, what: str) -> _Floats | None:
    return None if values is None else _numbers(values, what)


def _numbers(values: npt.ArrayLike, what: str) -> _Floats:
    return _single_precision(floats(values, f"(numbers,) for {what}, a vector,", 1), what)


def _name(name: str) -> str:
    return checked_texts([name], "name")[0]


def _node(value: Node) -> Node:
    return count("a node", value)


class GraphBuilder:
    """A graph in the making. Each operation adds a node and returns it; the last one gives the outputs."""

    def __init__(self, context: int, width: int) -> None:
        """For inputs of up to `context` tokens of `width` features."""
        self._native = _model.GraphBuilder(count("context", context, 1), count("width", width, 1))

    @property
    def input(self) -> Node:
        """What the client encrypts: (tokens, width)."""
        return 0

    def linear(self, input: Node, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, name: str = "") -> Node:
        """x · weight + bias; weight is (features in, features out)."""
        return self._native.linear(_node(input), _rows(weight, "weight"), _vector(bias, "bias"), _name(name))

    def add(self, left: Node, right: Node, *, name: str = "") -> Node:
        """The sum; one of them may have fewer features, each added to several."""
        return self._native.add(_node(left), _node(right), _name(name))

    def multiply(self, left: Node, right: Node, *, name: str = "") -> Node:
        """The product, entry by entry; one of them may have fewer features, each times several."""
        return self._native.multiply(_node(left), _node(right), _name(name))

    def apply(self, input: Node, polynomial: Polynomial, *, name: str = "") -> Node:
        """A polynomial of each entry."""
        if not isinstance(polynomial, Polynomial):
            raise TypeError(f"a Polynomial is applied, not {polynomial!r}: see polyformer.fit()")
        coefficients = floats(polynomial.coefficients, "(degree + 1,)", 1).tolist()
        return self._native.apply(_node(input), coefficients, polynomial.lower, polynomial.upper, polynomial.function, _name(name))

    def feature_mean(self, input: Node, *, name: str = "") -> Node:
        """The mean over features: (T, 1)."""
        return self._native.feature_mean(_node(input), _name(name))

    def centre(self, input: Node, *, name: str = "") -> Node:
        """Each token less its mean over features."""
        return self._native.centre(_node(input), _name(name))

    def scale_features(
        self, input: Node, factors: npt.ArrayLike, bias: npt.ArrayLike | None = None, *, name: str = ""
    ) -> Node:
        """x · factors + bias, feature by feature."""
        return self._native.scale_features(_node(input), _numbers(factors, "factors"), _vector(bias, "bias"), _name(name))

    def add_constant(self, input: Node, values: npt.ArrayLike, *, name: str = "") -> Node:
        """Values (T, C) added to each token."""
        return self._native.add_constant(_node(input), _rows(values, "values"), _name(name))

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
        taps = [[count("a source", token, -1, 2**31 - 1) for token in tap] for tap in sources]
        return self._native.mix_tokens(_node(input), taps, _rows(weights, "weights"), _vector(bias, "bias"), _name(name))

    def merge_tokens(self, input: Node, group: int, *, name: str = "") -> Node:
        """Groups of consecutive tokens become one, their features side by side."""
        return self._native.merge_tokens(_node(input), count("group", group), _name(name))

    def token_mean(self, input: Node, *, name: str = "") -> Node:
        """The mean over tokens: (1, C)."""
        return self._native.token_mean(_node(input), _name(name))

    def select_token(self, input: Node, token: int = 0, *, name: str = "") -> Node:
        """One token: (1, C)."""
        return self._native.select_token(_node(input), count("token", token), _name(name))

    def rotate_features(self, input: Node, angles: npt.ArrayLike, *, heads: int = 1, name: str = "") -> Node:
        """Rotary positions: angles (T, width of a head / 2)."""
        return self._native.rotate_features(_node(input), count("heads", heads), _rows(angles, "angles"), _name(name))

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
        rows = rows_or_none(bias, "bias")
        return self._native.attention_scores(
            _node(query),
            _node(key),
            count("heads", heads),
            scale,
            count("window", window),
            rows,
            count("key_heads", key_heads),
            _name(name),
        )

    def shift_scores(self, scores: Node, shift: Node, *, name: str = "") -> Node:
        """Scores plus a shift (T, heads), the same for all keys."""
        return self._native.shift_scores(_node(scores), _node(shift), _name(name))

    def attention_sums(
        self, scores: Node, *, heads: int = 1, causal: bool = True, mask: npt.ArrayLike | None = None, name: str = ""
    ) -> Node:
        """The weights' sums over keys, times the mask (heads · T, T): (T, heads)."""
        return self._native.attention_sums(
            _node(scores), count("heads", heads), causal, rows_or_none(mask, "mask"), _name(name)
        )

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
        rows = rows_or_none(mask, "mask")
        return self._native.attention_values(
            _node(scores), _node(value), count("heads", heads), causal, rows, count("value_heads", value_heads), _name(name)
        )

    def finish(self, samples: Sequence[npt.ArrayLike], *, margin: float = 0.1) -> Graph:
        """The graph, with every node's bound measured on samples of the input, (tokens, width) each, and widened by
        `margin`. Raises Error naming the node when it is not sound."""
        return self._native.finish([finite(floats(sample, "(tokens, width)", 2)) for sample in samples], number("margin", margin, 0, 1e6))
