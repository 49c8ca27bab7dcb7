# SPDX-License-Identifier: MIT
"""Runs a command under whatfiles while two others look on: the kernel's syscall tracepoints
(kernel.c, kernel.bpf.c) and fanotify (witness.c).

Neither knows of the other, nor of how whatfiles sees a call. Nothing of tracefs is used, so
nobody's settings are touched: raw tracepoints are attached by bpf(2) and go with the process.
"""

import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent

SHAPES = {"SOCKADDR": 1, "SOCKETCALL": 2, "BPF": 3, "FSCONFIG": 4}
ABIS = ("x86_64", "i386", "x32")

# What is no row of the table and still needed to tell how an interrupted call ended.
RESTART = {(0, 219), (1, 0), (2, 219)}
SIGRETURN = {(0, 15), (1, 119), (1, 173), (2, 513)}

# struct event of kernel.h: ns task pid tid nr type abi flags unused ret ip sp len1 len2 unused
EVENT = struct.Struct("<QQIIiBBBBqQQHHI")
ENTER, EXIT, SIGNAL, GONE, FORK, END = range(1, 7)
NULL1, BAD1, NULL2, BAD2, REFUSED = 1, 2, 4, 8, 16

# The ring of the kernel's side, and how often it is emptied.
RING_KIB = 64 << 10
RING_KIB_MAX = 2048 << 10
NAP_MS = 1


# For whatfiles, if it was built with sanitizers; tests/suites.py says why.
SANITIZERS = {key: os.environ[key] for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
              if key in os.environ}


class Unable(Exception):
    """This machine cannot do it, or not now; the text says why."""


class Lost(Exception):
    """The observer missed events, so that the run proves nothing."""


class TooLong(Exception):
    """The run came to no end in its time."""


class Recorder:
    """Where the code lies that the fast engine puts into the job.

    From two places it makes calls that the filter trusts: those of the job, and its own, which
    the job never asked for and the log does not have. Were they the other way round, nothing
    would compare equal.
    """

    def __init__(self, trusted):
        self.job, self.own = trusted or (None, None)


# --- the table --------------------------------------------------------------------------


class Table:
    """The rows that are compared: all of `--list-syscalls` but the operation "notice".

    Of clone, prctl, seccomp and the like only those calls are traced that could hide a file
    access; they are none themselves.
    """

    def __init__(self, whatfiles, engine=None):
        words = [whatfiles, *([f"--engine={engine}"] if engine else [])]
        listed = [line.split() for line in self.ask(words, "--list-syscalls").splitlines()[1:]]
        trusted = re.findall(r"if ip == (0x\w+)", self.ask(words, "--print-filter"))
        self.recorder = Recorder(sorted(int(ip, 16) for ip in trusted))
        places = self.places()
        self.names = {}
        self.rows = {}
        for name, op, *numbers in (row[:5] for row in listed):
            if op == "notice":
                continue
            for abi, number in enumerate(numbers):
                if number != "-":
                    self.names[abi, int(number)] = name
                    self.rows[abi, int(number)] = places[name, abi]
        self.with_path = {(n, a) for (n, a), (_, path, _) in places.items() if path}
        self.with_to = {(n, a) for (n, a), (_, _, path2) in places.items() if path2}

    @staticmethod
    def ask(words, option):
        done = subprocess.run([*words, option], capture_output=True, text=True, timeout=10,
                              check=True)
        return done.stdout

    @staticmethod
    def places():
        """(name, abi) -> shape, and which arguments are names, counted from 1 (0: none)."""
        found = {}
        for path in (TOP / "bpf-filters").glob("*.def"):
            for line in re.findall(r"^SYS\(.*", path.read_text(), re.M):
                words = [w.strip() for w in line[4:].split(",")]

                def argument(key, line=line):
                    match = re.search(rf"[ ,]\.{key} = A(\d)", line)
                    return int(match[1]) + 1 if match else 0

                place = SHAPES.get(words[6].rstrip(")"), 0), argument("path"), argument("path2")
                for abi, number in enumerate(words[1:4]):
                    if number != "NA":
                        found[words[0], abi] = place
        return found

    def write(self, path):
        lines = [f"{abi} {nr} {' '.join(map(str, row))}\n" for (abi, nr), row in self.rows.items()]
        lines += [f"{abi} {nr} 0 0 0\n" for abi, nr in sorted(RESTART | SIGRETURN)]
        Path(path).write_text("".join(lines))


# --- building and starting --------------------------------------------------------------


def compile_all(room):
    """Compiles both observers into @room; Unable says which package is missing."""
    include = "/usr/include/x86_64-linux-gnu"
    commands = [
        ["clang", "-O2", "-g", "-target", "bpf", "-D__x86_64__", f"-I{include}", "-c",
         HERE / "kernel.bpf.c", "-o", room / "kernel.bpf.o"],
        ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", HERE / "kernel.c",
         "-o", room / "kernel", "-lbpf"],
        ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", HERE / "witness.c",
         "-o", room / "witness"],
    ]
    for command in commands:
        if not shutil.which(command[0]):
            raise Unable(f"{command[0]} is not installed")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if "bpf" in done.stderr and "No such file" in done.stderr:
            raise Unable("libbpf-dev is not installed")
        if done.returncode:
            raise RuntimeError(done.stderr)


