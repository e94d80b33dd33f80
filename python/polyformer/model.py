"""Models: loaded, imported or built; asked in the clear, and planned for encrypted inference."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from . import _model
from ._inputs import FloatArray, Input, Inputs, as_list, checked_texts, count, file_name, is_single, number, read
from ._progress import Bars, Progress
from .errors import Error
from .graph import Graph, rows_or_none
from .plan import Plan


def _title_and_text(entry: Any) -> tuple[str, str]:
    if not isinstance(entry, (tuple, list)) or len(entry) != 2:
        raise TypeError(f"a document is a text or (title, text), not {entry!r}")
    return entry[0], entry[1]


class _TemporaryFolder:
    """A folder that is gone when nobody holds it any more."""

    def __init__(self) -> None:
        self.name = tempfile.mkdtemp(prefix="polyformer-")
        weakref.finalize(self, shutil.rmtree, self.name, ignore_errors=True)


def _place(out: str | os.PathLike[str] | None) -> tuple[_TemporaryFolder | None, str]:
    """A model's folder: the one asked for, or one that is gone with the object beside it."""
    if out is not None:
        return None, file_name(out)
    keep = _TemporaryFolder()
    return keep, os.path.join(keep.name, "model")


#: Inputs that are read and computed together: memory does not grow with their number.
_AT_A_TIME = 2048


class Head(NamedTuple):
    """What fit_head() fitted a classifier to, and how well: the mean loss (nats) and the accuracy on those texts."""

    texts: int
    loss: float
    accuracy: float


