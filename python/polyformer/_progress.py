"""Progress of long calls, as tqdm's bars or however the caller likes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Union

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of widgets that a notebook lacks: bars are drawn as text there
    from tqdm.auto import tqdm

#: True: a tqdm bar; False: none; or a function that gets title, share done in [0, 1] and what is being done now.
Progress = Union[bool, Callable[[str, float, str], None]]


class Bars:
    """One bar for each title, while the call lasts; calls without progress of their own show none."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar: Any = None
        self._title = ""

    @property
    def callback(self) -> Callable[[str, float, str], None] | None:
        """What the extension modules call."""
        if callable(self._progress):
            return self._progress
        return self._draw if self._progress else None

    def part(self, done: int, count: int, total: int) -> Callable[[str, float, str], None] | None:
        """The same for `count` of `total` pieces of work, of which some are done."""
        tell = self.callback
        if tell is None or count == total:
            return tell
        return lambda title, share, note: tell(title, (done + share * count) / total, note)

    def _draw(self, title: str, share: float, note: str) -> None:
        if title != self._title:
            self.close()
            self._title = title
            self._bar = tqdm(total=100, desc=title, leave=False, bar_format="{desc}: {percentage:3.0f}% {bar} {elapsed} {postfix}")
        self._bar.n = round(100 * share, 1)
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
