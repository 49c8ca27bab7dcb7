# SPDX-License-Identifier: MIT
"""What runs already: from attaching to leaving, the log is what the kernel's tracepoints saw.

The kernel's account begins with the job and ends with it, so it has more than the log. In each
thread the log must be one piece of it without a hole, and that piece must not begin late nor
end early: a call that lies between the lines "attach" and "detach" as a whole has to be in it.
Both clocks are the same, and the log's has another zero, which follows from the calls
themselves: each is told behind its end and before the thread's next one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import compare
import observe
from test_truth import ENVIRONMENT, observer, whatfiles  # fixtures

# Starts the job, attaches whatfiles to it when it says so, and ends the job behind that.
DRIVER = """
import os, signal, subprocess, sys, time
whatfiles, log, seconds, room, *job = sys.argv[1:]
os.chdir(room)
child = subprocess.Popen(job, stdout=subprocess.PIPE, start_new_session=True)
assert child.stdout.readline() == b"ready\\n"
done = subprocess.run([*whatfiles.split(), "-o", log, "--for", seconds, "-p", str(child.pid)])
print("job", child.pid, flush=True)
if done.returncode:
    sys.exit(done.returncode)
time.sleep(0.05)
os.killpg(child.pid, signal.SIGTERM)
child.wait()
"""

THREADS = """
import itertools, os, threading
def work(n):
    os.mkdir(f"d{n}")
    for i in itertools.count():
        with open(f"d{n}/f{i}", "w") as f:
            f.write("x")
        os.stat(f"d{n}/f{i}")
        try:
            os.stat(f"d{n}/none{i}")
        except OSError:
            pass
        os.rename(f"d{n}/f{i}", f"d{n}/g{i}")
        os.unlink(f"d{n}/g{i}")
for n in range(4):
    threading.Thread(target=work, args=[n]).start()
print("ready", flush=True)
"""

MAKEFILE = """
all: $(foreach i,$(shell seq 1 2000),o/$i)
o/%:
	@mkdir -p o; cat Makefile none 2>/dev/null >$@.new || mv $@.new $@
"""

FORKS = """
import os
os.write(1, b"ready\\n")
while True:
    if os.fork() == 0:
        os.stat("/etc/hostname")
        os.execv("/bin/cat", ["cat", "/etc/hostname", "/etc/none"])
    os.wait()
"""


class Timed(compare.Kernel):
    """The kernel's account with the times at which each call began and ended."""

    def __init__(self, *args):
        self.now = 0
        self.began = {}
        self.times = {}
        super().__init__(*args)

    def enter(self, event, first, second):
        self.now = event[0]
        super().enter(event, first, second)
        if event[1] in self.begun:
            self.began.setdefault(event[1], event[0])

    def exit(self, event, first, second):
        self.now = event[0]
        super().exit(event, first, second)

    def gone(self, event, *rest):
        self.now = event[0]
        super().gone(event, *rest)

    def put(self, task, begun, result):
        super().put(task, begun, result)
        self.times.setdefault(self.tids[task], []).append((self.began.pop(task, self.now),
                                                           self.now))

    def forget_launch(self):
        """The job itself starts nobody by whatfiles: all of it counts."""


class TimedLog(compare.Log):
    """The log with the time of each call in it, and the moments of coming and going."""

    def __init__(self, lines, table):
        self.times = {}
        self.now = 0
        super().__init__(lines, table)
        moments = {"attach": [], "detach": []}
        for record in map(json.loads, lines):
            if record["type"] in moments:
                moments[record["type"]].append(round(record["t"] * 1e9))
        self.come, self.gone = max(moments["attach"]), min(moments["detach"])

    def access(self, record, table):
        before = len(self.calls.get(record["tid"], ()))
        super().access(record, table)
        if len(self.calls.get(record["tid"], ())) > before:
            self.times.setdefault(record["tid"], []).append(round(record["t"] * 1e9))


def places_of(theirs, ours):
    """Where in the kernel's calls of a thread the log's can be, without a hole."""
    return [at for at in range(len(theirs) - len(ours) + 1)
            if all(compare.same(a, b, False) for a, b in zip(theirs[at:], ours))]


