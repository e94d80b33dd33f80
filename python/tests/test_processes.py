"""Threads that call the same objects, interpreters that end while they do, and forks."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import polyformer
from polyformer import ckks, server

SERVING = """
import os, sys, threading, time
from polyformer import server
host, request = server.Server(sys.argv[1], sys.argv[2], progress=False), sys.argv[3]
begun = threading.Event()
def serve():
    while True:
        host.infer(request, progress=lambda *said: begun.set())
threading.Thread(target=serve, daemon=True).start()
begun.wait()
"""
FORKING = """
child = os.fork()
if child == 0:
    try:
        host.infer(request, progress=False)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
ENCRYPTING = """
import threading
from polyformer import ckks
parameters = ckks.Parameters.preset("leveled_16384", 1024)
secret, encoder = ckks.SecretKey.generate(parameters), ckks.Encoder(parameters)
begun = threading.Event()
def encrypt():
    while True:
        ckks.encrypt_array(encoder, parameters, secret, [0.5, 0.25])
        begun.set()
for _ in range(4):
    threading.Thread(target=encrypt, daemon=True).start()
begun.wait()
"""


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def serving(plan_folder: pathlib.Path, keys: pathlib.Path, owner: object) -> tuple[pathlib.Path, ...]:
    owner.encrypt("a b c").save(keys / "a request")  # type: ignore[attr-defined]
    return plan_folder / "server", keys / "server.keys", keys / "a request"


def test_the_interpreter_may_end_meanwhile(serving: tuple[pathlib.Path, ...]) -> None:
    for code, arguments in [(SERVING, serving), (ENCRYPTING, ())]:
        done = python(code, *arguments)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_process_forked_meanwhile_says_so(serving: tuple[pathlib.Path, ...]) -> None:
    done = python(SERVING + FORKING, *serving)
    assert done.returncode == 0 and "forked while another thread" in done.stdout, done


def test_a_fork_of_what_rests_may_go_on(encoder: polyformer.Model) -> None:
    before = encoder.embed(["a b c"] * 50)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.allclose(encoder.embed(["a b c"] * 50), before) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_servers_progress_cannot_ask_it_again(host: server.Server, owner: object) -> None:
    request = owner.encrypt("a b c")  # type: ignore[attr-defined]
    with pytest.raises(polyformer.Error, match="is computing"):
        host.infer(request, progress=lambda *said: host.infer(request, progress=False))
    assert len(host.infer(request, progress=False)) > 0


def test_threads_may_share_what_is_being_built() -> None:
    """finish() and evaluation_keys() run without the GIL: others add meanwhile."""
    builder, samples = polyformer.GraphBuilder(4, 4), [np.ones((4, 4))] * 20
    parameters = ckks.Parameters.preset("leveled_16384", 1024)
    secret, request = ckks.SecretKey.generate(parameters), ckks.KeyRequest()
    last = builder.input

    def use(_: int) -> None:
        builder.finish(samples)
        ckks.evaluation_keys(parameters, secret, request)

    with ThreadPoolExecutor(4) as pool:
        uses = pool.map(use, range(12))
        for turn in range(400):
            last = builder.linear(last, np.eye(4))
            request.add_rotation(parameters, turn % 40 + 1, turn % 8)
        list(uses)
    assert len(request.rotation_levels) == 40
