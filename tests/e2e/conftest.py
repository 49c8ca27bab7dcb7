# SPDX-License-Identifier: MIT
"""Shared by all end-to-end tests: how they run whatfiles and read what it wrote.

    run("cat", "/etc/passwd")             whatfiles --all -o LOG cat /etc/passwd
    run(..., options=["-s"], log=False)   no log option but those given
    start(...)                            the same, but still running: a Live
    native("cat", "/etc/passwd")          without whatfiles, else the same
    probe("name")                         tests/probes/name.c, compiled; its path
    assert_nobody_left()                  no process of this test lives any more

The binary is the one that $WHATFILES names, else build/whatfiles; $WHATFILES_ENGINE
is the engine that it is told to use, unless a test names one.  Nothing runs
without a limit of time, and whatever a test leaves running is killed.
"""

import ctypes
import errno
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROBES = TOP / "tests" / "probes"
TIMEOUT = 90
PR_SET_CHILD_SUBREAPER = 36

# What subprocess needs to run something as an ordinary user.
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}


def pytest_configure(config):
    # Orphans of a test become our children, so that none can hide from us.
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    # pytest may have been started with these ignored, by nohup or behind an &.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU:
        signal.signal(number, signal.SIG_DFL)


def pytest_terminal_summary(terminalreporter):
    """Says why tests were skipped, also when nobody asked for -rs."""
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            terminalreporter.write_line(f"skipped {report.nodeid}: {report.longrepr[2]}")


# --- processes ----------------------------------------------------------------


def process_table():
    """pid -> (ppid, state letter, comm) of every process."""
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
        comm = head.partition(b"(")[2].decode(errors="replace")
        table[int(entry)] = (int(fields[1]), fields[0].decode(), comm)
    return table


def descendants(root=None):
    """Processes below @root (default: this one) that are no zombies: [(pid, state, comm)]."""
    table = process_table()
    children = {}
    for pid, (ppid, _, _) in table.items():
        children.setdefault(ppid, []).append(pid)
    found, queue = [], list(children.get(root or os.getpid(), []))
    while queue:
        pid = queue.pop()
        queue += children.get(pid, [])
        if table[pid][1] not in "ZX":
            found.append((pid, table[pid][1], table[pid][2]))
    return found


def wait_until(condition, timeout=60, what="the condition"):
    """Returns the first true value of condition(); fails when there is none in time."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout} s in vain for {what}")
        time.sleep(0.005)


def assert_nobody_left(timeout=30):
    """No process started by this test is left; a moment to die is allowed."""
    end = time.monotonic() + timeout
    while (left := descendants()) and time.monotonic() < end:
        time.sleep(0.005)
    assert left == [], "processes are left behind"


def kill_everybody():
    for _ in range(100):
        left = descendants()
        if not left:
            return
        for pid, _, _ in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


# --- what whatfiles wrote --------------------------------------------------------


def name_of(record, key):
    """The exact bytes of a name in a record, or None."""
    if key + "_hex" in record:
        return bytes.fromhex(record[key + "_hex"])
    value = record.get(key)
    return None if value is None else os.fsencode(value)


class Log(list):
    """The records of a JSONL log, as dicts, in their order."""

    @classmethod
    def parse(cls, data):
        """Parses bytes; every line must be whole and an object."""
        if isinstance(data, str):
            data = data.encode()
        assert data == b"" or data.endswith(b"\n"), f"last line is torn: {data[-200:]!r}"
        return cls(json.loads(line) for line in data.split(b"\n")[:-1])

    def of(self, *types):
        return [r for r in self if r["type"] in types]

    @property
    def header(self):
        assert self[0]["type"] == "header"
        return self[0]

    @property
    def end(self):
        """The end line; it must be the last one and the only one."""
        assert [i for i, r in enumerate(self) if r["type"] == "end"] == [len(self) - 1]
        return self[-1]

    @property
    def gaps(self):
        """kind -> gap of the end line."""
        return {gap["kind"]: gap for gap in self.end["gaps"]}

    def accesses(self, path=None, **want):
        """Accesses by calls, of this path (str or bytes) and with these members."""
        found = [r for r in self.of("access") if "by_kernel" not in r]
        if path is not None:
            found = [r for r in found if name_of(r, "path") == os.fsencode(path)]
        for key, value in want.items():
            found = [r for r in found if r.get(key) == value]
        return found

    def opened_by_kernel(self, **want):
        """What no call opened: interpreters and loaders, at execs."""
        found = [r for r in self.of("access") if "by_kernel" in r]
        for key, value in want.items():
            found = [r for r in found if r.get(key) == value]
        return found

    def processes(self):
        """proc number -> its "start" or "fork" record."""
        return {r["proc"]: r for r in self.of("start", "fork")}


class Result:
    """How a run ended: status as subprocess gives it (-N for signal N), output as bytes."""

    def __init__(self, status, stdout, stderr, log_path=None):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        self.log_path = log_path

    def __repr__(self):
        return f"<status {self.status}, stdout {self.stdout!r}, stderr {self.stderr!r}>"

    @property
    def text(self):
        """The log's bytes."""
        return pathlib.Path(self.log_path).read_bytes()

    @property
    def log(self):
        return Log.parse(self.text)


