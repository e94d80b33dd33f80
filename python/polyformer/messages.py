"""What passes between client and server: bytes, to be written to a file or sent however one likes."""

from __future__ import annotations

import os
import pathlib
import tempfile
from typing import TypeAlias, TypeVar, Union

from ._inputs import file_name
from .errors import IoError

_M = TypeVar("_M", bound="Message")
#: A message, other bytes, or the name of a file that holds one.
MessageLike: TypeAlias = Union[bytes, "os.PathLike[str]", str]


class Message(bytes):
    """Public bytes: whoever sees them learns how many inputs there are, how many tokens each has, and nothing else."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self) / 2**20:.1f} MiB>"

    __str__ = __repr__

    def save(self, file: str | os.PathLike[str]) -> None:
        """Writes the file, whole or not at all. Raises IoError."""
        name = file_name(file)
        try:
            with tempfile.TemporaryDirectory(prefix=".polyformer-", dir=os.path.dirname(name) or ".") as beside:
                temporary = os.path.join(beside, "message")
                pathlib.Path(temporary).write_bytes(self)
                os.replace(temporary, name)
        except OSError as error:
            raise IoError(f"cannot write '{name}': {error.strerror}") from None

    @classmethod
    def load(cls: type[_M], file: str | os.PathLike[str]) -> _M:
        """Reads such a file; whether it is one is seen by whoever it is given to. Raises IoError."""
        name = file_name(file)
        try:
            return cls(pathlib.Path(name).read_bytes())
        except OSError as error:
            raise IoError(f"cannot read '{name}': {error.strerror}") from None


class Request(Message):
    """Encrypted inputs, for the server."""


class Reply(Message):
    """Encrypted outputs, for the client."""

    #: How long the server computed, in seconds.
    seconds: float = 0.0
    #: Step, operation, level and seconds of each step of the plan.
    profile: tuple[tuple[str, str, int, float], ...] = ()
