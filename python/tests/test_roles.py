"""Client and server: what passes between them, and what either refuses."""

from __future__ import annotations

import copy
import os
import pathlib
import pickle
import subprocess
import sys
import traceback

import numpy as np
import pytest

import polyformer
from polyformer import client, server
from conftest import RING, program, refusal

TEXT = "a b c"


@pytest.fixture(scope="module")
def request_(owner: client.Client) -> polyformer.Request:
    return owner.encrypt(TEXT)


@pytest.fixture(scope="module")
def reply(host: server.Server, request_: polyformer.Request) -> polyformer.Reply:
    return host.infer(request_, progress=False)


def test_the_answer_is_that_of_the_model(
    encoder: polyformer.Model, owner: client.Client, request_: polyformer.Request, reply: polyformer.Reply
) -> None:
    answer = owner.decrypt(reply, request_)
    exact = answer.exact_for_data_owner()[0]
    assert exact / np.linalg.norm(exact) == pytest.approx(encoder.embed(TEXT), abs=0.02)
    assert answer.numbers()[0] == pytest.approx(encoder.embed(TEXT), abs=0.05)
    assert reply.seconds > 0 and len(reply.profile) > 3
    with pytest.raises(polyformer.Error, match="there is no answer 1"):
        answer.numbers(input=1)
    with pytest.raises(polyformer.Error, match="no best entries"):
        answer.best()


def test_both_ends_may_be_the_programs(
    owner: client.Client, plan_folder: pathlib.Path, keys: pathlib.Path, request_: polyformer.Request
) -> None:
    request_.save(keys / "request.bin")
    done = program(
        *["infer", plan_folder / "server", "--keys", keys / "server.keys"],
        *["--request", keys / "request.bin", "--reply", keys / "reply.bin"],
    )
    assert done.returncode == 0, done.stderr
    theirs = owner.decrypt(keys / "reply.bin", keys / "request.bin")
    assert len(theirs) == 1
    assert polyformer.Reply.load(keys / "reply.bin") == (keys / "reply.bin").read_bytes()


def test_several_threads_may_ask_one_server(host: server.Server, owner: client.Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    texts = [TEXT, "h g f"]
    requests = [owner.encrypt(text) for text in texts]
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda one: host.infer(one, progress=False), requests))
    vectors = [owner.decrypt(*pair).numbers()[0] for pair in zip(replies, requests)]
    assert np.dot(*vectors) < 0.9999


def test_a_reply_to_another_request_is_refused(owner: client.Client, reply: polyformer.Reply) -> None:
    with pytest.raises(polyformer.Error) as refused:
        owner.decrypt(reply, owner.encrypt(TEXT))
    assert not isinstance(refused.value, polyformer.FormatError)


