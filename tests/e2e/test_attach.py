# SPDX-License-Identifier: MIT
"""Attaching to what runs already, and leaving it as it was."""

import os
import select
import signal
import subprocess
import sys
import time

import pytest

from conftest import NOBODY, Log, assert_nobody_left, descendants, name_of, wait_until

PYTHON = sys.executable

# Says "ready", then does a step of its own for each line that it gets, and says so.
SERVANT = """
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"signal\\n"))
os.write(1, b"ready\\n")
for line in sys.stdin:
    os.stat(line.strip())
    os.write(1, b"done\\n")
"""


class Target:
    """A process of ours that is told what to do."""

    def __init__(self, words=(PYTHON, "-uc", SERVANT), ready=b"ready\n", **popen):
        popen.setdefault("start_new_session", True)
        self.popen = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      bufsize=0, **popen)
        self.pid = self.popen.pid
        if ready:
            self.expect(ready)

    def expect(self, *lines):
        """The next lines that it says are these, in any order."""
        assert sorted(self.line() for _ in lines) == sorted(lines)

    def line(self):
        ready, _, _ = select.select([self.popen.stdout], [], [], 60)
        assert ready, "it says nothing"
        return self.popen.stdout.readline()

    def signal(self):
        """Python runs a handler at its next instruction, which comes with the next line."""
        os.kill(self.pid, signal.SIGUSR1)
        self.popen.stdin.write(b"/\n")
        self.expect(b"done\n", b"signal\n")

    def stat(self, path):
        self.popen.stdin.write(os.fsencode(f"{path}\n"))
        self.expect(b"done\n")

    def end(self):
        self.popen.stdin.close()
        assert self.popen.wait(60) == 0


def status(pid, key):
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return next(line.split()[1] for line in file if line.startswith(key + ":"))


def assert_free(pid, state="S"):
    assert status(pid, "TracerPid") == "0"
    wait_until(lambda: status(pid, "State") == state, what=f"PID {pid} in state {state}")


@pytest.fixture
def attach(start):
    """attach(pid, ..., options=[...]) -> Live, whose record has begun."""

    def attach(*pids, options=()):
        words = [word for pid in pids for word in ("-p", str(pid))]
        live = start(options=["--all", *options, *words])
        wait_until(lambda: live.log_so_far().of("attach") or live.popen.poll() is not None,
                   what="the beginning of the record")
        return live

    return attach


def leave(live, signum=signal.SIGINT):
    """Asks it to leave; what it wrote."""
    live.send(signum)
    done = live.wait()
    assert (done.status, done.stderr) == (0, b"")
    assert done.log.end["complete"], done.log.end
    return done.log


def paths(log, **want):
    return [os.fsdecode(name_of(r, "path")) for r in log.accesses(**want)]


# --- coming and going ---------------------------------------------------------------


