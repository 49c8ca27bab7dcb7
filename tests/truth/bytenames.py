# SPDX-License-Identifier: MIT
"""Random names of bytes, calls made with them, and whether two logs give every byte back.

The calls are made by names.c, all of whose accesses are known beforehand: so the logs must hold
exactly those, one line each, and anything else was forged by a name.
"""

import os
import random
import struct
import subprocess
from pathlib import Path

import logs

HERE = Path(__file__).resolve().parent

CLASSES = "read,write,name,meta,probe,list,exec,dir,socket,process"
COMPONENT_MAX = 255
PATH_MAX = 4095
SUN_PATH_MAX = 107
ROOMS = 40      # directories with odd names, among which the job moves
PROGRAMS = 200  # programs with odd names
SHOWN = 10

# What may go wrong in a log, in pieces: names are made of several of them.
PIECES = [
    b"\n", b"\r", b"\r\n", b"\t", b"\v", b"\f", b"\b", b"\a", b"\x1b", b"\x7f", b"\x01", b"\x1f",
    b"\x1b[2J", b"\x1b]0;title\a", b"\x1b[31m", b"\x9b", b"\xc2\x9b31m", b"\xc2\x85", b"\xc2\xa0",
    b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xe2\x80\xae", b"\xe2\x80\x8e", b"\xe2\x81\xa6",
    b"\xe2\x81\xa9", b"\xd8\x9c", b"\xef\xbb\xbf", b"\xef\xbf\xbd", b"\xef\xbf\xbf",
    b"\xf0\x9f\x98\x80", b"\xcc\x81", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x8a", b"\xed\xa0\x80",
    b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xff", b"\xfe", b"\x80",
    b"\xe2\x80", b"\xf0\x9f\x98", b"\xc3", b"\xf0\x8f\xbf\xbf", b"\xf4\x8f\xbf\xbf", b"\xee\x80\x80",
    b"\\", b"\\\\", b"\\n", b"\\x0a", b"\\x2c", b"\\u202e", b"\\u000a", b"\\x", b"\\u00", b"\\0",
    b"\\\"", b"\"", b"'", b"`", b"$(id)", b"{", b"}", b"[", b"]", b":", b": ", b",", b", ", b",,",
    b",  ", b" ", b"  ", b"%s%n", b"%00", b"&lt;", b"#", b"\\\n", b"<!--", b"]]>",
    b"mode:  read, file: etc, syscall: openat(), PID: 1, process: cat",
    b"\nmode: write, file: etc, syscall: openat(), PID: 1, process: sh\n",
    b", syscall: unlink(), PID: 1, process: rm", b", process: [unknown]", b", to: x", b", error: ENOENT",
    b", result: unknown (killed)", b"[unreadable]", b"[unknown]", b" (deleted)", b"...", b"-", b"~",
    b"\nend: complete, status: 0, processes: 1, calls: 1, accesses: 1, shown: 1\n",
    b"\",\"op\":\"delete", b"\",\"path_hex\":\"2f", b"\"}\n{\"type\":\"end\",\"complete\":true}\n",
    b"\n{\"type\":\"access\",\"t\":1.0,\"proc\":1,\"pid\":1,\"tid\":1,\"op\":\"read\",\"path\":\"x\"}",
    b"\\\",\"x\":\"", b"\\u0022", b"\\ud800", b"null", b"\"}",
]


# --- names ----------------------------------------------------------------------------------