class Observer:
    """Both observers, compiled once and used for many runs."""

    def __init__(self, whatfiles, room, engine=None, cpu=None):
        """@engine is for --engine; on processor @cpu runs the job, and whatfiles with it."""
        if os.geteuid() != 0:
            raise Unable("needs root, for BPF and fanotify")
        self.whatfiles = str(Path(whatfiles).resolve())
        self.tracer = [self.whatfiles, *([f"--engine={engine}"] if engine else []), "--all"]
        if cpu is not None:
            # a stop then costs a switch; elsewhere it wakes a processor up from its sleep
            self.tracer = [shutil.which("taskset") or "taskset", "-c", str(cpu), *self.tracer]
        self.room = Path(room)
        self.table = Table(self.whatfiles, engine)
        self.rows = self.room / "rows"
        self.table.write(self.rows)
        compile_all(self.room)
        self.try_out()

    def try_out(self):
        """One run of nothing tells whether kernel and privileges allow it."""
        done = subprocess.run([self.room / "kernel", self.room / "kernel.bpf.o", self.rows,
                               self.room / "try", "1024", "1", "/bin/true"],
                              capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise Unable("no BPF at tracepoints: " + done.stderr.strip().splitlines()[-1])
        witness = Witness(self, self.room / "try", ["/"])
        witness.stop()

    def run(self, command, prepare, cwd, env, timeout, output, fanotify=True):
        """One run of the command under whatfiles; again with a larger ring if events were lost.

        @prepare is called before each try. Without @fanotify only the kernel looks on.
        """
        path = shutil.which(command[0], path=env["PATH"])
        if not path:
            raise Unable(f"{command[0]} is not installed")
        kib = RING_KIB
        room = Path(tempfile.mkdtemp(prefix="run-", dir=self.room))
        while True:
            prepare()
            # an absolute name: else whatfiles' own search is in the kernel's account
            run = Run(self, room, [path, *command[1:]], cwd, env, timeout, kib, output,
                      fanotify)
            if not run.lost:
                return run
            kib *= 4
            if kib > RING_KIB_MAX:
                raise Lost(f"{run.lost} events lost even with {kib // 4} KiB")


class Witness:
    """fanotify, from when this returns until stop()."""

    def __init__(self, observer, out, directories):
        self.out = out
        devices = {os.stat(d).st_dev: d for d in directories}
        self.process = subprocess.Popen([observer.room / "witness", out, *devices.values()],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            why = self.process.communicate()[1].decode().strip()
            raise Unable(f"no fanotify: {why}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Lost("fanotify's witness came to no end") from None
        if self.process.returncode:
            raise Lost(f"fanotify's witness ended with {self.process.returncode}")


class Run:
    """One observed run, and the files that it left in its room: log, events, witness."""

    def __init__(self, observer, room, command, cwd, env, timeout, kib, output, fanotify):
        self.room = room
        self.log = room / "log.jsonl"
        self.events = room / "events"
        self.names = room / "names"
        for path in (self.log, self.events, self.names):
            path.unlink(missing_ok=True)
        words = [observer.room / "kernel", observer.room / "kernel.bpf.o", observer.rows,
                 self.events, str(kib), str(NAP_MS), *observer.tracer, "-o", self.log, "--",
                 *command]
        witness = Witness(observer, self.names, ["/", cwd]) if fanotify else None
        begun = time.monotonic()
        try:
            self.process = subprocess.Popen(words, cwd=cwd, env={**env, **SANITIZERS},
                                            stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, start_new_session=True)
            self.wait(timeout)
        finally:
            if witness:
                witness.stop()
        self.process = None  # so that another process can take this over
        self.seconds = time.monotonic() - begun
        self.status, self.lost = self.ending()

    def wait(self, timeout):
        """Waits; nothing goes on when this is left, however it is left."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TooLong(f"not over after {timeout} s") from None
        finally:
            self.kill()

    def kill(self):
        """Kills whatfiles, and the job with it; the observer then ends by itself."""
        if self.process.poll() is None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            for pid in children.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
            self.process.wait()

    def ending(self):
        """Exit status of whatfiles, and how many events were lost."""
        if self.events.stat().st_size < EVENT.size:
            raise Lost("the kernel's account has no end")
        with open(self.events, "rb") as file:
            file.seek(-EVENT.size, os.SEEK_END)
            fields = EVENT.unpack(file.read())
        if fields[5] != END:
            raise Lost("the kernel's account has no end")
        return fields[4], fields[9]
