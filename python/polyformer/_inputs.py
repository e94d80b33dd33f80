"""Texts, token ids, images and embedded arrays, as what a model takes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from .errors import Error

FloatArray: TypeAlias = npt.NDArray[np.float64]
#: One input: a text; a file with an image (a path, or its name for a model of images); an array of pixels (height,
#: width, 3) of uint8; token ids, a sequence of whole numbers; or what the model takes itself, floats (tokens, width).
Input: TypeAlias = Union[str, os.PathLike[str], npt.NDArray[Any], Sequence[int]]
#: One, or a list of them.
Inputs: TypeAlias = Union[Input, Sequence[Input]]


class Reader(Protocol):
    """The class `Inputs` of the extension modules."""

    @property
    def takes_images(self) -> bool: ...
    @property
    def width(self) -> int: ...
    def texts(self, texts: list[str], context_end: bool) -> tuple[list[FloatArray], str]: ...
    def ids(self, ids: list[int], context_end: bool) -> tuple[list[FloatArray], str]: ...
    def images(self, files: list[str]) -> tuple[list[FloatArray], str]: ...
    def pixels(self, image: npt.NDArray[np.uint8]) -> FloatArray: ...


def is_single(inputs: Inputs) -> bool:
    """Whether this is one input rather than a list of them."""
    if isinstance(inputs, (str, os.PathLike)):
        return True
    if isinstance(inputs, np.ndarray):
        return bool(inputs.ndim <= 2 or inputs.dtype == np.uint8 and inputs.ndim == 3)
    return len(inputs) > 0 and all(isinstance(entry, (int, np.integer)) for entry in inputs)


def floats(array: npt.ArrayLike, shape: str, dimensions: int) -> FloatArray:
    """A contiguous array of doubles, not copied where it is one. Raises Error for another shape or what is no number."""
    try:
        result = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Error(f"numbers are needed, an array of shape {shape}: {error}") from None
    if result.ndim != dimensions:
        raise Error(f"an array of shape {shape} is needed, not of {np.shape(array)}")
    return result


def finite(array: FloatArray) -> FloatArray:
    """The array itself. Raises Error naming the first place that is no finite number."""
    good = np.isfinite(array)
    if not good.all():
        place = tuple(int(index) for index in np.argwhere(~good)[0])
        raise Error(f"the input has {array[place]} at {place}: all of its values must be finite numbers")
    return array


def _read_one(reader: Reader, entry: Any, context_end: bool) -> FloatArray:
    if isinstance(entry, os.PathLike) or (isinstance(entry, str) and reader.takes_images):
        return _noted(reader.images([os.fspath(entry)]))[0]
    if isinstance(entry, np.ndarray) and entry.dtype == np.uint8 and entry.ndim == 3:
        return reader.pixels(np.ascontiguousarray(entry))
    if isinstance(entry, np.ndarray) and np.issubdtype(entry.dtype, np.floating):
        return finite(floats(entry, f"(tokens, {reader.width})", 2))
    if isinstance(entry, (Sequence, np.ndarray)) and not isinstance(entry, (str, bytes)):
        return _noted(reader.ids(_ids(entry), context_end))[0]
    raise _no_input(reader, entry)


def _no_input(reader: Reader, entry: object) -> TypeError:
    return TypeError(
        f"an input is a text, an image's path or pixels, token ids or floats of shape (tokens, {reader.width}), "
        f"not {type(entry).__name__}"
    )


def _ids(entry: Any) -> list[int]:
    if any(isinstance(number, bool) or not isinstance(number, (int, np.integer)) for number in entry):
        raise Error("token ids are whole numbers; an array of what the model takes is of floats")
    for number in entry:
        if not 0 <= number < 2**31:
            raise Error(f"{number} is no token id: they are whole numbers from 0 to {2**31 - 1}")
    return [int(number) for number in entry]


def _noted(read: tuple[list[FloatArray], str]) -> list[FloatArray]:
    arrays, note = read
    if note:
        warnings.warn(note, stacklevel=5)
    return arrays


def read(reader: Reader, inputs: Inputs, context_end: bool = False) -> list[FloatArray]:
    """Each as (tokens, width)."""
    if not isinstance(inputs, (str, os.PathLike, np.ndarray, Sequence)):
        raise _no_input(reader, inputs)
    entries: Sequence[Any] = [inputs] if is_single(inputs) else inputs  # type: ignore[assignment]
    if len(entries) == 0:
        raise Error("there is no input: give at least one")
    if all(isinstance(entry, str) for entry in entries) and not reader.takes_images:
        return _noted(reader.texts(list(entries), context_end))  # together: they are read in parallel
    return [_read_one(reader, entry, context_end) for entry in entries]
