# SPDX-License-Identifier: MIT
"""The account of tree/: what a random process tree knows of itself, and what others say of it.

Three accounts of one run are compared: the program's own, the kernel's tracepoints and the
log. Each has the calls of every thread in their order; the log alone has absolute names, and
those are held against the directories that the program knows its names to start in.
"""

import collections
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import compare
import observe
from compare import NONE, NULL, UNREAD

HERE = Path(__file__).resolve().parent

# struct account and struct record of tree/account.h
HEADER = struct.Struct("<QQQQQQ")
RECORD = struct.Struct("<IBBBBIIiiiIqQHHHHHHHH")
CALL, BORN, MADE, EXECUTED, WAITED, SEED = range(1, 7)
GIVEN, IS_NULL, BAD, KNOWN, IN_ROOT, TEXT, SELF = (1 << n for n in range(7))

ACCOUNT_SIZE = 256 << 20


def build(room):
    """Compiles the program into @room: without a library, and where i386 calls can reach it."""
    program = Path(room) / "tree"
    flags = ["-std=gnu17", "-O2", "-Wall", "-static", "-nostdlib", "-ffreestanding", "-no-pie",
             "-fno-pie", "-fno-stack-protector", "-fcf-protection=none", "-s"]
    subprocess.run(["gcc", *flags, *sorted((HERE / "tree").glob("*.c")), "-o", program],
                   check=True, timeout=60)
    return program


# --- the program's account ----------------------------------------------------------------


class Name:
    """A name as the program passed it, and the directory that it knows it to start in."""

    def __init__(self, flags, text, base, root):
        self.flags = flags
        self.text = text
        self.base = base if base != b"/" else b""
        self.root = root

    def passed(self):
        if not self.flags & GIVEN:
            return NONE
        if self.flags & IS_NULL:
            return NULL
        return UNREAD if self.flags & BAD else self.text

    def absolute(self):
        """The name that the log must have, or None where the program does not know."""
        if not self.flags & KNOWN or self.flags & (IS_NULL | BAD | TEXT):
            return None
        if self.flags & SELF:
            return self.base or b"/"
        # what stands behind /proc/self is nobody's knowledge but the kernel's
        if not self.text or self.text.startswith(b"/proc/"):
            return None
        root = self.base if self.flags & IN_ROOT else self.root
        if self.text.startswith(b"/"):
            return join(root, root, self.text)
        # a directory outside of the root: only what was opened before a chroot
        if not below(self.base, root):
            return None
        return join(self.base, root, self.text)


def below(path, root):
    return path == root or path.startswith(root + b"/")


def join(base, root, name):
    """Puts a name behind a directory: ".." counts while no component could be a link."""
    path, exact = base, True
    for part in name.split(b"/"):
        if part in (b"", b"."):
            continue
        if part == b".." and exact:
            path = path.rpartition(b"/")[0] if path != root else path
        else:
            exact = False
            path += b"/" + part
    return path or b"/"


class Told:
    """One record of the program's account."""

    def __init__(self, fields, text):
        (_, self.kind, self.abi, flags1, flags2, self.seed, self.task, self.pid, self.tid,
         self.nr, _, self.result, self.stamp, *lengths) = fields
        parts, at = [], 0
        for length in lengths[:5]:
            parts.append(text[at:at + length])
            at += length + 1
        self.text = parts[0]
        root = parts[4]
        self.names = Name(flags1, parts[0], parts[2], root), Name(flags2, parts[1], parts[3], root)

    def call(self, table):
        """In the form of compare.py."""
        result = self.result if self.stamp else None
        return (table.names.get((self.abi, self.nr), f"number {self.nr}"), self.abi, result,
                self.names[0].passed(), self.names[1].passed())


