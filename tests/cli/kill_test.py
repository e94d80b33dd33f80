#!/usr/bin/env python3
"""Ends commands at random moments, by SIGKILL and by SIGTERM, and looks at what is left.

After each: no process is left running; every file that stood there is what it was or what it was to become; the same
command works at once, comes to the same result as one that was never ended, and leaves no temporary files.

Usage: kill_test.py PROGRAMS [--moments N] [--seed S] [--commands keygen,encrypt,infer,decrypt,train,convert,study]

PROGRAMS is the folder of `polyformer`; train, convert and study need `polyformer-train` beside it. The long form takes
50 moments a command and signal (the default); the test suite takes a few.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROLES = ["keygen", "encrypt", "infer", "decrypt"]
TRAINING = ["train", "convert", "study"]
SIGNALS = [signal.SIGKILL, signal.SIGTERM]
UNFINISHED = 5
LONGEST = 300  # seconds that any one command may take

CONFIG = {
    "model": {"layers": 1, "width": 16, "heads": 2, "context": 8, "feed_forward": 32, "vocabulary": 300},
    "train": {"epochs": 0.4, "batch": 8, "learning_rate": 0.01, "warmup_steps": 5, "validate_every": 10},
    "tune": {"epochs": 0},
    "convert": {"epochs": 0.2, "batch": 8, "learning_rate": 0.001, "range_weight": 0.1},
}
STUDY = {
    "title": "Killed",
    "base": CONFIG,
    "variants": [
        {"name": "a", "measure": {"test": True, "interpreter": True}},
        {"name": "b", "set": {"substitution": {"margin": 0.5}}, "last_stage": "substitute"},
    ],
    "tables": [{"name": "road", "variants": ["a", "b"], "columns": ["train", "substitute", "convert"]}],
}


class Failure(Exception):
    """What must not happen."""


def digests(folder):
    """Every file below a folder with the digest of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def session_members(session):
    """Processes that a command has started and that have not ended."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            members.append(int(entry.name))
    return members


def temporary_files(folder):
    return [str(path) for path in folder.rglob("*") if ".part" in path.name]


class Case:
    """A command in a folder of its own."""

    def __init__(self, programs, folder):
        self.polyformer = str(programs / "polyformer")
        self.folder = folder

    def start(self, arguments):
        log = open(self.folder / "log.txt", "ab")
        return subprocess.Popen(
            [self.polyformer, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )

    def run(self, arguments):
        """Returns the exit code."""
        process = self.start(arguments)
        code = process.wait(LONGEST)
        self.wait_for_end(process.pid)
        return code

    def must(self, arguments):
        code = self.run(arguments)
        if code != 0:
            raise Failure(f"'{' '.join(arguments)}' ended with {code}\n{self.log()}")

    def wait_for_end(self, session):
        end = time.monotonic() + 60  # a trainer saves after the step in hand
        while members := session_members(session):
            if time.monotonic() > end:
                raise Failure(f"processes {members} are left running")
            time.sleep(0.01)

    def log(self):
        return (self.folder / "log.txt").read_text(errors="replace")[-2000:]

    def end_at(self, arguments, moment, number, twice):
        """Starts the command and ends it after `moment` seconds. Returns whether it had come to its end."""
        process = self.start(arguments)
        try:
            code = process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            if twice:
                time.sleep(0.01)
                process.send_signal(number)
            code = process.wait(LONGEST)
        if code not in (0, UNFINISHED, -number) or (number == signal.SIGKILL and code == UNFINISHED):
            raise Failure(f"exit code {code} after {signal.Signals(number).name}\n{self.log()}")
        if number != signal.SIGKILL:
            self.wait_for_end(process.pid)  # after SIGKILL, the next call has to cope with what still saves
            if left := temporary_files(self.folder):
                raise Failure(f"{left} left by {signal.Signals(number).name}")
        self.session = process.pid
        return code == 0


class Command:
    """How a command is tried: what stands there before, what it is, and what it must lead to."""

    def __init__(self, programs, base, name):
        self.programs, self.base, self.name = programs, base, name
        self.arguments = getattr(self, name + "_arguments")()

    def keygen_arguments(self):
        return ["keygen", "plan/client", "--secret", "a.key", "--server-keys", "a.bin", "--allow-insecure"]

    def encrypt_arguments(self):
        return ["encrypt", "plan/client", "--secret", "a.key", "--request", "a.request", "--token-ids", "3", "1", "4"]

    def infer_arguments(self):
        return ["infer", "plan/server", "--keys", "a.bin", "--request", "a.request", "--reply", "a.reply"]

    def decrypt_arguments(self):
        return ["decrypt", "plan/client", "--secret", "a.key", "--reply", "a.reply", "--logits", "a.logits"]

    def train_arguments(self):
        return ["train", "config.json", "--data", "data", "--work", "work"]

    def convert_arguments(self):
        return ["convert", "config.json", "--data", "data", "--work", "work", "--out", "model"]

    def study_arguments(self):
        return ["study", "study.json", "--data", "data", "--work", "work", "--out", "out", "--jobs", "2"]

    def outputs(self):
        return {"keygen": ["a.key", "a.bin"], "encrypt": ["a.request"], "infer": ["a.reply"], "decrypt": ["a.logits"],
                "train": [], "convert": ["model"], "study": []}[self.name]

    def lay_out(self, folder):
        """What the command finds: all that comes before it, and an older output where it may replace one."""
        for name in {"keygen": ["plan"], "encrypt": ["plan", "a.key", "a.request"],
                     "infer": ["plan", "a.bin", "a.request", "a.reply"], "decrypt": ["plan", "a.key", "a.reply", "a.logits"],
                     "train": ["config.json", "data"], "convert": ["config.json", "data", "work", "model"],
                     "study": ["study.json", "data"]}[self.name]:
            source = self.base / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            else:
                shutil.copy2(source, folder / name)

    def state(self, case):
        found = {}
        for name in self.outputs():
            path = case.folder / name
            if path.is_dir():
                found[name] = {k: v for k, v in digests(path).items() if ".part" not in k}
            elif path.exists():
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def check_whole(self, case):
        """That what stands there can be used, be it old or new: the commands after it read it."""
        if self.name == "keygen" and (case.folder / "a.key").exists():
            case.must(["encrypt", "plan/client", "--secret", "a.key", "--request", "try.request", "--token-ids", "3"])
        if self.name == "keygen" and (case.folder / "a.key").exists() and (case.folder / "a.bin").exists():
            case.must(["infer", "plan/server", "--keys", "a.bin", "--request", "try.request", "--reply", "try.reply"])
        if self.name == "encrypt":
            shutil.copy2(self.base / "a.bin", case.folder / "try.bin")
            case.must(["infer", "plan/server", "--keys", "try.bin", "--request", "a.request", "--reply", "try.reply"])
        if self.name == "infer":
            shutil.copy2(self.base / "a.key", case.folder / "try.key")
            case.must(["decrypt", "plan/client", "--secret", "try.key", "--reply", "a.reply"])
        if self.name == "decrypt":
            json.loads((case.folder / "a.logits").read_text())
        if self.name == "convert":
            case.must(["plan", "model"])

    def result(self, case):
        """What must come out alike whether or not the command was ended on its way."""
        if self.name == "train":
            return self.quality(case.folder / "work/train/results.json")
        if self.name == "convert":
            return digests(case.folder / "model")
        if self.name == "study":
            study = json.loads((case.folder / "out/study.json").read_text())
            return [[stage.get(key) for key in ("validation_perplexity", "test_perplexity", "updates")]
                    for variant in study["variants"] for run in variant["runs"] for stage in run["stages"]]
        return None

    @staticmethod
    def quality(file):
        results = json.loads(file.read_text())
        return [results["validation_perplexity"], results["validation_curve"], results["updates"]]

    def once(self, folder, number=None, moment=0.0, twice=False):
        """Lays out, ends it at a moment unless there is no signal, runs it to its end. Returns seconds and result."""
        case = Case(self.programs, folder)
        self.lay_out(folder)
        if number is not None:
            before = self.state(case)
            ended = case.end_at(self.arguments, moment, number, twice)
            if self.name in ("encrypt", "infer", "decrypt", "convert"):
                self.check_old_or_new(case, before)
            if number == signal.SIGTERM:
                self.check_whole(case)
            arguments = self.arguments
            if self.name == "keygen" and any((case.folder / name).exists() for name in self.outputs()):
                arguments = [*arguments, "--force"]  # keys are not replaced without
            case.must(arguments)
            case.wait_for_end(case.session)
            if left := temporary_files(folder):
                raise Failure(f"{left} left by {signal.Signals(number).name} and by the next call")
            self.check_whole(case)
            return ended, self.result(case)
        start = time.monotonic()
        case.must(self.arguments)
        return time.monotonic() - start, self.result(case)

    def check_old_or_new(self, case, before):
        """Encryption is random, so that of a file only its being there can be told; a folder is the old or the new."""
        after = self.state(case)
        if after.keys() != before.keys():
            raise Failure(f"{sorted(before)} stood there, now {sorted(after)}")
        if self.name == "convert" and after["model"] not in (before["model"], self.expected):
            raise Failure(f"the model folder is neither the old nor the new one: {sorted(after['model'])}")


def write_texts(folder):
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "birds", "fly"]
    folder.mkdir()
    for split, lines in (("train", 600), ("valid", 60), ("test", 60)):
        source = random.Random(split)
        text = "".join(
            " ".join(source.choice(words) + chr(97 + source.randrange(26)) for _ in range(12)) + " .\n"
            for _ in range(lines)
        )
        (folder / f"wiki.{split}.tokens").write_text(text)


def prepare(programs, base, commands):
    case = Case(programs, base)
    case.must(["random-model", "random", "--layers", "1", "--width", "16", "--heads", "2", "--context", "8",
               "--feed-forward", "32", "--vocabulary", "40"])
    if set(commands) & set(ROLES):
        case.must(["plan", "random", "--insecure-ring-dimension", "2048", "--out", "plan"])
        for name in ROLES:
            case.must(Command(programs, base, name).arguments)
    if set(commands) & set(TRAINING):
        write_texts(base / "data")
        (base / "config.json").write_text(json.dumps(CONFIG))
        (base / "study.json").write_text(json.dumps(STUDY))
        case.must(Command(programs, base, "train").arguments)
        shutil.copytree(base / "random", base / "model")  # an older model, another one


def try_command(programs, base, root, name, moments, source):
    command = Command(programs, base, name)
    folder = root / "whole"
    folder.mkdir()
    seconds, expected = command.once(folder)
    command.expected = expected
    shutil.rmtree(folder)
    failures, ended = [], 0
    for number in SIGNALS:
        for index in range(moments):
            moment, twice = source.uniform(0, 1.1 * seconds), source.random() < 0.3
            folder = root / "case"
            folder.mkdir()
            try:
                came_to_its_end, result = command.once(folder, number, moment, twice)
                ended += came_to_its_end
                if result != expected:
                    raise Failure(f"another result than without: {result} instead of {expected}")
            except (Failure, subprocess.TimeoutExpired, OSError, ValueError) as error:
                failures.append(f"{name}: {signal.Signals(number).name} after {moment:.3f} s (moment {index}): {error}")
                print(failures[-1], flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{name}: {moments} moments a signal in {seconds:.2f} s, {ended} of them too late; {len(failures)} failures",
          flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=Path)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", default=",".join(ROLES + TRAINING))
    options = parser.parse_args()
    programs = options.programs.resolve()
    commands = options.commands.split(",")
    if unknown := set(commands) - set(ROLES + TRAINING):
        parser.error(f"unknown commands {sorted(unknown)}")
    failures = []
    with tempfile.TemporaryDirectory(prefix="polyformer-kill-") as scratch:
        root = Path(scratch)
        base = root / "base"
        base.mkdir()
        prepare(programs, base, commands)
        for name in commands:
            failures += try_command(programs, base, root, name, options.moments, random.Random(f"{options.seed} {name}"))
    print(f"{len(failures)} failures (seed {options.seed})")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