class Model:
    """A polynomial transformer: what the server will compute, and how texts or images become its input."""

    def __init__(self, folder: str | os.PathLike[str], *, keep: Any = None, report: dict[str, Any] | None = None) -> None:
        """As load() does. `keep` is held as long as the model is."""
        self._folder = file_name(folder)
        self._native = _model.load(self._folder)
        self._keep = keep
        self._report = report
        #: Of a model that fit_head() has made.
        self.head: Head | None = None

    @classmethod
    def import_huggingface(
        cls,
        checkpoint: str | os.PathLike[str],
        *,
        calibrate: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        context: int | None = None,
        out: str | os.PathLike[str] | None = None,
        texts: int = 1000,
        loss: float | None = None,
        escape: float = 1e-4,
        margin: float = 0.08,
        prefix: str | Sequence[int] = "auto",
        progress: Progress = True,
    ) -> Model:
        """A pretrained checkpoint (a Hugging Face folder or a GGUF file; docs/checkpoints.md says which) with
        polynomials in place of its functions, without training: minutes.

        `calibrate` names files with one text a line, of the kind that the model will meet; of a model of images a
        folder of them. `context` is the greatest number of tokens of a text. `texts` of them are measured; `loss` is
        what the mean loss may be (1 − cosine, or nats); `escape` the probability that a text leaves an interval, which
        makes its answer worthless; `margin` widens intervals besides; `prefix` are public tokens before every text of
        a decoder: ids, "none" or "auto". The model lies in the folder `out`, or in a temporary one until save() is
        called. What was decided is told as warnings. Raises IoError, FormatError naming file and field for what cannot
        be imported, Error for options that do not fit it."""
        files = [calibrate] if isinstance(calibrate, (str, bytes, os.PathLike)) else list(calibrate)
        ids = prefix if isinstance(prefix, str) else ",".join(str(token) for token in prefix) or "none"
        keep, folder = _place(out)
        with Bars(progress) as bars:
            report, notes = _model.import_checkpoint(
                file_name(checkpoint),
                folder,
                [file_name(file) for file in files],
                0 if context is None else count("context", context, 1),
                count("texts", texts, 1),
                0.0 if loss is None else number("loss", loss, 1e-9, 1),
                number("escape", escape, 1e-12, 0.5),
                number("margin", margin, 0, 10),
                checked_texts([ids], "prefix")[0],
                bars.callback,
            )
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return cls(folder, keep=keep, report=json.loads(report))

    @classmethod
    def from_graph(
        cls, graph: Graph, *, tokens: npt.ArrayLike | None = None, positions: npt.ArrayLike | None = None
    ) -> Model:
        """A graph of one's own (polyformer.GraphBuilder). With an embedding of `tokens` (vocabulary, width), and of
        `positions` (context, width) or none, it takes token ids; without one, arrays of floats alone."""
        if not isinstance(graph, Graph):
            raise TypeError(f"a graph is needed, as GraphBuilder.finish() gives it, not {graph!r}")
        if tokens is None and positions is not None:
            raise Error("an embedding of positions stands beside one of tokens: give both")
        keep, folder = _place(None)
        _model.save_graph(graph, folder, rows_or_none(tokens, "tokens"), rows_or_none(positions, "positions"))
        return cls(folder, keep=keep)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the model's folder, whole or not at all. Raises IoError, or Error when something else is there."""
        _model.save_model(self._native, file_name(folder))

    @overload
    def logits(  # type: ignore[overload-overlap]  # a str is a sequence of str, too: it is one input
        self, inputs: Input, *, exact: bool = False, context_end: bool = False, progress: Progress = False
    ) -> FloatArray: ...
    @overload
    def logits(
        self, inputs: Sequence[Input], *, exact: bool = False, context_end: bool = False, progress: Progress = False
    ) -> list[FloatArray]: ...
    def logits(
        self, inputs: Inputs, *, exact: bool = False, context_end: bool = False, progress: Progress = False
    ) -> FloatArray | list[FloatArray]:
        """What the model gives in the clear, by its polynomials as it would under encryption, or with the `exact`
        functions before substitution: (rows, outputs), a row for each token or one; of several inputs a list of them.
        Warns when values have left a polynomial's interval, which makes an answer worthless."""
        answers = self._answers(as_list(self._native.inputs, inputs), exact, context_end, progress)
        return answers[0] if is_single(inputs) else answers

    def _answers(self, entries: list[Any], exact: bool, context_end: bool, progress: Progress) -> list[FloatArray]:
        answers: list[FloatArray] = []
        outside, worst, how = 0, 0, ""
        with Bars(progress) as bars:
            for first in range(0, len(entries), _AT_A_TIME):
                some = entries[first : first + _AT_A_TIME]
                arrays = read(self._native.inputs, some, context_end)
                tell = bars.part(first, len(some), len(entries))
                found, lost, words = _model.answer(self._native, arrays, exact, tell)
                answers += found
                outside += lost
                if lost > worst:
                    worst, how = lost, words
        if outside:
            warnings.warn(f"{outside} of {len(entries)} input(s): {how}", stacklevel=3)
        return answers

    def embed(self, texts: Inputs, *, exact: bool = False, progress: Progress = False) -> FloatArray:
        """An encoder's vectors in the clear: (features,) of one text, (texts, features) of several, of length 1 where
        the model's are. Raises Error for a model that gives none."""
        if self.output != "embedding":
            raise Error(f"this model gives {self.output}, no embeddings: ask it for logits()")
        vectors: FloatArray = np.concatenate(
            self._answers(as_list(self._native.inputs, texts), exact, False, progress)
        )
        if self._native.inputs.normalise:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors[0] if is_single(texts) else vectors

    def plan(
        self,
        *,
        positions: str = "last",
        inputs: int | str = 1,
        keys: str = "balanced",
        costs: str | os.PathLike[str] | None = None,
        insecure_ring_dimension: int = 0,
        progress: Progress = True,
    ) -> Plan:
        """What encrypted inference will do and take. `positions`: logits of the "last" position of a text, or of
        "all"; `inputs`: texts or images side by side in a request, a power of two or "most", which share the time of
        one; `keys`: "small" ones are soon uploaded, "fast" ones save time (see Plan.key_points); `costs`: what times and
        choices go by: this machine "measured" (once, in 5 s, and remembered), "builtin" numbers, or the file of another
        machine (`polyformer bench calibrate --output`); by default what POLYFORMER_COSTS says, else "measured". An
        insecure ring is small and quick, hides nothing, and is for tests; it goes by "builtin" ones. Raises Error naming the node when the model cannot be
        compiled."""
        if positions not in ("last", "all"):
            raise Error(f"positions '{positions}': give 'last' or 'all'")
        ring = count("insecure_ring_dimension", insecure_ring_dimension)
        if ring != 0 and (ring & (ring - 1) or not 1024 <= ring <= 131072):
            raise Error(f"insecure_ring_dimension {ring}: give a power of two from 1024 to 131072, or 0 for security")
        if costs is None:
            costs = os.environ.get("POLYFORMER_COSTS") or ("builtin" if ring else "measured")
        with Bars(progress) as bars:
            native = _model.make_plan(
                self._native, positions, str(inputs), str(keys), file_name(costs), ring, bars.callback
            )
            return Plan(native)

    def index(
        self,
        documents: Sequence[str | tuple[str, str]],
        *,
        reader: str | os.PathLike[str] | None = None,
        reader_tokens: int = 256,
        out: str | os.PathLike[str] | None = None,
        progress: Progress = True,
    ) -> Model:
        """An encoder with documents behind it, as one more linear map: a query's scores of all of them come out of its
        ciphertext. A document is a text or (title, text). They are read in the clear: by `reader`, a checkpoint's or a
        model's folder, or by this model; queries may then be shorter than documents. Raises Error for a model of no
        embeddings."""
        if isinstance(documents, (str, bytes)):
            raise TypeError("documents are a list of texts, not one")
        pairs = [("", entry) if isinstance(entry, str) else _title_and_text(entry) for entry in documents]
        if not pairs:
            raise Error("there is no document: give at least one")
        for part in zip(*pairs):
            checked_texts(part, "document")
        keep, folder = _place(out)
        with Bars(progress) as bars:
            _model.make_index(
                self._folder,
                None if reader is None else file_name(reader),
                count("reader_tokens", reader_tokens, 1),
                pairs,
                folder,
                bars.callback,
            )
        return Model(folder, keep=keep)

    def fit_head(
        self,
        texts: Sequence[str],
        labels: Sequence[Any],
        *,
        penalty: float = 1e-4,
        out: str | os.PathLike[str] | None = None,
        progress: Progress = True,
    ) -> Model:
        """A classifier made of an encoder: a linear map behind it, fitted to labelled texts by logistic regression on
        the polynomials' vectors, which are what it will see under encryption. Classes are the labels' names (`names`, in
        order); `penalty` is the weight of the squared weights against the mean loss, 1 / (C · texts) of scikit-learn's C.
        `head` of what is returned says how well it fits; warns of texts that leave an interval. Raises Error for a model
        of no embeddings and for fewer than two classes."""
        if isinstance(texts, (str, bytes)):
            raise TypeError("texts are a list of them, not one")
        names = [str(label) for label in labels]
        given = checked_texts(list(texts))
        keep, folder = _place(out)
        with Bars(progress) as bars:
            fitted, loss, accuracy, outside, lost = _model.fit_head(
                self._folder,
                given,
                checked_texts(names, "label"),
                number("penalty", penalty, 0, 1e6),
                folder,
                bars.callback,
            )
        if outside:
            warnings.warn(
                f"{outside} of {len(given)} texts leave some polynomial's interval, and {lost} of them are left out: "
                "import the encoder with calibration text of this kind",
                stacklevel=2,
            )
        model = Model(folder, keep=keep)
        model.head = Head(fitted, loss, accuracy)
        return model

    @property
    def graph(self) -> Graph:
        """What the server computes."""
        return self._native.graph

    @property
    def output(self) -> str:
        """What comes out: "embedding", "classes", "documents", "next_token" or "tokens"."""
        return self._native.inputs.output

    @property
    def context(self) -> int:
        """The most tokens of a text, or the patches of an image."""
        return self._native.inputs.context

    @property
    def names(self) -> list[str]:
        """Of the outputs: classes, documents or tokens. Empty for an embedding."""
        inputs = self._native.inputs
        return [] if inputs.output == "embedding" else [inputs.name_of(index) for index in range(inputs.outputs)]

    @property
    def import_report(self) -> dict[str, Any] | None:
        """What import_huggingface() found and did (docs/import.md); None for a model that was not imported."""
        if self._report is None and (file := pathlib.Path(self._folder) / "import.json").exists():
            self._report = json.loads(file.read_text(encoding="utf-8"))
        return self._report

    def __repr__(self) -> str:
        graph = self.graph
        return f"<Model: {self.output}, {graph.context} tokens of width {graph.width}, {graph.outputs} outputs>"


def load(folder: str | os.PathLike[str]) -> Model:
    """A model's folder, as `polyformer import` and `convert` and Model.save() write it. Raises IoError when it cannot be
    read, FormatError when a file in it is damaged or not its own, Error when it is a folder of another kind."""
    return Model(folder)