class Account:
    """Reads the file of the program."""

    def __init__(self, path):
        self.calls = collections.defaultdict(list)  # tid -> Told, in their order
        self.births = set()  # (tid of the creator, tid, whether it is a thread)
        self.made = set()  # tids of those whose creator lived to tell
        self.programs = collections.defaultdict(list)  # pid -> arguments
        self.waited = {}  # pid -> status, None where the number came again
        self.late = []
        self.seeds = {}  # tid -> its seeds
        self.int80 = False
        self.records = 0
        for told in self.read(path):
            self.take(told)
        for calls in self.calls.values():
            self.sort(calls)

    @staticmethod
    def sort(calls):
        """By their order; one that never returned is its task's last.

        A thread that executes a program takes over the number of another task.
        """
        last = collections.defaultdict(int)
        for told in calls:
            key = told.seed, told.task
            last[key] = max(last[key], told.stamp)
        calls.sort(key=lambda told: (told.stamp or last[told.seed, told.task], not told.stamp))

    def read(self, path):
        with open(path, "rb") as file:
            first, end, _, size, full, self.int80 = HEADER.unpack(file.read(HEADER.size))
            if full or not 0 < first <= end <= size:
                raise observe.Lost("the program's account is not whole")
            file.seek(first)
            data = file.read(end - first)
        at = 0
        while at < len(data):
            fields = RECORD.unpack_from(data, at) if at + RECORD.size <= len(data) else (0,)
            # killed before it wrote a word into the room that it took
            if not fields[0]:
                at += 8
                continue
            yield Told(fields, data[at + RECORD.size:at + fields[0]])
            at += fields[0]

    def take(self, told):
        if told.kind != CALL and not told.stamp:
            return  # killed while it wrote
        self.records += 1
        self.seeds.setdefault(told.tid, set()).add(told.seed)
        if told.kind == CALL:
            self.calls[told.tid].append(told)
        elif told.kind == BORN:
            self.births.add((told.result, told.tid, bool(told.nr)))
        elif told.kind == MADE:
            self.made.add(told.nr)
        elif told.kind == EXECUTED:
            words = told.text.split(b"\n")[:-1]
            self.programs[told.pid].append(words)
        elif told.kind == WAITED:
            self.waited[told.nr] = None if told.nr in self.waited else told.result
        elif told.kind == SEED and told.result:
            self.late.append(told.seed)


# --- the others' ---------------------------------------------------------------------------


class Kernel(compare.Kernel):
    """The kernel's account, with who made whom."""

    def __init__(self, *arguments):
        self.births = set()
        super().__init__(*arguments)

    def fork(self, event, *names):
        super().fork(event, *names)
        if event[1] not in self.strangers and event[2] != self.tracer:
            self.births.add((event[3], event[4]))


class Log(compare.Log):
    """The log, with its absolute names and the lives of its processes."""

    def __init__(self, lines, table):
        self.paths = collections.defaultdict(list)  # tid -> (path, to), as self.calls
        self.elsewhere = collections.defaultdict(list)  # likewise: in other mounts than ours
        self.births = set()  # (pid of the parent, pid)
        self.programs = collections.defaultdict(list)
        self.exits = collections.defaultdict(list)
        self.pids = {}
        kept = []
        for line in lines:
            kept.append(line)
            self.life(json.loads(line))
        super().__init__(kept, table)

    def life(self, record):
        kind = record["type"]
        if kind in ("start", "fork"):
            self.pids[record["proc"]] = record["pid"]
        if kind == "fork":
            self.births.add((self.pids.get(record.get("parent")), record["pid"]))
        elif kind == "exec":
            argv = [bytes.fromhex(word["hex"]) if isinstance(word, dict) else os.fsencode(word)
                    for word in record.get("argv", [])]
            self.programs[record["pid"]].append(argv)
        elif kind == "exit":
            self.exits[record["pid"]].append(record)

    def access(self, record, table):
        before = len(self.calls[record["tid"]])
        super().access(record, table)
        if len(self.calls[record["tid"]]) > before:
            self.paths[record["tid"]].append((compare.name_of(record, "path"),
                                              compare.name_of(record, "to")))
            self.elsewhere[record["tid"]].append("mnt_ns" in record)


