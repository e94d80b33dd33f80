"""What encryption will cost, before there is a key."""

from __future__ import annotations

import html
import json
import os
from typing import Any, NamedTuple

from . import _model
from ._inputs import file_name

#: Levels' colours in the picture: used, to spare, left for the bootstrap.
_COLOURS = {"used": "#4269d0", "slack": "#cfd8f0", "kept": "#9c9c9c"}


class Stretch(NamedTuple):
    """What happens between two refreshes: from the request's ciphertexts, or from values that are bootstrapped
    together, to the next bootstraps or the reply."""

    ciphertexts: int
    first: str
    last: str
    levels: int
    used: int
    kept: int
    slack: int


class KeyPoint(NamedTuple):
    """What the plan would take with other keys: "small", "balanced" or "fast"."""

    keys: str
    rotation_keys: int
    key_bytes_file: int
    key_bytes_memory: int
    working_bytes: int
    seconds: float


class Plan:
    """Everything that encrypted inference will do and take. A notebook shows it as a table, with its stretches as a
    picture; print() shows what the command line does."""

    def __init__(self, native: _model.Plan) -> None:
        self._native = native
        #: All numbers, as `polyformer plan --json` has them.
        self.report: dict[str, Any] = json.loads(native.report())

    @property
    def seconds(self) -> float:
        """Estimated, for one request."""
        return float(self.report["seconds"])

    @property
    def security_bits(self) -> int:
        """128, or 0 for parameters without security."""
        return int(self.report["security_bits"])

    @property
    def bootstraps(self) -> int:
        return int(self.report["bootstraps"])

    @property
    def key_bytes(self) -> int:
        """Server keys, in a file."""
        return int(self.report["key_bytes_file"])

    @property
    def memory_bytes(self) -> int:
        """What the server takes: keys, ciphertexts, tables."""
        return int(self.report["key_bytes_memory"]) + int(self.report["working_bytes"])

    @property
    def inputs(self) -> int:
        """How many texts or images a request holds at most."""
        return int(self.report["images"])

    @property
    def stretches(self) -> list[Stretch]:
        return [Stretch(*(entry[name] for name in Stretch._fields)) for entry in self.report["stretches"]]

    @property
    def keys(self) -> str:
        """Which keys the plan takes: "small", "balanced" or "fast"."""
        return str(self.report["keys"])

    @property
    def key_points(self) -> list[KeyPoint]:
        """What each kind of keys would take, the smallest first."""
        return [KeyPoint(*(entry[name] for name in KeyPoint._fields)) for entry in self.report["key_points"]]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes folder/server, for whoever computes (with the model's weights), and folder/client, for data owners.
        Raises IoError, or Error when a folder there holds something else."""
        self._native.save(file_name(folder))

    def __str__(self) -> str:
        return self._native.describe()

    def __repr__(self) -> str:
        security = f"{self.security_bits} bits" if self.security_bits else "INSECURE"
        return f"<Plan: {self.bootstraps} bootstraps, {self.seconds:.1f} s, {security}>"

    def _repr_html_(self) -> str:
        report = self.report
        rows = {
            "estimated time": f"{self.seconds:.1f} s"
            + (f" ({self.seconds / self.inputs:.1f} s each)" if self.inputs > 1 else ""),
            "security": f"{self.security_bits} bits (classical)" if self.security_bits else "<b>none</b>",
            "ring dimension": f"{report['ring_dimension']:,}",
            "packing": (f"{self.inputs} inputs × " if self.inputs > 1 else "")
            + f"{report['tokens']} tokens × {report['features']} features a ciphertext",
            "bootstraps": f"{self.bootstraps} (of {report['bootstrapped_ciphertexts']} ciphertexts)",
            "key switchings": f"{report['key_switches']:,}",
            "server keys": f"{_gib(self.key_bytes)} in a file, {report['rotation_keys']} rotations",
            "server's memory": _gib(self.memory_bytes),
            "request, reply": f"{_gib(report['request_bytes'])}, {_gib(report['reply_bytes'])}",
        }
        cells = "".join(
            f'<tr><td style="text-align:left">{name}</td><td style="text-align:left">{value}</td></tr>'
            for name, value in rows.items()
        )
        return f"<table><tbody>{cells}</tbody></table>{picture(self.stretches)}"


def _gib(count: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.3g} GiB"


def picture(stretches: list[Stretch]) -> str:
    """The levels of each stretch as a bar: used, to spare, and left for the bootstrap at its end. An SVG."""
    unit, height, label = 14, 16, 330
    most = max(stretch.levels for stretch in stretches)
    width = label + unit * most + 10
    bars = []
    for index, stretch in enumerate(stretches):
        y = index * (height + 4)
        title = f"{stretch.first} → {stretch.last} ({stretch.ciphertexts} ciphertexts)"
        shown = title if len(title) <= 52 else title[:51] + "…"
        bars.append(
            f'<text x="0" y="{y + 12}" font-size="11" fill="currentColor">{html.escape(shown)}'
            f"<title>{html.escape(title)}</title></text>"
        )
        x = label
        for part, colour in _COLOURS.items():
            levels: int = getattr(stretch, part)
            if levels > 0:
                bars.append(
                    f'<rect x="{x}" y="{y}" width="{unit * levels - 1}" height="{height}" fill="{colour}">'
                    f"<title>{part}: {levels} levels</title></rect>"
                )
            x += unit * levels
    legend = "".join(
        f'<tspan dx="12" fill="{colour}">■</tspan><tspan> {name}</tspan>'
        for name, colour in zip(("levels used", "to spare", "kept for the bootstrap"), _COLOURS.values())
    )
    y = len(stretches) * (height + 4) + 14
    bars.append(f'<text x="{label - 12}" y="{y}" font-size="11" fill="currentColor">{legend}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{max(width, label + 330)}" height="{y + 8}" '
        f'font-family="sans-serif">{"".join(bars)}</svg>'
    )