class Names:
    """Names from a seed: random bytes, hostile pieces, characters broken and whole."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.bytes = bytes(b for b in range(1, 256) if b != ord("/"))
        self.every = bytes(b if b not in b"\0/" else 0xff for b in range(256))
        self.kinds = [self.any_bytes, self.any_bytes, self.any_bytes, self.hostile, self.hostile,
                      self.characters, self.broken, self.escapes, self.one]

    def length(self):
        return self.random.choice((self.random.randint(1, 8), self.random.randint(1, 40),
                                   self.random.randint(1, COMPONENT_MAX), COMPONENT_MAX))

    def any_bytes(self):
        return self.random.randbytes(self.length()).translate(self.every)

    def hostile(self):
        pieces = self.random.choices(PIECES, k=self.random.randint(1, 6))
        return b"".join(pieces).replace(b"/", b"")

    def characters(self):
        tops = (0x7f, 0x7ff, 0x2100, 0xffff, 0x10ffff)
        return "".join(chr(self.random.randint(1, self.random.choice(tops)))
                       for _ in range(self.random.randint(1, 60))).encode(errors="surrogatepass")

    def broken(self):
        data = bytearray(self.characters())
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(data))
            data[at:at + self.random.randint(0, 1)] = self.random.choice((b"", b"\x80", b"\xe2"))
            data = data or bytearray(b"\xc3")
        return bytes(data)

    def escapes(self):
        return bytes(self.random.choices(b"\\\\\\xuabtnvfr0123489cdef,, \"'\n\r\t\x1b",
                                         k=self.random.randint(1, 80)))

    def one(self):
        return self.bytes[self.random.randrange(len(self.bytes)):][:1]

    def component(self):
        """A name that a file can have."""
        name = self.random.choice(self.kinds)().translate(self.every)[:COMPONENT_MAX]
        return name if name not in (b".", b"..") else b"..."

    def path(self):
        """One component, or several, mostly relative."""
        chance = self.random.random()
        if chance < 0.7:
            return self.component()
        parts = [self.component() for _ in range(self.random.randint(2, 6 if chance < 0.97 else 60))]
        if chance < 0.8:  # dots and empty ones, which a log may leave out
            parts.insert(self.random.randrange(len(parts)), self.random.choice((b"", b".", b"..")))
        if chance > 0.9:
            parts.insert(0, b"")
        return b"/".join(parts)[:PATH_MAX]


# --- calls ----------------------------------------------------------------------------------

AT_FDCWD, NO_ARGUMENT, EXECUTE, SOCKET_FD = -100, 6, 0xffff, 9
CALL = struct.Struct("<HBBHH6i")
UNIX = struct.pack("<H", 1)
NOWHERE = b"none/"


class Form:
    """How one call takes its names: arguments of which @at are names."""

    def __init__(self, number, call, op, at, *args, changes=False):
        self.number, self.call, self.op, self.at, self.changes = number, call, op, at, changes
        self.args = [*args, *[0] * (6 - len(args))]
        self.to_is_text = op == "symlink"
        self.is_socket = number in (42, 49)


# What could make or remove something gets names where there is no directory.
FORMS = [
    Form(2, "open", "read", [0]), Form(4, "stat", "stat", [0]), Form(6, "lstat", "stat", [0]),
    Form(21, "access", "access", [0]), Form(191, "getxattr", "getxattr", [0]),
    Form(257, "openat", "read", [1], AT_FDCWD), Form(262, "newfstatat", "stat", [1], AT_FDCWD),
    Form(267, "readlinkat", "readlink", [1], AT_FDCWD), Form(332, "statx", "stat", [1], AT_FDCWD),
    Form(254, "inotify_add_watch", "watch", [1], SOCKET_FD),
    Form(42, "connect", "connect", [1], SOCKET_FD),
    Form(49, "bind", "bind", [1], SOCKET_FD, changes=True),
    Form(59, "execve", "exec", [0], changes=True), Form(76, "truncate", "truncate", [0], changes=True),
    Form(80, "chdir", "chdir", [0], changes=True), Form(83, "mkdir", "mkdir", [0], changes=True),
    Form(84, "rmdir", "rmdir", [0], changes=True), Form(87, "unlink", "delete", [0], changes=True),
    Form(90, "chmod", "chmod", [0], changes=True), Form(161, "chroot", "chroot", [0], changes=True),
    Form(82, "rename", "rename", [0, 1], changes=True), Form(86, "link", "link", [0, 1], changes=True),
    Form(88, "symlink", "symlink", [1, 0], changes=True),
    Form(316, "renameat2", "rename", [1, 3], AT_FDCWD, 0, AT_FDCWD, changes=True),
]
ENTER = Form(80, "chdir", "chdir", [0])
PROGRAM = Form(59, "execve", "exec", [0])
LEAF = Form(21, "access", "access", [0])


class Want:
    """One access that both logs must have, and no other between it and the next."""

    def __init__(self, form, names, cwd, program):
        self.form, self.names, self.cwd, self.program = form, names, cwd, program
        self.result = None


class Plan:
    """The calls of one run: a file for names.c, and what the logs must have of them."""

    def __init__(self, names, count, rooms, programs, path):
        self.names, self.rooms, self.programs = names, rooms, programs
        self.cwd, self.program = rooms[0], os.path.basename(programs[0])
        self.wants = []
        self.made = []      # what has a result, in the order of the calls
        self.executed = []  # program, its arguments, its directory
        self.count = 0
        with open(path, "wb") as self.file:
            while self.count < count:
                self.call()

    def call(self):
        chance = self.names.random.random()
        if chance < 0.001:
            self.execute()
        elif chance < 0.002:
            room = self.names.random.choice(self.rooms)
            self.put(ENTER, [room])
            self.cwd = room
        else:
            form = self.names.random.choice(FORMS)
            self.put(form, [self.name(form, n) for n in range(len(form.at))])

    def name(self, form, which):
        name = self.names.path()
        if form.changes and not (which and form.to_is_text):
            name = (NOWHERE + name)[:PATH_MAX]
        return name[:SUN_PATH_MAX] if form.is_socket else name

    def put(self, form, names):
        args, data = list(form.args), [name + b"\0" for name in names]
        if form.is_socket:
            data = [UNIX + data[0]]
            args[2] = len(data[0])
        self.write(form.number, form.at, data, args)
        want = Want(form, names, self.cwd, self.program)
        self.wants.append(want)
        self.made.append(want)

    def execute(self):
        """A child becomes another program, whose argument is a name too."""
        program, name = self.names.random.choice(self.programs), self.names.path()
        self.write(EXECUTE, [], [program + b"\0", name + b"\0"], [0] * 6)
        as_what = os.path.basename(program)
        self.wants.append(Want(PROGRAM, [program], self.cwd, as_what))
        leaf = Want(LEAF, [name], self.cwd, as_what)
        self.wants.append(leaf)
        self.made.append(leaf)
        self.executed.append((program, [name, name, b"leaf"], self.cwd))

    def write(self, number, at, data, args):
        at = [*at, NO_ARGUMENT, NO_ARGUMENT][:2]
        lengths = [*map(len, data), 0, 0][:2]
        self.file.write(CALL.pack(number, *at, *lengths, *args) + b"".join(data))
        self.count += len(data)

    def take_results(self, path):
        """What each call returned, as the program itself was told."""
        results = path.read_bytes()
        if len(results) != 4 * len(self.made):
            raise logs.Forged(f"{len(results) // 4} results of {len(self.made)} calls")
        for want, (result,) in zip(self.made, struct.iter_unpack("<i", results)):
            if want.form is LEAF:  # an exit status
                result = -(-(result >> 8) & 0x7f)
            want.result = result


# --- the comparison -------------------------------------------------------------------------


def absolute(cwd, name):
    """The absolute form of a name, None where a log may have it shorter."""
    if {b"", b".", b".."} & set(name.removeprefix(b"/").split(b"/")):
        return None
    return name if name.startswith(b"/") else cwd + b"/" + name


class Check:
    """Both logs against the plan."""

    def __init__(self, plan):
        self.plan = plan
        self.wrong = []
        self.records = self.lines = 0
        self.kinds = {}
        self.executed = []

    def run(self, jsonl, text):
        wants = iter(self.plan.wants)
        lines = logs.text_log(text)
        for record in logs.jsonl_log(jsonl):
            kind = record["type"]
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if kind == "header":
                self.began(record)
            if kind == "exec":
                self.executed.append((logs.name(record, "exe"), logs.array(record, "argv"),
                                      logs.name(record, "cwd")))
            if kind == "inherited" and record["kind"] in ("file", "directory"):
                self.inherited(record, next(lines, {}))
            if kind == "end":
                self.ended(record, next(lines, {}), next(wants, None))
            if kind != "access":
                continue
            self.records += 1
            want, line = next(wants, None), next(lines, {})
            if want is None or "file" not in line:
                raise logs.Forged(f"more accesses than there were: {record} {line}"[:800])
            self.lines += 1
            for what in self.compare(want, record, line):
                self.wrong.append(f"{what}: {want.form.call} {want.names!r} {record} {line}"[:2000])

    def began(self, record):
        _, command, cwd = self.plan.executed[0]
        if (logs.array(record, "command"), logs.name(record, "cwd")) != (command, cwd):
            self.wrong.append(f"header: {record}"[:2000])

    def inherited(self, record, line):
        """Text tells of what the names and results are read from and written to, too."""
        self.lines += 1
        if (line.get("mode"), line.get("file"), line.get("fd")) != (
                b"inherit", logs.name(record, "path"), b"%d" % record["fd"]):
            self.wrong.append(f"inherited: {record} {line}"[:2000])

    def ended(self, record, line, want):
        """The last record, the last line and whether anything is missing before them."""
        made = len(self.plan.executed) - 1
        expected = {"header": 1, "start": 1, "inherited": 3, "fork": made, "exec": 1 + made, "exit": 1 + made,
                    "access": len(self.plan.wants), "end": 1}
        if want is not None:
            self.wrong.append(f"missing: {want.form.call} {want.names!r}")
        if {k: v for k, v in expected.items() if v} != self.kinds:
            self.wrong.append(f"records of each kind: {self.kinds}, not {expected}")
        if not record["complete"] or line.get("end") != "complete":
            self.wrong.append(f"not complete: {record} {line}")
        if record["written"] != self.records or line.get("shown") != str(self.lines):
            self.wrong.append(f"the end counts other records: {record} {line}")
        for have, planned in zip(self.executed, self.plan.executed):
            if have != planned:
                self.wrong.append(f"exec: {have}, not {planned}"[:2000])

    @staticmethod
    def compare(want, record, line):
        """What is wrong with one record and its line."""
        form, path, to = want.form, logs.name(record, "path"), logs.name(record, "to")
        passed = logs.name(record, "name")
        if (record["call"], record["op"]) != (form.call, form.op) or "path_unknown" in record:
            yield "another call"
        if (path if passed is None else passed) != want.names[0]:
            yield "jsonl: name"
        if absolute(want.cwd, want.names[0]) not in (None, path):
            yield "jsonl: path"
        passed = logs.name(record, "to_name")
        second = want.names[1] if want.names[1:] else None
        if (to if passed is None else passed) != second:
            yield "jsonl: second name"
        if second and (second if form.to_is_text else absolute(want.cwd, second)) not in (None, to):
            yield "jsonl: second path"
        if logs.name(record, "process") != want.program:
            yield "jsonl: process"
        if want.result is not None and record.get("result", -record.get("errno", 0)) != want.result:
            yield f"jsonl: result, which was {want.result}"
        if (line["file"], line.get("to"), line["process"]) != (path, to, want.program):
            yield "text: names"
        if (line["syscall"], line["PID"]) != (b"%s()" % form.call.encode(),
                                              b"%d" % record["pid"]):
            yield "text: call or process"
        if logs.error_of(line) != record.get("errno", 0) or "result" in line:
            yield "text: error"


# --- a run ----------------------------------------------------------------------------------


class Run:
    """Makes the calls under whatfiles, in a directory that is gone afterwards if it may."""

    def __init__(self, whatfiles, room, count, seed, options=(), cpu=None):
        self.room = Path(room).resolve()
        self.names = Names(seed)
        self.command = [whatfiles, "--all", "--failed", f"--events={CLASSES}", *options]
        if cpu is not None:
            self.command = ["taskset", "-c", str(cpu), *self.command]
        self.build()
        self.plan = Plan(self.names, count, self.rooms, self.programs, self.room / "calls")

    def distinct(self, count):
        """That many names that can stand in one directory."""
        found = {}
        while len(found) < count:
            found[self.names.component()] = None
        return list(found)

    def build(self):
        source, program = HERE / "names.c", self.room / "names"
        subprocess.run(["gcc", "-O1", "-nostdlib", "-static", "-fno-pie", "-no-pie",
                        "-fno-stack-protector", "-o", program, source], check=True, timeout=60)
        top = os.fsencode(self.room)
        for folder in (b"rooms", b"programs"):
            os.mkdir(os.path.join(top, folder))
        self.rooms = [os.path.join(top, b"rooms", name) for name in self.distinct(ROOMS)]
        self.programs = [os.path.join(top, b"programs", name) for name in self.distinct(PROGRAMS)]
        for path in self.rooms:
            os.mkdir(path)
        for path in self.programs:
            os.link(program, path)

    def run(self, timeout):
        """Runs; the logs are then at .jsonl and .text."""
        self.jsonl, self.text = self.room / "log.jsonl", self.room / "log.txt"
        self.argument = self.names.component()
        with open(self.room / "calls", "rb") as calls, open(self.room / "results", "wb") as results:
            done = subprocess.run(
                [*self.command, "-o", self.jsonl, "-o", self.text, "--", self.programs[0],
                 self.argument], cwd=self.rooms[0], stdin=calls, stdout=results,
                stderr=subprocess.PIPE, timeout=timeout, check=False)
        if done.returncode or done.stderr:
            raise logs.Forged(f"status {done.returncode}: {done.stderr[-400:]!r}")
        self.plan.take_results(self.room / "results")
        itself = Want(PROGRAM, self.programs[:1], self.rooms[0],
                      os.path.basename(self.programs[0]))
        self.plan.wants.insert(0, itself)
        self.plan.executed.insert(0, (self.programs[0], [self.programs[0], self.argument],
                                      self.rooms[0]))

    def check(self, jsonl=None, text=None):
        """Compares the logs, or others in their place."""
        check = Check(self.plan)
        with open(jsonl or self.jsonl, "rb") as records, open(text or self.text, "rb") as lines:
            check.run(records, lines)
        return check