class Live:
    """A run that goes on: its process, and what to do with it."""

    def __init__(self, popen, log_path=None):
        self.popen = popen
        self.pid = popen.pid
        self.log_path = log_path

    def send(self, signum):
        os.kill(self.pid, signum)

    def log_so_far(self):
        """The whole lines that are in the log now, as a Log."""
        try:
            data = pathlib.Path(self.log_path).read_bytes()
        except FileNotFoundError:
            data = b""
        return Log.parse(data[: data.rfind(b"\n") + 1])

    def wait(self, timeout=TIMEOUT, input=None):
        """Waits for its end and returns the Result; kills everything on expiry."""
        try:
            stdout, stderr = self.popen.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            left = descendants()
            kill_everybody()
            stdout, stderr = self.popen.communicate(timeout=TIMEOUT)
            pytest.fail(f"not over after {timeout} s; {left=} {stdout=} {stderr=}")
        return Result(self.popen.returncode, stdout or b"", stderr or b"", self.log_path)


# --- fixtures -----------------------------------------------------------------


@pytest.fixture(scope="session")
def whatfiles():
    """Path of the binary under test."""
    path = os.path.abspath(os.environ.get("WHATFILES", TOP / "build" / "whatfiles"))
    assert os.access(path, os.X_OK), f"{path} is not there: build it, or set WHATFILES"
    return path


@pytest.fixture(autouse=True)
def _nobody_survives_a_test():
    yield
    kill_everybody()


@pytest.fixture
def start(whatfiles, tmp_path):
    """start(*command, options=["--all"], log="NAME"|None|False, **popen) -> Live.

    log: name of the log in tmp_path (default: a new one, .jsonl); False: no -o.
    stdin is empty; stdout and stderr are pipes; a process group and a session of
    its own unless session=False.
    """
    count = 0

    def start(*command, options=("--all",), log=None, session=True, **popen):
        nonlocal count
        count += 1
        words, path = [whatfiles, *engine_words(options), *options], None
        if log is not False:
            path = tmp_path / (log or f"log-{count}.jsonl")
            words += ["-o", path]
        if command:
            words += ["--", *command]
        return Live(_popen(words, session, popen), path)

    return start


def engine_words(options):
    """The engine that the whole run of the tests is about, unless a test names its own."""
    engine = os.environ.get("WHATFILES_ENGINE")
    named = any(str(word).startswith("--engine") for word in options)
    return [f"--engine={engine}"] if engine and not named else []


def _popen(words, session, popen):
    popen.setdefault("stdin", subprocess.DEVNULL)
    popen.setdefault("stdout", subprocess.PIPE)
    popen.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen(words, start_new_session=session, **popen)


@pytest.fixture
def run(start):
    """run(...) -> Result: start(...) and wait.  Nobody may be left afterwards."""

    def run(*command, timeout=TIMEOUT, input=None, **how):
        if input is not None:
            how["stdin"] = subprocess.PIPE
        result = start(*command, **how).wait(timeout, input)
        assert_nobody_left()
        return result

    return run


@pytest.fixture
def tool(run):
    """tool(*words) -> Result of `whatfiles WORDS...` exactly as given."""

    def tool(*words, **how):
        return run(options=words, log=False, **how)

    return tool


@pytest.fixture
def native():
    """native(*command) -> Result: as run(), without whatfiles."""

    def native(*command, timeout=TIMEOUT, input=None, session=True, **popen):
        if input is not None:
            popen["stdin"] = subprocess.PIPE
        return Live(_popen(list(command), session, popen)).wait(timeout, input)

    return native


def skip_without_i386(program):
    """Skips where the kernel does not execute @program, which is for i386."""
    try:
        subprocess.run([program, "--no-such-case"], capture_output=True, timeout=60)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            pytest.skip("this kernel runs no i386 programs (CONFIG_IA32_EMULATION)")
        raise


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    """probe("name", *gcc options) -> path of tests/probes/name.c, compiled once."""
    room = tmp_path_factory.mktemp("probes")
    room.chmod(0o755)
    built = {}

    def probe(name, *flags):
        key = (name, flags)
        if key not in built:
            out = room / re.sub(r"[^\w.-]", "_", "-".join(key[:1] + flags))
            done = subprocess.run(
                ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-pthread",
                 "-o", out, PROBES / f"{name}.c", *flags],
                capture_output=True, timeout=60,
            )
            if done.returncode and "-m32" in flags:
                pytest.skip("this gcc cannot build for i386 (gcc-multilib)")
            if done.returncode and "-mx32" in flags:
                pytest.skip("this gcc cannot build for x32 (gcc-multilib)")
            assert done.returncode == 0, done.stderr.decode()
            built[key] = str(out)
        if "-m32" in flags:
            skip_without_i386(built[key])
        return built[key]

    return probe


@pytest.fixture
def requires_root():
    """Skips for an ordinary user."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def needs():
    """needs("git", "gcc"): skips when a program is not there."""

    def needs(*programs):
        for program in programs:
            if not shutil.which(program):
                pytest.skip(f"needs {program}, which is not installed")

    return needs


@pytest.fixture
def public(whatfiles):
    """A directory of NOBODY's that everybody may enter, with a copy of the binary in it."""
    # pytest's own directories are for their owner alone
    room = pathlib.Path(tempfile.mkdtemp(prefix="whatfiles-test-"))
    shutil.copy(whatfiles, room / "whatfiles")
    if NOBODY:
        os.chown(room, NOBODY["user"], NOBODY["group"])
    room.chmod(0o755)
    yield room
    shutil.rmtree(room, ignore_errors=True)


@pytest.fixture
def small_disk(tmp_path, requires_root):
    """A file system of 256 KiB."""
    room = tmp_path / "small"
    room.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", room],
                          capture_output=True, timeout=60)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
    yield room
    subprocess.run(["umount", "-l", room], check=True, timeout=60)
