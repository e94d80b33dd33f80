"""What a study found: the data in a report that `polyformer study` has written."""

from __future__ import annotations

import json
import os
import pathlib
from dataclasses import dataclass
from typing import Any

from ._inputs import file_name
from .errors import FormatError, IoError

__all__ = ["Result", "Study", "read_study"]

_OPENING = '<script type="application/json" id="study">'


@dataclass(frozen=True)
class Result:
    """What the runs of a variant came to at a stage: the mean over seeds, and their standard deviation."""

    variant: str
    stage: str
    value: float
    deviation: float


class Study:
    """A study's data, whole in `data`."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @property
    def title(self) -> str:
        return str(self.data.get("title", ""))

    @property
    def measure(self) -> str:
        """"accuracy" or "perplexity"."""
        return str(self.data.get("measure", "perplexity"))

    @property
    def variants(self) -> list[str]:
        return [str(variant["name"]) for variant in self.data["variants"]]

    @property
    def results(self) -> list[Result]:
        """A row for each variant and stage, ready for a table or a picture."""
        rows = []
        for variant in self.data["variants"]:
            for stage, found in variant.get("summary", {}).items():
                value = found.get(self.measure) if isinstance(found, dict) else None
                if isinstance(value, dict) and isinstance(value.get("mean"), (int, float)):
                    rows.append(Result(str(variant["name"]), stage, value["mean"], value.get("deviation") or 0.0))
        return rows

    def __repr__(self) -> str:
        return f"<Study: {self.title}, {len(self.variants)} variants>"


def read_study(file: str | os.PathLike[str]) -> Study:
    """From a report.html, or a study.json. Raises IoError when it cannot be read, FormatError when it holds none."""
    name = file_name(file)
    try:
        text = pathlib.Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise IoError(f"cannot read '{name}': {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FormatError(f"'{name}' is no text in UTF-8: {error}") from None
    if text.startswith("<"):
        start = text.find(_OPENING)
        end = text.find("</script>", start)
        if start < 0 or end < 0:
            raise FormatError(
                f"{name}: this page holds no study; give a report.html that `polyformer study` has written"
            )
        text = text[start + len(_OPENING) : end]
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"'{name}' is no JSON: {error}") from None
    variants = data.get("variants") if isinstance(data, dict) and data.get("format") == "polyformer-study" else None
    if not isinstance(variants, list) or not all(isinstance(entry, dict) and "name" in entry for entry in variants):
        raise FormatError(f"'{name}' holds no study of Polyformer")
    return Study(data)
