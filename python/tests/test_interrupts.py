"""Ctrl-C, and progress that stops the work."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
import warnings
from collections.abc import Iterator

import pytest

import polyformer
from polyformer import client, server
from conftest import CHECKPOINT, CONTEXT


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Shells start what runs in the background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Stopper:
    """Presses Ctrl-C when work begins to report, or raises an error of its own."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[tuple[str, float, str]] = []

    def __call__(self, title: str, share: float, note: str) -> None:
        self.calls.append((title, share, note))
        assert threading.current_thread() is threading.main_thread()
        if self.error is not None:
            raise self.error
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_stops_an_import(calibration: pathlib.Path, tmp_path: pathlib.Path) -> None:
    stopper = Stopper()
    with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt):
        warnings.simplefilter("ignore")
        polyformer.Model.import_huggingface(
            CHECKPOINT,
            calibrate=calibration,
            context=CONTEXT,
            texts=20000,
            loss=1e-9,
            out=tmp_path / "model",
            progress=stopper,
        )
    # How far the first of its passes is when it first says so depends on the machine.
    assert len(stopper.calls) == 1, "nothing is reported once it has stopped"
    assert list(tmp_path.iterdir()) == [], "nothing half done stays"


def test_an_error_of_the_callers_stops_keys(plan_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    files = {"secret": tmp_path / "secret.key", "server_keys": tmp_path / "server.keys"}
    with pytest.raises(ZeroDivisionError):
        client.generate_keys(
            plan_folder / "client", **files, allow_insecure=True, progress=Stopper(ZeroDivisionError())
        )
    assert list(tmp_path.iterdir()) == []


def test_a_server_answers_after_an_interruption(
    host: server.Server, owner: client.Client, encoder: polyformer.Model
) -> None:
    request = owner.encrypt("a b c")
    with pytest.raises(KeyboardInterrupt):
        host.infer(request, progress=Stopper())
    titles = Stopper(None).calls
    answer = owner.decrypt(host.infer(request, progress=lambda *said: titles.append(said)), request)
    assert len(answer) == 1
    assert titles[-1][:2] == ("computing on ciphertext", 1.0)


def test_other_threads_run_meanwhile(host: server.Server, owner: client.Client) -> None:
    request = owner.encrypt("a b c")
    turns = 0
    done = threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            done.wait(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    before = turns
    host.infer(request, progress=False)
    assert turns > before + 5
    done.set()
    counter.join()
