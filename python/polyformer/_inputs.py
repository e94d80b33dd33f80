"""Texts, token ids, images and embedded arrays, as what a model takes."""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Sequence
from typing import Any, Protocol, SupportsFloat, SupportsIndex, TypeAlias, Union

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
    """The class `Inputs` of the extension modules: the client's part of a model."""

    @property
    def takes_images(self) -> bool: ...
    @property
    def output(self) -> str: ...
    @property
    def normalise(self) -> bool: ...
    @property
    def context(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    def texts(self, texts: list[str], context_end: bool) -> tuple[list[FloatArray], str]: ...
    def ids(self, ids: list[int], context_end: bool) -> tuple[list[FloatArray], str]: ...
    def images(self, files: list[str]) -> tuple[list[FloatArray], str]: ...
    def pixels(self, image: npt.NDArray[np.uint8]) -> FloatArray: ...
    def name_of(self, logit: int) -> str: ...


def count(what: str, value: SupportsIndex, least: int = 0, most: int = 2**63 - 1) -> int:
    """A whole number. Raises Error naming it when it is outside these limits, TypeError for anything else."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{what} is {value!r}: give a whole number")
    if not least <= number <= most:
        raise Error(f"{what} is {number}: give {f'at least {least}' if number < least else f'at most {most}'}")
    return number


def number(what: str, value: SupportsFloat, least: float, most: float) -> float:
    """Raises Error naming it when it is outside these limits or no number, TypeError for what is no float."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {value!r}: give a number") from None
    if not least <= result <= most:
        raise Error(f"{what} is {result:g}: give a number from {least:g} to {most:g}")
    return result


def file_name(path: str | bytes | os.PathLike[Any]) -> str:
    """Raises Error for a name that no file can have, TypeError for what is no path."""
    name = os.fsdecode(path)
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        raise Error(f"no file can be called {name!r}: {error.reason}") from None
    if "\0" in name:
        raise Error(f"no file can be called {name!r}: it has a character of code 0")
    return name


def checked_texts(texts: Sequence[str], what: str = "text") -> list[str]:
    """Raises Error for halves of characters, TypeError for what is no text."""
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{what} {place + 1} is {text!r}: give a str")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Error(
                f"{what} {place + 1} has {text[error.start]!r} at {error.start}, half of a character: read it anew "
                "with the right encoding"
            ) from None
    return list(texts)


def _holds_texts(array: npt.NDArray[Any]) -> bool:
    return array.ndim == 1 and array.dtype.kind in "UO" and all(isinstance(entry, str) for entry in array)


def is_single(inputs: Inputs) -> bool:
    """Whether this is one input rather than a list of them."""
    if isinstance(inputs, (str, os.PathLike)):
        return True
    if isinstance(inputs, np.ndarray):
        return not _holds_texts(inputs) and bool(inputs.ndim <= 2 or inputs.dtype == np.uint8 and inputs.ndim == 3)
    return len(inputs) > 0 and all(isinstance(entry, (int, np.integer)) for entry in inputs)


def floats(array: npt.ArrayLike, shape: str, dimensions: int) -> FloatArray:
    """A contiguous array of doubles, not copied where it is one. Raises Error for another shape or what is no number."""
    try:
        given = np.asarray(array)
    except (TypeError, ValueError) as error:
        raise Error(f"numbers are needed, an array of shape {shape}: {error}") from None
    if given.dtype.kind not in "fiub":
        raise Error(f"real numbers are needed, an array of shape {shape}, not of type {given.dtype}")
    result = np.asarray(given, dtype=np.float64, order="C")
    if result.ndim != dimensions:
        raise Error(f"an array of shape {shape} is needed, not of {result.shape}")
    return result


def finite(array: FloatArray, what: str = "the input") -> FloatArray:
    """The array itself. Raises Error naming the first place that is no finite number."""
    good = np.isfinite(array)
    if not good.all():
        place = tuple(int(index) for index in np.argwhere(~good)[0])
        raise Error(f"{what} has {array[place]} at {place}: all of its values must be finite numbers")
    return array


def _read_one(reader: Reader, entry: Any, context_end: bool) -> FloatArray:
    if isinstance(entry, os.PathLike) or (isinstance(entry, str) and reader.takes_images):
        return _noted(reader.images([file_name(entry)]))[0]
    if isinstance(entry, str):
        return _noted(reader.texts(checked_texts([entry]), context_end))[0]
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
    if np.ndim(entry) != 1 or len(entry) == 0:
        raise Error(f"token ids are a row of whole numbers, at least one, not of shape {np.shape(entry)}")
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


def as_list(reader: Reader, inputs: Inputs) -> list[Any]:
    """One input as a list of it, several as they are, at least one."""
    if not isinstance(inputs, (str, os.PathLike, np.ndarray, Sequence)) or isinstance(inputs, (bytes, bytearray)):
        raise _no_input(reader, inputs)
    entries: list[Any] = [inputs] if is_single(inputs) else list(inputs)  # type: ignore[arg-type]
    if len(entries) == 0:
        raise Error("there is no input: give at least one")
    return entries


def read(reader: Reader, entries: list[Any], context_end: bool = False) -> list[FloatArray]:
    """Each as (tokens, width)."""
    if all(isinstance(entry, str) for entry in entries) and not reader.takes_images:
        return _noted(reader.texts(checked_texts(entries), context_end))
    return [_read_one(reader, entry, context_end) for entry in entries]
