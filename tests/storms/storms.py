# SPDX-License-Identifier: MIT
"""What the parts of tests/storms/run share: a bench to work at, runs, processes, accounts."""

import ctypes
import json
import os
import pathlib
import random
import re
import resource
import signal
import struct
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]

# both, unless the run of all tests is about one
ENGINES = ["strict"] if os.environ.get("WHATFILES_ENGINE") == "strict" else ["fast", "strict"]
WORKERS, CALLS, HEAD = 60000, 64, 16  # as in busy.c
PR_SET_CHILD_SUBREAPER = 36


class Wrong(Exception):
    """What was promised did not happen."""


def expect(truth, *what):
    if not truth:
        raise Wrong(" ".join(str(w) for w in what))


def prepare_process():
    """Orphans become our children, so that none can hide from us; nobody dumps core."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


# --- processes ---------------------------------------------------------------------------


def process_table():
    """pid -> (ppid, state letter, name) of every process."""
    table = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path("/proc", entry, "stat").read_bytes()
        except OSError:
            continue
        head, _, rest = stat.rpartition(b")")
        fields = rest.split()
        name = head.partition(b"(")[2].decode(errors="replace")
        table[int(entry)] = (int(fields[1]), fields[0].decode(), name)
    return table


def below_us():
    """[(pid, state, name)] of everybody below us, zombies apart."""
    table, children = process_table(), {}
    for pid, (parent, _, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found, queue = [], list(children.get(os.getpid(), []))
    while queue:
        pid = queue.pop()
        queue += children.get(pid, [])
        if table[pid][1] not in "ZX":
            found.append((pid, *table[pid][1:]))
    return found


def reap():
    """Waits for zombies that became ours."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def expect_nobody(patience=10):
    """Nobody below us lives; who was killed may take a moment to be gone."""
    end = time.monotonic() + patience
    while left := below_us():
        if time.monotonic() > end:
            kill_everybody()
            raise Wrong(f"left alive: {left[:5]}")
        time.sleep(0.005)
    reap()


def kill_everybody():
    """Ends what a failed run left, our own descendants only."""
    for _ in range(100):
        left = below_us()
        if not left:
            break
        for pid, _, _ in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap()
        time.sleep(0.05)


# --- the bench -----------------------------------------------------------------------------


class Bench:
    """A directory to work in, the compiled programs, and the binary."""

    def __init__(self, room):
        self.room = pathlib.Path(room)
        self.whatfiles = os.path.abspath(os.environ.get("WHATFILES", TOP / "build/whatfiles"))
        self.report = self.whatfiles + "-report"
        self.sanitized = b"__asan_init" in pathlib.Path(self.whatfiles).read_bytes()
        # a sanitizer would catch the signals, and end with a status of its own
        self.crashing = dict(os.environ, ASAN_OPTIONS="handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
                             "handle_sigill=0:handle_abort=0:disable_coredump=0")
        self.runs = 0
        self.told = set()

    def program(self, name):
        out = self.room / name
        if not out.exists():
            subprocess.run(
                ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-pthread",
                 "-Wl,-z,now", "-o", out, HERE / f"{name}.c"], check=True, timeout=60)
        return str(out)

    def place(self):
        """A new empty directory."""
        self.runs += 1
        place = self.room / f"run-{self.runs}"
        place.mkdir()
        return place

    def start(self, words, place, **popen):
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([str(w) for w in words], cwd=place, start_new_session=True, **popen)

    def finish(self, process, limit):
        """(status, stdout, stderr); who takes longer hangs, and is killed with all below it."""
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            left = below_us()
            kill_everybody()
            out, err = process.communicate()
            raise Wrong(f"hangs: not over after {limit} s; alive were {left[:6]}; "
                        f"it said {err[-300:]!r}") from None
        return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")

    def say_once(self, text):
        if text not in self.told:
            self.told.add(text)
            print(text)


def read_jsonl(data, torn=False):
    """The records; with torn, a last line without an end is none."""
    whole, _, rest = data.rpartition(b"\n")
    expect(torn or not rest, "the last line is torn:", rest[-100:])
    try:
        return [json.loads(line) for line in whole.split(b"\n") if line]
    except ValueError as error:
        raise Wrong(f"a line that is no JSON: {error}") from None


# --- accounts of busy.c ---------------------------------------------------------------------


class Account:
    """What the table of busy.c says that its workers did."""

    def __init__(self, path):
        data = path.read_bytes() if path.exists() else b""
        data = data or bytes(HEAD)
        self.workers, self.kills, self.wrong, _ = struct.unpack_from("4I", data)
        self.workers = min(self.workers, WORKERS)
        self.data = data[HEAD:]

    def digits(self, worker):
        return self.data[worker * CALLS:(worker + 1) * CALLS].rstrip(b"\0")

    def total(self):
        return sum(len(self.digits(w)) for w in range(self.workers))


def worker_calls(names):
    """worker -> numbers of its calls, from (name, anything...) in their order."""
    made = {}
    for name, *rest in names:
        match = re.fullmatch(r"k-(\d+)-(\d+)", name)
        if match:
            made.setdefault(int(match[1]), []).append((int(match[2]), *rest))
    return made


def accesses(records):
    """(name, errno or result) of calls in a JSONL log."""
    for record in records:
        if record["type"] == "access" and "by_kernel" not in record:
            yield record.get("name", ""), record.get("errno", record.get("result"))


def rounds(args, size, one, what):
    """Calls one(rng, seed, count) until args.count or args.seconds are spent; sums up.

    Each round has a seed of its own, with which it can be repeated alone.
    """
    done, failed, number = 0, 0, 0
    end = time.monotonic() + args.seconds if args.seconds else None
    while (args.count is None or done < args.count) and (end is None or time.monotonic() < end):
        seed = args.seed + number
        count = min(size, args.count - done) if args.count is not None else size
        number += 1
        try:
            done += one(random.Random(f"{what}-{seed}"), seed, count)
        except Wrong as wrong:
            failed += 1
            done += 1
            print(f"{what}: WRONG: {wrong}\n"
                  f"    again: tests/storms/run {what} --seed {seed} --count {count}", flush=True)
            kill_everybody()
        if failed >= args.give_up:
            break
    return done, failed