# --- the comparison ------------------------------------------------------------------------


def same(own, other):
    """Whether the program's call is the one of another account."""
    if own[:2] != other[:2] or (own[2] is not None and own[2] != other[2]):
        return False
    return all(same_name(a, b) for a, b in zip(own[3:], other[3:]))


def same_name(own, other):
    if own == other:
        return True
    if own == NULL:  # the log then has the path of the descriptor's file
        return isinstance(other, compare.Whole)
    # a bad address: the log has no word for it where it is the second name's
    if own == UNREAD:
        return other == b""
    # the kernel may find a page gone, and says so
    return other == UNREAD


def means_next(own, i, others, j):
    """Whether others[j] is rather the program's next call, which was the same once more."""
    if own[i][2] is not None or i + 1 == len(own) or not same(own[i + 1], others[j]):
        return False
    return j + 1 == len(others) or not same(own[i + 1], others[j + 1])


def pair(own, others):
    """Places of the program's calls and another's that are the same, and how many of each
    have one; all of both if there is no difference.

    A thread that was ended by another in its last call does not know whether it was made.
    """
    pairs, i, j = [], 0, 0
    while i < len(own):
        if j < len(others) and same(own[i], others[j]) and not means_next(own, i, others, j):
            pairs.append((i, j))
            j += 1
        elif own[i][2] is not None:
            break
        i += 1
    return pairs, i, j


class Generator:
    """Runs trees of many seeds under one whatfiles."""

    ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

    def __init__(self, observer, room):
        self.observer = observer
        self.room = Path(room)
        self.program = build(room)
        self.account = self.room / "account"

    def prepare(self):
        shutil.rmtree(self.room / "trees", ignore_errors=True)
        (self.room / "trees").mkdir()
        self.account.unlink(missing_ok=True)
        self.account.touch()
        os.truncate(self.account, ACCOUNT_SIZE)

    def observe(self, first, last):
        """The run itself: its files are in run.log, run.events and self.account."""
        command = [str(self.program), str(self.program), str(self.account),
                   str(self.room / "trees"), str(first), str(last)]
        with open(self.room / "output", "w+b") as output:
            run = self.observer.run(command, self.prepare, self.room, self.ENVIRONMENT,
                                    60 + 10 * (last - first), output, fanotify=False)
            output.seek(0)
            said = output.read().decode(errors="replace")
        if run.status:
            raise observe.Lost(f"it ended with status {run.status}: {said[-300:]}")
        return run

    def compare(self, run, lines):
        table = self.observer.table
        log = Log(lines, table)
        if log.root is None or log.end is None:
            raise observe.Lost("the log has no beginning or no end")
        account = Account(self.account)
        return account, Difference(account, Kernel(run.events, table, log.root), log, table), log

    def run(self, first, last):
        run = self.observe(first, last)
        try:
            with open(run.log, "rb") as lines:
                return self.compare(run, lines)
        finally:
            shutil.rmtree(run.room)


