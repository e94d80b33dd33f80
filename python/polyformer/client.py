"""The data owner's role: makes keys, encrypts inputs, decrypts answers.

    polyformer.client.generate_keys("plan/client", secret="secret.key", server_keys="server.keys")   # once
    client = polyformer.client.Client("plan/client", "secret.key")
    request = client.encrypt("A man plays the guitar.")     # to the server and back
    answer = client.decrypt(reply, request)

The secret key stays in its file and in the client's memory: no object here shows it, and none can be pickled or copied.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from . import _client
from ._inputs import FloatArray, Inputs, as_list, count, file_name, read
from ._progress import Bars, Progress
from .errors import Error
from .messages import MessageLike, Request

__all__ = ["Answer", "Client", "Found", "KeyFiles", "Request", "generate_keys"]


class KeyFiles(NamedTuple):
    """Bytes of the files that generate_keys() wrote."""

    secret_bytes: int
    server_bytes: int


@dataclass(frozen=True)
class Found:
    """A class, a token or a document that the model found."""

    name: str
    index: int
    #: Whole percent of classes and tokens; a document's score, rounded.
    score: float


def generate_keys(
    plan: str | os.PathLike[str],
    *,
    secret: str | os.PathLike[str],
    server_keys: str | os.PathLike[str],
    overwrite: bool = False,
    allow_insecure: bool = False,
    most_key_bytes: int = _client.MOST_KEY_BYTES,
    progress: Progress = True,
) -> KeyFiles:
    """Makes a secret key (a file of mode 0600: keep it, give it to nobody) and the server's keys for a plan's client
    folder, each whole or not at all. Raises Error for a plan that promises no security unless that is allowed, or that
    asks for more than `most_key_bytes` of keys; IoError for files that exist already, unless they may be overwritten."""
    with Bars(progress) as bars:
        sizes = _client.generate_keys(
            file_name(plan),
            file_name(secret),
            file_name(server_keys),
            overwrite,
            allow_insecure,
            count("most_key_bytes", most_key_bytes),
            bars.callback,
        )
    return KeyFiles(*sizes)


class Answer:
    """A decrypted answer. What it shows is rounded: exact results carry noise that depends on the secret key, and
    whoever sees many of them can recover it (SECURITY.md). exact_for_data_owner() gives them all the same."""

    def __init__(self, native: _client.Answer, client: Client) -> None:
        self._native = native
        self._client = client

    def __len__(self) -> int:
        """How many inputs it answers."""
        return len(self._native.rows)

    def best(self, most: int = 5, *, input: int = 0) -> list[Found]:
        """The best documents, or the likeliest classes or tokens with whole percent; of a text with several rows those
        of the last. Raises Error for a model of embeddings."""
        inputs = self._client._native.inputs
        if inputs.output == "embedding":
            raise Error("an embedding has no best entries: take numbers()")
        which, most = count("input", input), count("most", most)
        documents = inputs.output == "documents"
        entries = self._native.best(which, most) if documents else self._native.most_likely(which, most)
        return [Found(inputs.name_of(index), index, score) for index, score in entries]

    def numbers(self, *, input: int = 0) -> FloatArray:
        """(rows, outputs), rounded to a grid that hides the noise; an embedding has length 1 where the model's do."""
        return self._native.shown(count("input", input))

    def exact_for_data_owner(self, *, input: int = 0) -> FloatArray:
        """(rows, outputs) with all their noise: for the data owner alone, never for the server or whoever may pass them
        to it."""
        return self._native.exact(count("input", input))

    def __repr__(self) -> str:
        output = self._client._native.inputs.output
        if output == "embedding":
            return f"<Answer: {len(self)} embedding(s) of {self._client._native.inputs.outputs} numbers>"
        found = ", ".join(f"{entry.name!r} {entry.score:g}" for entry in self.best(3))
        return f"<Answer: {output}: {found}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an answer cannot be pickled: it holds exact results, which are for the data owner alone")


class Client:
    """A plan's client folder with a secret key."""

    def __init__(self, plan: str | os.PathLike[str], secret: str | os.PathLike[str]) -> None:
        """Raises FormatError for a damaged or foreign file or a key of another plan, IoError."""
        self._native = _client.load(file_name(plan), file_name(secret))
        self._plan = file_name(plan)

    def encrypt(self, inputs: Inputs, *, context_end: bool = False) -> Request:
        """Texts, images, token ids or embedded arrays (see polyformer.Input), one or as many as the plan takes at a
        time, as a request. Of a text that is too long for a model of next tokens `context_end` takes the end. Raises
        Error naming what does not fit."""
        reader = self._native.inputs
        return Request(_client.encrypt(self._native, read(reader, as_list(reader, inputs), context_end)))

    def decrypt(self, reply: MessageLike, request: MessageLike | None = None) -> Answer:
        """Reads a reply. With the request that was sent, a reply to any other is refused; without it one to another
        request under the same key goes unnoticed. Raises Error or FormatError when it is not what the plan promises,
        InvalidAnswer when what was decrypted cannot be an answer."""
        return Answer(_client.decrypt(self._native, reply, request), self)

    @property
    def output(self) -> str:
        """What comes out: "embedding", "classes", "documents", "next_token" or "tokens"."""
        return self._native.inputs.output

    @property
    def most_inputs(self) -> int:
        """How many inputs a request holds at most."""
        return self._native.most_inputs

    @property
    def security_bits(self) -> int:
        """128, or 0 for parameters without security."""
        return self._native.security_bits

    def __repr__(self) -> str:
        return f"<Client of '{self._plan}', {self.security_bits}-bit security>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a secret key, which can be neither pickled nor copied: its file is where it is kept")


def set_thread_count(threads: int) -> None:
    """Limits what the client computes on to so many threads; all cores by default."""
    _client.set_thread_count(threads)