@pytest.mark.parametrize("signum", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_an_idle_process_is_left_at_once(attach, signum):
    """It does nothing at all, so that no stop of its helps us to notice."""
    target = Target()
    log = leave(attach(target.pid), getattr(signal, signum))
    assert_free(target.pid)
    assert [r["pid"] for r in log.of("attach")] == [target.pid]
    assert [r["pid"] for r in log.of("detach")] == [target.pid]
    assert not log.of("exit") and "status" not in log.end
    target.stat("/")
    target.end()


@pytest.mark.parametrize("option", ["--for", "--detach-after"])
def test_leaving_after_a_while(start, option):
    target = Target()
    done = start(options=["--all", option, "200ms", "-p", str(target.pid)]).wait()
    assert (done.status, done.stderr) == (0, b"")
    assert done.log.end["complete"] and done.log.of("detach")
    assert_free(target.pid)
    target.end()


def test_what_is_done_meanwhile_is_told(attach, tmp_path):
    """And nothing of before and behind."""
    names = [str(tmp_path / name) for name in ("before", "meanwhile", "behind")]
    for name in names:
        open(name, "w", encoding="utf-8").close()
    target = Target(cwd=tmp_path)
    target.stat(names[0])
    live = attach(target.pid)
    target.stat("meanwhile")
    log = leave(live)
    target.stat(names[2])
    assert [p for p in paths(log) if p in names] == names[1:2]
    come = log.of("attach")[0]
    assert come["cwd"] == str(tmp_path) and come["argv"][1] == "-uc"
    assert come["exe"] == os.path.realpath(f"/proc/{target.pid}/exe")
    assert come["ppid"] == os.getpid() and come["parent"] == 0
    assert {r["fd"]: r["kind"] for r in log.of("inherited")}[0] == "pipe"
    assert log.header["attached"] == [target.pid] and log.header["command"] == []
    target.end()


def test_events_narrow_what_is_told(attach, tmp_path):
    target = Target()
    live = attach(target.pid, options=["-e", "write"])
    target.stat(tmp_path)
    assert not leave(live).accesses()
    target.end()


def test_text(start):
    target = Target()
    with open("/etc/hostname", "rb") as file:
        other = subprocess.Popen(["sleep", "60"], stdin=file)
    live = start(options=["-s", "-e", "read", "--for", "300ms", "-p", str(other.pid), "-p",
                          str(target.pid)], log=False)
    lines = live.wait().stdout.decode().splitlines()
    assert (f"mode: inherit, file: /etc/hostname, syscall: attach(), PID: {other.pid}, "
            "process: sleep, fd: 0") in lines
    assert lines[-1].startswith("end: complete, processes: 2, calls: ")


def test_the_end_of_the_last_one(attach):
    """Its own parent has its status, and ours is that of a record that is whole."""
    target = Target([PYTHON, "-uc", "print('ready'); exit(int(input()))"])
    live = attach(target.pid)
    target.popen.stdin.write(b"7\n")
    done = live.wait()
    assert target.popen.wait(60) == 7
    assert done.status == 0 and done.log.end["complete"]
    assert [r["status"] for r in done.log.of("exit")] == [7]
    assert not done.log.of("detach")


def test_leaving_at_an_exec(attach):
    target = Target(["sh", "-c", "echo ready; while read line; do /bin/echo done; done"])
    live = attach(target.pid, options=["--until-exec", "ech[o]"])
    target.popen.stdin.write(b"\n")
    target.expect(b"done\n")
    done = live.wait()
    assert done.status == 0 and done.log.end["complete"]
    assert [r["argv"] for r in done.log.of("exec")] == [["/bin/echo", "done"]]
    assert_free(target.pid)
    target.popen.stdin.write(b"\n")
    target.expect(b"done\n")
    target.end()


def test_whatfiles_is_killed(attach):
    """Nothing of ours is needed for them to go on."""
    target = Target()
    live = attach(target.pid)
    target.stat("/")
    live.send(signal.SIGKILL)
    live.wait()
    assert_free(target.pid)
    target.stat("/")
    target.end()


# --- stops and signals ------------------------------------------------------------------


def changes(pid):
    """What the parent of @pid has to hear of it now."""
    heard = []
    while True:
        got, how = os.waitpid(pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        if not got:
            return heard
        heard.append("continued" if os.WIFCONTINUED(how) else signal.Signals(os.WSTOPSIG(how)).name)


def wait_for_change(pid, what):
    heard = []
    wait_until(lambda: heard.extend(changes(pid)) or what in heard, what=what)
    return heard


def test_a_stopped_process_stays_stopped(attach):
    target = Target()
    os.kill(target.pid, signal.SIGSTOP)
    assert wait_for_change(target.pid, "SIGSTOP") == ["SIGSTOP"]
    target.popen.stdin.write(b"/\n")
    live = attach(target.pid)
    assert not leave(live).accesses()
    assert_free(target.pid, "T")
    assert changes(target.pid) == []
    os.kill(target.pid, signal.SIGCONT)
    assert wait_for_change(target.pid, "continued") == ["continued"]
    target.expect(b"done\n")
    target.stat("/")
    assert_free(target.pid)
    target.end()


def test_it_is_continued_and_stopped_meanwhile(attach):
    """The parent hears what it would hear without us, and a stop lasts longer than we do."""
    target = Target()
    os.kill(target.pid, signal.SIGSTOP)
    wait_for_change(target.pid, "SIGSTOP")
    live = attach(target.pid)
    os.kill(target.pid, signal.SIGCONT)
    assert wait_for_change(target.pid, "continued") == ["continued"]
    target.stat("/")
    os.kill(target.pid, signal.SIGSTOP)
    assert wait_for_change(target.pid, "SIGSTOP") == ["SIGSTOP"]
    leave(live)
    assert_free(target.pid, "T")
    assert changes(target.pid) == []
    os.kill(target.pid, signal.SIGCONT)
    assert wait_for_change(target.pid, "continued") == ["continued"]
    target.stat("/")
    target.end()


def test_a_running_process_is_not_seen_to_stop(attach):
    target = Target()
    for _ in range(3):
        leave(attach(target.pid))
    assert changes(target.pid) == []
    assert_free(target.pid)
    target.end()


def test_signals_are_delivered_once(attach):
    target = Target()
    live = attach(target.pid)
    for _ in range(20):
        target.signal()
    leave(live)
    target.signal()
    target.stat("/")
    target.end()


# Sends itself signals all the time, and knows how many arrived.
STORM = """
import os, signal, sys
count = 0
def hear(*_):
    global count
    count += 1
signal.signal(signal.SIGUSR1, hear)
print("ready")
sent = 0
end = int(sys.argv[1])
while sent < end:
    sent += 1
    os.kill(os.getpid(), signal.SIGUSR1)
print(count)
"""


def test_no_signal_is_lost_by_leaving(start):
    """We come and go all the time, in the middle of deliveries too."""
    target = Target([PYTHON, "-uc", STORM, "30000"])
    cycles = 0
    while target.popen.poll() is None and cycles < 25:
        done = start(options=["--for", "10ms", "-p", str(target.pid)]).wait()
        cycles += 1
        assert done.status in (0, 125), done.stderr
    target.expect(b"30000\n")
    target.end()


def test_a_call_that_waits_is_left_waiting(attach, tmp_path):
    """An open of a FIFO: it is told as what it is, and goes on."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    target = Target([PYTHON, "-uc",
                     f"print('ready'); f = open({str(fifo)!r}); print(f.read())"])
    wait_until(lambda: status(target.pid, "State") == "S", what="the open that waits")
    log = leave(attach(target.pid))
    calls = log.accesses(fifo)
    assert len(calls) == 1 and calls[0]["unfinished"] and calls[0]["left"]
    assert_free(target.pid)
    fifo.write_text("through")
    target.expect(b"through\n")
    target.popen.wait(60)


# --- who comes along --------------------------------------------------------------------


FAMILY = """
import os, subprocess, sys, threading, time
def work(name):
    while not os.path.exists(f"{sys.argv[1]}/stop"):
        os.stat(f"{sys.argv[1]}/{name}")
        time.sleep(0.01)
for name in ("child", "other", "thread"):
    open(f"{sys.argv[1]}/{name}", "w").close()
for name in ("child", "other"):
    if os.fork() == 0:
        work(name)
        os._exit(0)
threading.Thread(target=work, args=["thread"]).start()
print("ready")
work("thread")
os.wait()
os.wait()
"""


@pytest.mark.parametrize("option", [(), ("--no-children",)])
def test_threads_and_children(attach, tmp_path, option):
    target = Target([PYTHON, "-uc", FAMILY, tmp_path])
    children = [pid for pid, _, _ in descendants(target.pid)]
    assert len(children) == 2
    live = attach(target.pid, options=option)
    wait_until(lambda: live.log_so_far().accesses(tmp_path / "thread"), what="the thread")
    if not option:
        for name in ("child", "other"):
            wait_until(lambda n=name: live.log_so_far().accesses(tmp_path / n), what=name)
    log = leave(live)
    expected = [target.pid, *([] if option else sorted(children))]
    assert sorted(r["pid"] for r in log.of("attach")) == sorted(expected)
    assert {r["pid"] for r in log.of("detach")} == set(expected)
    first = log.of("attach")[0]
    for r in log.of("attach")[1:]:
        assert r["parent"] == first["proc"] and r["ppid"] == target.pid
    assert len({r["tid"] for r in log.accesses() if r["pid"] == target.pid}) == 2
    for pid in expected:
        assert status(pid, "TracerPid") == "0"
    (tmp_path / "stop").touch()
    target.end()


LEADERLESS = """
import ctypes, os, threading, time
def work():
    while status("State") != "Z":
        time.sleep(0.01)
    print("ready")
    while not os.path.exists("stop"):
        os.stat("/etc/hostname")
        time.sleep(0.01)
    os._exit(0)
def status(key):
    with open("/proc/self/status") as f:
        return next(line.split()[1] for line in f if line.startswith(key))
threading.Thread(target=work).start()
{early}
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_process_whose_first_thread_has_ended(attach, tmp_path, when):
    """Nothing can be asked of that one, and its end is told when all others have ended."""
    early = "" if when == "before" else "print('ready', flush=True); input()"
    target = Target([PYTHON, "-uc", LEADERLESS.format(early=early)], cwd=tmp_path)
    live = attach(target.pid)
    if when == "meanwhile":
        target.popen.stdin.write(b"\n")
        target.expect(b"ready\n")
    wait_until(lambda: live.log_so_far().accesses("/etc/hostname"), what="the other thread")
    log = leave(live)
    assert [r["pid"] for r in log.of("attach", "detach")] == [target.pid] * 2
    tids = {r["tid"] for r in log.accesses("/etc/hostname")}
    assert len(tids) == 1 and target.pid not in tids
    for tid in tids:
        assert status(f"{target.pid}/task/{tid}", "TracerPid") == "0"
    (tmp_path / "stop").touch()
    assert target.popen.wait(60) == 0


SPAWNER = """
import subprocess, sys
for i in range(int(sys.argv[1])):
    subprocess.run(["/bin/true"], check=True)
print("all")
"""


def test_vforks_under_coming_and_going(start):
    """subprocess makes its children by vfork, whose parent cannot be stopped meanwhile."""
    target = Target([PYTHON, "-uc", SPAWNER, "400"], ready=None)
    cycles = 0
    while target.popen.poll() is None and cycles < 15:
        done = start(options=["--for", "20ms", "-p", str(target.pid)]).wait()
        assert done.status in (0, 125), done.stderr
        cycles += 1
    target.expect(b"all\n")
    target.end()
    assert_nobody_left()


def test_all_that_is_started_meanwhile(attach):
    target = Target(["sh", "-c", "echo ready; read x; sh -c '/bin/true; /bin/false'; echo done"])
    live = attach(target.pid)
    target.popen.stdin.write(b"\n")
    target.expect(b"done\n")
    done = live.wait()
    target.popen.wait(60)
    execs = [os.path.basename(r["argv"][0]) for r in done.log.of("exec")]
    assert execs == ["sh", "true", "false"]
    assert [r.get("status") for r in done.log.of("exit")] == [0, 1, 1, 0]
    assert done.log.end["complete"] and done.log.end["processes"] == 4


def test_a_process_in_its_own_pid_namespace(attach, requires_root, needs):
    needs("unshare")
    target = Target(["unshare", "-pf", "--mount-proc", PYTHON, "-uc", SERVANT])
    inner = wait_until(lambda: [p for p, _, _ in descendants(target.pid)], what="the inner init")[0]
    live = attach(inner)
    target.stat("/etc")
    log = leave(live)
    come = log.of("attach")[0]
    assert come["pid"] == inner and come["ns_pid"] == 1 and come["mnt_ns"]
    assert "/etc" in paths(log)
    target.stat("/etc")
    target.end()


def test_two_at_once_and_one_twice(attach, whatfiles):
    """And the report takes such a log in, and gives it back."""
    targets = [Target(), Target()]
    live = attach(targets[0].pid, targets[1].pid, targets[0].pid)
    for target in targets:
        target.stat("/")
    log = leave(live)
    assert [r["pid"] for r in log.of("attach")] == [t.pid for t in targets]
    assert paths(log).count("/") == 2
    report = os.path.join(os.path.dirname(whatfiles), "whatfiles-report")
    again = subprocess.run([report, live.log_path, "jsonl"], capture_output=True, timeout=60,
                           check=True)
    assert Log.parse(again.stdout) == log
    text = subprocess.run([report, live.log_path], capture_output=True, timeout=60, check=True)
    assert f"attached to PID {targets[0].pid} PID {targets[1].pid} " in text.stdout.decode()
    for target in targets:
        target.end()


def test_a_shell_at_its_prompt(attach):
    """A terminal's shell: what is typed arrives, and the prompt comes back."""
    ours, theirs = os.openpty()
    env = {**os.environ, "PS1": "prompt>", "HISTFILE": "", "TERM": "dumb"}
    shell = subprocess.Popen(["sh", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, env=env,
                             start_new_session=True)
    os.close(theirs)
    seen = b""

    def until(text):
        nonlocal seen
        end = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < end, seen
            seen += os.read(ours, 4096)
        seen = seen.partition(text)[2]

    until(b"prompt>")
    live = attach(shell.pid)
    os.write(ours, b"cat /etc/hostname >/dev/null; echo $((40+2))\n")
    until(b"\n42\r\n")
    until(b"prompt>")
    log = leave(live)
    assert "/etc/hostname" in paths(log)
    assert_free(shell.pid)
    os.write(ours, b"echo $((6*7))\n")
    until(b"\n42\r\n")
    until(b"prompt>")
    os.write(ours, b"exit 3\n")
    assert shell.wait(60) == 3
    os.close(ours)


# --- what is not seen ----------------------------------------------------------------


@pytest.mark.parametrize("how, followed", [("clone", True), ("clone3", False)])
def test_a_child_that_nobody_may_trace(attach, probe, native, how, followed):
    """The flag is taken out; in memory it stays, and the child is told as one whom we do not see."""
    untraced = probe("tree-untraced")
    target = Target(["sh", "-c", f"echo ready; read line; {untraced} {how}"])
    live = attach(target.pid)
    target.popen.stdin.write(b"\n")
    target.expect(native(untraced, how).stdout)
    done = live.wait()
    target.end()
    assert done.log.end["complete"] == followed
    assert followed or done.log.gaps["escaped"]["count"] == 1
    assert bool(done.log.accesses("/whatfiles-probe/untraced")) == followed


URING = """
import ctypes, sys
libc = ctypes.CDLL(None)
def ring():
    return libc.syscall(425, 4, ctypes.create_string_buffer(256)) >= 0
early = ring()
print("ready")
if sys.stdin.readline():
    print("a ring" if ring() else "none")
"""


def test_io_uring(attach, native, probe):
    """One that is there is told, and another is not refused."""
    answer = native(probe("guard-uring")).stdout
    if answer != b"a ring\n":
        pytest.skip(f"no io_uring here: {answer.decode().strip()}")
    target = Target([PYTHON, "-uc", URING])
    live = attach(target.pid)
    target.popen.stdin.write(b"\n")
    target.expect(b"a ring\n")
    done = live.wait()
    target.end()
    assert done.log.gaps["io_uring"]["count"] == 2
    assert "before we attached" in done.log.gaps["io_uring"]["example"]


# --- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize("words, why", [
    (["-p", "12x"], '"12x" is no number of a process'),
    (["-p", "0"], '"0" is no number of a process'),
    (["-p", "-1"], '"-1" is no number of a process'),
    (["-p", ""], '"" is no number of a process'),
    (["-p", "99999999999"], "is no number of a process"),
    (["-p", "1", "true"], "a command cannot be run with it"),
    (["-p", "1", "--engine=fast"], "nothing is put into a process that runs already"),
    (["-p", "1", "--for", "soon"], '"soon" is no duration'),
    (["-p", "1", "--for", "0"], '"0" is no duration'),
    (["--for", "3", "true"], "cannot go on without it"),
    (["--detach-after", "3", "true"], "cannot go on without it"),
    (["--until-exec", "cc1", "true"], "cannot go on without it"),
    (["--no-children", "true"], "is for --pid only"),
])
def test_mistakes(tool, words, why):
    done = tool(*words)
    assert done.status == 2 and why in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def refused(start, pid, why, **how):
    done = start(options=["-p", str(pid)], **how).wait()
    assert done.status == 125 and why in done.stderr.decode(), done.stderr
    assert done.stderr.count(b"\n") == 1


def test_no_such_process(start):
    gone = subprocess.Popen(["true"])
    gone.wait(60)
    refused(start, gone.pid, "there is no such process")


def test_no_log_is_left_behind(start, tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait(60)
    refused(start, gone.pid, "there is no such process", log=False, cwd=tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_zombie(start):
    zombie = subprocess.Popen(["true"])
    wait_until(lambda: status(zombie.pid, "State") == "Z", what="the zombie")
    refused(start, zombie.pid, "it has ended")
    zombie.wait(60)


def test_a_kernel_thread(start):
    if not os.path.exists("/proc/2") or status(2, "PPid") != "0":
        pytest.skip("this pid namespace has no threads of the kernel")
    refused(start, 2, "it is a thread of the kernel")


def test_traced_already(attach, start):
    target = Target()
    live = attach(target.pid)
    refused(start, target.pid, f"PID {live.pid} traces it already")
    leave(live)
    target.end()


def test_one_that_is_refused_leaves_the_others_alone(attach, start):
    target, other = Target(), Target()
    live = attach(target.pid)
    done = start(options=["-p", str(other.pid), "-p", str(target.pid)]).wait()
    assert done.status == 125 and b"traces it already" in done.stderr
    assert_free(other.pid)
    other.stat("/")
    leave(live)
    other.end()
    target.end()


def test_our_own_parent(native, whatfiles):
    done = native("sh", "-c", f"'{whatfiles}' -s -p $$; echo $?")
    assert done.stdout == b"125\n" and b"whatfiles was started from it" in done.stderr


def test_whatfiles_itself(native, whatfiles):
    done = native("sh", "-c", f"exec '{whatfiles}' -s -p $$")
    assert done.status == 125 and b"that is whatfiles itself" in done.stderr


def test_a_thread(start, probe):
    target = Target([PYTHON, "-uc", "import threading, time\n"
                     "threading.Thread(target=input).start()\nprint('ready')"])
    tid = max(int(t) for t in os.listdir(f"/proc/{target.pid}/task"))
    assert tid != target.pid
    refused(start, tid, f"it is a thread of the process {target.pid}")
    target.popen.stdin.write(b"\n")
    target.end()


def test_another_users_process(start, public, requires_root, monkeypatch):
    target = Target()
    done = subprocess.run([public / "whatfiles", "-s", "-p", str(target.pid)], timeout=60,
                          capture_output=True, check=False, **NOBODY)
    assert done.returncode == 125 and b"it is a process of another user (0)" in done.stderr
    target.end()


UNDUMPABLE = """
import ctypes
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
print("ready")
input()
"""


def refused_to_nobody(room, prepare):
    """What a user is told who may not attach to a process of his own."""
    target = Target([PYTHON, "-uc", UNDUMPABLE], **NOBODY)
    script = (f"{prepare} exec setpriv --reuid {NOBODY['user']} --regid {NOBODY['group']} "
              f"--clear-groups '{room}/whatfiles' -s -p {target.pid}")
    done = subprocess.run(["unshare", "-m", "sh", "-ec", script], capture_output=True, timeout=60,
                          check=False)
    target.popen.stdin.write(b"\n")
    target.end()
    assert done.returncode == 125, done.stderr
    return done.stderr.decode()


def test_a_process_that_may_not_be_looked_at(public, requires_root, needs):
    needs("unshare", "setpriv")
    text = refused_to_nobody(public, "mount -t tmpfs none /proc/sys/kernel;")
    assert "does not want to be looked at" in text


@pytest.mark.parametrize("scope", [1, 2, 3])
def test_yama(public, requires_root, needs, scope):
    """The setting stands in a file, which is imitated, also where the kernel has one."""
    needs("unshare", "setpriv")
    text = refused_to_nobody(public, "mount -t tmpfs none /proc/sys/kernel; "
                             f"mkdir /proc/sys/kernel/yama; "
                             f"echo {scope} >/proc/sys/kernel/yama/ptrace_scope;")
    assert f"kernel.yama.ptrace_scope is {scope}" in text