class Difference:
    """What is wrong in one run, in words: (seed or None, text)."""

    def __init__(self, own, kernel, log, table):
        self.wrong = []
        self.own = own
        self.seeds = own.seeds
        self.compared = 0
        self.named = 0
        self.unfinished = 0
        self.guessed = 0
        self.tree(own, kernel, log)
        both = compare.Difference(kernel, log)
        for kind in ("missing", "extra", "order"):
            for tid, *call in getattr(both, kind):
                self.say(tid, f"log against kernel: {kind}: {show(call)}")
        for tid in sorted(set(own.calls) | set(kernel.calls) | set(log.calls)):
            told = own.calls.get(tid, [])
            calls = [one.call(table) for one in told]
            self.thread(tid, "kernel", calls, kernel.calls.get(tid, []))
            for i, j in self.thread(tid, "log", calls, log.calls.get(tid, [])):
                self.absolute(tid, told[i], calls[i], log.paths[tid][j], log.elsewhere[tid][j])
            self.compared += len(calls)
            self.unfinished += sum(call[2] is None for call in calls)

    def say(self, tid, text):
        seeds = self.seeds.get(tid, {None})
        self.wrong.append((min(seeds, key=lambda seed: seed or 0), f"thread {tid}: {text}"))

    def thread(self, tid, whose, own, others):
        """Holds a thread's calls against another account; returns which are the same."""
        pairs, i, j = pair(own, others)
        if i < len(own) or j < len(others):
            text = [f"the program and the {whose} differ at its call {i}"]
            text += [f"      both    {show(call)}" for call in own[max(0, i - 3):i]]
            text += [f"      program {show(call)}" for call in own[i:i + 3]]
            text += [f"      {whose:<7} {show(call)}" for call in others[j:j + 3]]
            self.say(tid, "\n".join(text))
        return pairs

    def absolute(self, tid, told, call, paths, elsewhere):
        """Holds the names of one call in the log against where the program knows them to start."""
        for name, path, key in zip(told.names, paths, ("path", "to")):
            want = name.absolute()
            if want is None or (call[2] is None and not path):
                continue
            self.named += 1
            # a descriptor of a mount that went with its namespace: the kernel has nothing to
            # put before the mount's own root (d_path() in fs/d_path.c); only d0 is mounted on
            if elsewhere and want.endswith(b"/d0" + path):
                continue
            if path != want:
                self.say(tid, f"{key} is {path!r} and should be {want!r}: {show(call)}")

    def tree(self, own, kernel, log):
        """Who made whom, what was executed, how each process ended."""
        theirs = {(creator, tid) for creator, tid, _ in own.births}
        for creator, tid in sorted(kernel.births - theirs):
            # ended before it could say a word
            if tid in own.seeds:
                self.say(tid, f"the program does not know that {creator} made it")
        for creator, tid in sorted(theirs - kernel.births):
            self.say(tid, f"the kernel does not know that {creator} made it")
        pids = {told[1]: pid_of(own, told) for told in own.births}
        for creator, tid, thread in sorted(own.births):
            parent = pids.get(creator, creator)
            if thread or (parent, tid) in log.births:
                continue
            # killed inside of fork: the child has another parent when we hear of it
            if tid not in own.made and (log.root, tid) in log.births:
                self.guessed += 1
            else:
                self.say(tid, f"the log does not know that process {parent} made it")
        self.ends(own, log)

    def ends(self, own, log):
        for pid, words in own.programs.items():
            known = [argv for argv in log.programs.get(pid, []) if any(b"@" in w for w in argv)]
            if known != words:
                self.say(pid, f"executed {words}, and the log has {known}")
        for pid, status in own.waited.items():
            ends = log.exits.get(pid, [])
            if status is None or len(ends) != 1:
                if not ends:
                    self.say(pid, "the log has no end of it")
                continue
            want = {"status": status >> 8} if not status & 0x7f else {}
            if any(ends[0].get(key) != value for key, value in want.items()):
                self.say(pid, f"it ended with {status:#x}, and the log has {ends[0]}")


def pid_of(own, told):
    """The process of a task: its own, or that of who made the thread."""
    _, tid, thread = told
    creators = {one[1]: one for one in own.births}
    while thread:
        told = creators.get(told[0])
        if not told:
            break
        _, tid, thread = told
    return tid


def show(call):
    name, abi, result, first, second = call
    names = ", ".join(repr(bytes(n) if isinstance(n, bytes) else n)[:200]
                      for n in (first, second) if n != NONE)
    return f"{observe.ABIS[abi]} {name}({names}) = {'unfinished' if result is None else result}"
