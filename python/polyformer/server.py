"""The server's role: it loads a plan and a client's keys, and computes on requests that it cannot read.

    server = polyformer.server.Server("plan/server", "server.keys")
    reply = server.infer(request)

The extension module behind it links nothing that knows what a secret key is.
"""

from __future__ import annotations

import os
import threading

from . import _server
from ._inputs import file_name
from ._progress import Bars, Progress
from .errors import Error
from .messages import MessageLike, Reply

__all__ = ["Reply", "Server"]


class Server:
    """A plan with one client's evaluation keys, in memory, ready to answer."""

    def __init__(
        self, plan: str | os.PathLike[str], keys: str | os.PathLike[str], *, progress: Progress = True
    ) -> None:
        """`plan` is the folder for servers that Plan.save() wrote, `keys` the file of server keys that the client made
        for it. What is wrong with either shows before gigabytes are read. Raises FormatError for a damaged or foreign
        file or keys that are not the plan's, IoError, and Error where there is not enough memory."""
        with Bars(progress) as bars:
            self._native = _server.load(file_name(plan), file_name(keys), bars.callback)
        self._lock = threading.Lock()  # one request at a time: each takes all cores
        self._computing_for: int | None = None  # the thread that has the lock
        self._plan = file_name(plan)

    def infer(self, request: MessageLike, *, progress: Progress = True) -> Reply:
        """Computes the model on a request: bytes, or a file. Other threads run meanwhile; Ctrl-C stops it within a
        second. Raises FormatError unless the request was made for this plan and these keys."""
        _server.require_usable_process()  # before a lock that a fork may have left closed
        if self._computing_for == threading.get_ident():
            raise Error("this server is computing, and tells of its progress: ask it again when infer() has returned")
        with self._lock, Bars(progress) as bars:
            self._computing_for = threading.get_ident()
            try:
                data, seconds, profile = _server.infer(self._native, request, bars.callback)
            finally:
                self._computing_for = None
        reply = Reply(data)
        reply.seconds = seconds
        reply.profile = tuple(profile)
        return reply

    @property
    def estimated_seconds(self) -> float:
        """What the plan foresees for a request."""
        return self._native.estimated_seconds

    @property
    def key_bytes(self) -> int:
        """Memory that the keys take."""
        return self._native.key_bytes

    def __repr__(self) -> str:
        return f"<Server of '{self._plan}', keys of {self.key_bytes / 2**30:.1f} GiB>"


def set_thread_count(threads: int) -> None:
    """Limits what the server computes on to so many threads; all cores by default."""
    _server.set_thread_count(threads)