class Accounts:
    """Both accounts of one run, put beside each other."""

    def __init__(self, kernel, log):
        self.kernel, self.log = kernel, log
        self.wrong = []
        self.compared = sum(len(calls) for calls in log.calls.values())
        self.places = {}
        # what the log's times are short of: at least and at most
        self.least, self.most = 0, 1 << 63
        found = {tid: places_of(kernel.calls.get(tid, []), ours)
                 for tid, ours in log.calls.items()}
        # whoever repeats himself is put where the times of the others allow it
        for tid in sorted(found, key=lambda tid: len(found[tid])):
            self.put(tid, found[tid])
        self.find_missing()

    def put(self, tid, places):
        for at in places:
            least, most = self.zero(tid, at)
            if max(self.least, least) <= min(self.most, most):
                self.least, self.most = max(self.least, least), min(self.most, most)
                self.places[tid] = at
                return
        self.wrong.append((tid, "no piece of the kernel's", len(places), self.log.calls[tid][:9]))

    def zero(self, tid, at):
        """From where to where the zero of the log's clock can be for this thread."""
        least, most = 0, 1 << 63
        theirs, calls = self.kernel.times[tid], self.kernel.calls[tid]
        for i, told in enumerate(self.log.times[tid], at):
            # an exec that succeeds is told at the new program's start, before it returns
            executed = calls[i][0].startswith("execve") and calls[i][2] == 0
            least = max(least, theirs[i][0 if executed else 1] - told)
            if i + 1 < len(theirs):
                most = min(most, theirs[i + 1][0] - told)
        return least, most

    def find_missing(self):
        """Calls that lie in between as a whole, and are not in the log."""
        begin, end = self.log.come + self.most, self.log.gone + self.least
        for tid, calls in self.kernel.calls.items():
            at = self.places.get(tid, 0)
            told = range(at, at + len(self.log.calls.get(tid, ())))
            for i, (began, ended) in enumerate(self.kernel.times[tid]):
                if i not in told and began > begin and ended < end:
                    self.wrong.append((tid, "missing", calls[i]))


class Observed:
    """A job that was attached to while the kernel looked on, and what both say."""

    def __init__(self, observer, room, job, seconds):
        (room / "job").mkdir()
        (room / "job" / "Makefile").write_text(MAKEFILE)
        log = room / "log.jsonl"
        events = room / "events"
        words = [observer.room / "kernel", observer.room / "kernel.bpf.o", observer.rows, events,
                 str(observe.RING_KIB), str(observe.NAP_MS), sys.executable, "-c", DRIVER,
                 f"{observer.whatfiles} --all", log, seconds, room / "job", *job]
        done = subprocess.run(words, env={**ENVIRONMENT, **observe.SANITIZERS}, timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.root = int(done.stdout.split("job ")[1])
        self.table = observer.table
        self.events = events
        self.lines = log.read_bytes().splitlines()
        with open(events, "rb") as file:
            file.seek(-observe.EVENT.size, os.SEEK_END)
            assert observe.EVENT.unpack(file.read())[9] == 0, "events were lost"

    def against(self, lines):
        return Accounts(Timed(self.events, self.table, self.root), TimedLog(lines, self.table))


def look_on(observer, room, job, least=100):
    """One run with that many calls in it, however slow the machine is."""
    for seconds in (1, 4, 16):
        (room / str(seconds)).mkdir()
        observed = Observed(observer, room / str(seconds), job, str(seconds))
        if sum(b'"type":"access"' in line for line in observed.lines) >= least:
            return observed
    pytest.fail(f"fewer than {least} calls in {seconds} seconds")


def check(observed):
    accounts = observed.against(observed.lines)
    print(f"{accounts.compared} calls of {len(accounts.log.calls)} threads compared")
    assert not accounts.wrong, accounts.wrong[:10]
    assert accounts.log.end["complete"], accounts.log.end


@pytest.fixture(scope="module")
def threads(observer, tmp_path_factory):
    return look_on(observer, tmp_path_factory.mktemp("threads"), [sys.executable, "-c", THREADS])


def test_threads(threads):
    check(threads)


def test_make(observer, tmp_path):
    check(look_on(observer, tmp_path, ["sh", "-c", "echo ready; make -j2 -s"]))


def test_forks(observer, tmp_path):
    check(look_on(observer, tmp_path, [sys.executable, "-c", FORKS]))


def test_a_log_with_a_hole_is_found_out(threads):
    """And one that begins late or ends early."""
    places = [i for i, line in enumerate(threads.lines) if b'"type":"access"' in line]
    for at in (places[0], places[len(places) // 2], places[-1]):
        assert threads.against(threads.lines[:at] + threads.lines[at + 1:]).wrong, at