def test_damaged_messages_are_refused(
    owner: client.Client, host: server.Server, request_: polyformer.Request, reply: polyformer.Reply
) -> None:
    for message, use in [(bytes(request_), host.infer), (bytes(reply), owner.decrypt)]:
        for cut in (0, 1, 100, len(message) // 2, len(message) - 1):
            with pytest.raises(polyformer.FormatError):
                use(message[:cut])
        for place in range(0, len(message), max(1, len(message) // 24)):
            damaged = bytearray(message)
            damaged[place] ^= 0x55
            with pytest.raises(polyformer.Error):
                use(bytes(damaged))
        with pytest.raises(polyformer.FormatError):
            use(b"something else altogether" * 10)
    with pytest.raises(polyformer.FormatError):
        host.infer(reply)
    with pytest.raises(polyformer.FormatError):
        owner.decrypt(request_)


@pytest.mark.parametrize("given", [None, 7, [1, 2], "no such file", np.zeros(3)])
def test_what_is_no_message_is_refused(owner: client.Client, host: server.Server, given: object) -> None:
    with pytest.raises((TypeError, RuntimeError, polyformer.IoError)):
        host.infer(given, progress=False)  # type: ignore[arg-type]
    with pytest.raises((TypeError, RuntimeError, polyformer.IoError)):
        owner.decrypt(given)  # type: ignore[arg-type]


def test_keys_of_another_plan_are_refused(
    encoder: polyformer.Model, owner: client.Client, plan_folder: pathlib.Path, keys: pathlib.Path, place: pathlib.Path
) -> None:
    encoder.plan(insecure_ring_dimension=2 * RING, progress=False).save(place / "other")
    with pytest.raises(polyformer.Error):
        client.Client(place / "other/client", keys / "secret.key")
    with pytest.raises(polyformer.FormatError) as foreign:
        server.Server(place / "other/server", keys / "server.keys", progress=False)
    arguments = ["infer", place / "other/server", "--keys", keys / "server.keys", "--request", "none", "--reply", "no"]
    (place / "none").write_bytes(b"")
    assert str(foreign.value) == refusal(*arguments[:5], place / "none", "--reply", place / "no")
    with pytest.raises(polyformer.FormatError, match="secret"):
        server.Server(plan_folder / "server", keys / "secret.key", progress=False)
    with pytest.raises(polyformer.FormatError):
        client.Client(plan_folder / "client", keys / "server.keys")


def test_keys_are_not_overwritten_nor_made_insecure(plan_folder: pathlib.Path, keys: pathlib.Path) -> None:
    files = {"secret": keys / "secret.key", "server_keys": keys / "server.keys"}
    with pytest.raises(polyformer.IoError, match="exists already"):
        client.generate_keys(plan_folder / "client", **files, allow_insecure=True)
    new = {"secret": keys / "new.key", "server_keys": keys / "new.keys"}
    with pytest.raises(polyformer.Error) as insecure:
        client.generate_keys(plan_folder / "client", **new, progress=False)
    command = ["keygen", plan_folder / "client", "--secret", keys / "new.key", "--server-keys", keys / "new.keys"]
    assert str(insecure.value) == refusal(*command)
    with pytest.raises(polyformer.Error, match="server keys"):
        client.generate_keys(plan_folder / "client", **new, allow_insecure=True, most_key_bytes=1000, progress=False)
    assert not (keys / "new.key").exists() and not (keys / "new.keys").exists()
    assert os.stat(keys / "secret.key").st_mode & 0o777 == 0o600


def test_inputs_that_do_not_fit_are_refused_before_they_are_encrypted(owner: client.Client) -> None:
    for given in (np.full((3, owner._native.inputs.width), np.nan), np.zeros((3, 5)), [10**6]):
        with pytest.raises(polyformer.Error):
            owner.encrypt(given)
    with pytest.raises(polyformer.Error, match="bound"):
        owner.encrypt(np.full((3, owner._native.inputs.width), 1e9))
    with pytest.raises(polyformer.Error, match="at a time"):
        owner.encrypt([TEXT] * (owner.most_inputs + 1))


def test_a_secret_cannot_leave(owner: client.Client, reply: polyformer.Reply, request_: polyformer.Request) -> None:
    answer = owner.decrypt(reply, request_)
    for holder in (owner, owner._native, answer, answer._native):
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                take(holder)
        assert len(repr(holder)) < 200
    assert pickle.loads(pickle.dumps(request_)) == request_
    assert repr(request_) == str(request_) == f"{request_}" and len(repr(request_)) < 60


def test_a_traceback_shows_no_secret(plan_folder: pathlib.Path, keys: pathlib.Path) -> None:
    """With all local variables, as frameworks show them."""
    owner = client.Client(plan_folder / "client", keys / "secret.key")
    try:
        owner.encrypt(np.zeros((3, 5)))
    except polyformer.Error as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Client of" in shown
    key = (keys / "secret.key").read_bytes()
    assert key[-64:].hex() not in shown and repr(key[-16:])[2:-1] not in shown


def test_a_server_needs_no_client(plan_folder: pathlib.Path, keys: pathlib.Path) -> None:
    """Whoever imports the server alone loads no module that knows a secret."""
    code = "import polyformer.server, sys; print([m for m in sys.modules if m.startswith('polyformer')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "polyformer._server" in loaded
    assert "_client" not in loaded and "_ckks" not in loaded
    assert not any(name in sys.modules for name in ("torch", "sklearn"))
