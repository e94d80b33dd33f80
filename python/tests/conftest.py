"""A tiny encoder of letters (tests/model/data/checkpoints/bert-mean), imported, planned in a ring without security."""

from __future__ import annotations

import os
import pathlib
import subprocess
import warnings

import pytest

import polyformer
from polyformer import client, server

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "tests/model/data/checkpoints/bert-mean"
CONTEXT = 8
RING = 2048


def letters(lines: int) -> str:
    """Lines of letters a to h."""
    words = ((i * 5 + word * (i % 7 + 1) + i // 11) % 8 for i in range(lines) for word in range(2 + i % 6))
    return "".join(
        " ".join(chr(ord("a") + next(words)) for _ in range(2 + i % 6)) + "\n" for i in range(lines)
    )


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The program `polyformer`."""
    path = pathlib.Path(os.environ["POLYFORMER_PROGRAMS"]) / "polyformer"
    # AddressSanitizer's runtime, when Python needs it preloaded, is none of the program's.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    environment.setdefault("POLYFORMER_COSTS", "builtin")  # nothing is measured, and told on standard error, first
    command = [path, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def refusal(*arguments: object) -> str:
    """What the program says when it refuses."""
    done = program(*arguments)
    assert done.returncode != 0 and done.stderr.startswith("error: "), done
    return done.stderr.removeprefix("error: ").rstrip("\n")


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("polyformer")


@pytest.fixture(scope="session")
def calibration(place: pathlib.Path) -> pathlib.Path:
    file = place / "lines.txt"
    file.write_text(letters(450))
    return file


@pytest.fixture(scope="session")
def encoder(place: pathlib.Path, calibration: pathlib.Path) -> polyformer.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes on a random model
        return polyformer.Model.import_huggingface(
            CHECKPOINT,
            calibrate=calibration,
            context=CONTEXT,
            texts=300,
            loss=0.01,
            escape=0.01,
            out=place / "encoder",
            progress=False,
        )


@pytest.fixture(scope="session")
def plan_folder(place: pathlib.Path, encoder: polyformer.Model) -> pathlib.Path:
    encoder.plan(insecure_ring_dimension=RING, progress=False).save(place / "plan")
    return place / "plan"


@pytest.fixture(scope="session")
def keys(place: pathlib.Path, plan_folder: pathlib.Path) -> pathlib.Path:
    """A folder with secret.key and server.keys."""
    client.generate_keys(
        plan_folder / "client",
        secret=place / "secret.key",
        server_keys=place / "server.keys",
        allow_insecure=True,
        progress=False,
    )
    return place


@pytest.fixture(scope="session")
def owner(plan_folder: pathlib.Path, keys: pathlib.Path) -> client.Client:
    return client.Client(plan_folder / "client", keys / "secret.key")


@pytest.fixture(scope="session")
def host(plan_folder: pathlib.Path, keys: pathlib.Path) -> server.Server:
    return server.Server(plan_folder / "server", keys / "server.keys", progress=False)
