# SPDX-License-Identifier: MIT
"""However a run ends, the log holds everything up to then and says what is missing.

And no process is left behind.
"""

import fcntl
import os
import re
import signal
import subprocess
import termios
import time

import pytest
from conftest import Log, assert_nobody_left, descendants, process_table, wait_until

UP = "cat /etc/hostname > /dev/null; echo up; "


def come_up(live, sleeps=False):
    """The job has done what its log must hold, and sleeps where it is going to."""
    assert live.popen.stdout.readline() == b"up\n"
    if sleeps:
        # a shell that is just making its child may die alone of a signal to both (vfork)
        asleep = lambda: [s for _, s, comm in descendants(live.pid) if comm == "sleep"]  # noqa: E731
        wait_until(lambda: asleep() == ["S"], what="its sleep")


def check_log(log, kind, complete=False):
    """Everything until then, whole lines, one end line, and the reason."""
    assert log.header["version"] == 1
    assert log.accesses("/etc/hostname", op="read")
    assert log.end["complete"] == complete
    assert list(log.gaps) == ([kind] if kind else [])
    started = {r["proc"] for r in log.of("start", "fork")}
    assert started == {r["proc"] for r in log.of("exit")}, "each process has its end"
    return log


# --- signals ----------------------------------------------------------------------


def test_ctrl_c_in_a_terminal(whatfiles, tmp_path):
    """The terminal sends SIGINT to both: the job must not get it twice."""
    ours, theirs = os.openpty()
    script = "trap 'echo INT >> ints; exit 9' INT; " + UP + "while :; do sleep 0.01; done"

    def set_up():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(
        [whatfiles, "--all", "-o", "log.jsonl", "sh", "-c", script], cwd=tmp_path,
        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, preexec_fn=set_up)
    os.close(theirs)
    try:
        assert os.read(ours, 100) == b"up\r\n"
        os.write(ours, b"\x03")
        _, stderr = child.communicate(timeout=60)
    finally:
        os.close(ours)
    assert_nobody_left()
    assert child.returncode == 9
    assert (tmp_path / "ints").read_text() == "INT\n"
    log = check_log(Log.parse((tmp_path / "log.jsonl").read_bytes()), "signalled")
    assert log.end["status"] == 9 and log.gaps["signalled"]["example"] == "Interrupt"
    assert log.accesses(tmp_path / "ints", op="create"), "what the trap did"
    assert re.fullmatch(rb"whatfiles: the record is incomplete: [^\n]*Interrupt[^\n]*\n", stderr)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"])
def test_signal_to_the_whole_group(start, name):
    """As a shell or a supervisor sends it: whatfiles, the command and its children."""
    signum = getattr(signal, name)
    live = start("sh", "-c", UP + "sleep 100")
    come_up(live, sleeps=True)
    os.killpg(live.pid, signum)
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signum
    assert check_log(result.log, "signalled").end["signal"] == name


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"])
def test_signal_to_whatfiles_alone(start, tmp_path, name):
    """The command gets it; its clean-up runs, and what that does is in the log."""
    signum = getattr(signal, name)
    script = f"trap 'rm -f temporary; exit 5' {name[3:]}; : > temporary; {UP}"
    live = start("sh", "-c", script + "while :; do sleep 0.01; done", cwd=tmp_path)
    come_up(live)
    live.send(signum)
    result = live.wait()
    assert_nobody_left()
    assert result.status == 5
    assert not (tmp_path / "temporary").exists()
    log = check_log(result.log, "signalled")
    assert [r["call"] for r in log.accesses(tmp_path / "temporary", op="delete")] == ["unlinkat"]
    assert log.end["status"] == 5
    assert log.gaps["signalled"]["example"] == signal.strsignal(signum)
    assert result.stderr.count(b"\n") == 1


def test_signal_is_delivered_once(start, tmp_path):
    """Sent to the group, the command gets it from the kernel: no second one from us."""
    script = "trap 'echo TERM >> terms' TERM; " + UP + "while [ ! -e stop ]; do sleep 0.01; done"
    live = start("sh", "-c", script, cwd=tmp_path)
    come_up(live)
    [shell] = [pid for pid, (ppid, _, _) in process_table().items() if ppid == live.pid]
    os.kill(shell, signal.SIGTERM)
    wait_until(lambda: (tmp_path / "terms").exists(), what="the trap")
    (tmp_path / "stop").touch()
    assert live.wait().status == 0
    assert (tmp_path / "terms").read_text() == "TERM\n"


def test_second_signal_kills(start):
    """A job that ignores SIGTERM: the first is only told to it, another one ends all."""
    script = "trap '' TERM; sleep 100 & " + UP + "wait; sleep 100"
    live = start("sh", "-c", script)
    come_up(live)
    live.send(signal.SIGTERM)
    time.sleep(1.2)
    assert live.popen.poll() is None and len(descendants(live.pid)) == 2
    # timeout(1) sends two at once: only one that comes later means it
    wait_until(lambda: live.popen.poll() is not None or live.send(signal.SIGTERM), what="its end")
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signal.SIGKILL
    log = result.log
    assert log.accesses("/etc/hostname", op="read")
    assert not log.end["complete"] and {"signalled", "killed"} <= set(log.gaps)
    assert log.end["signal"] == "SIGKILL"


def test_signals_at_once_are_one(start):
    """timeout(1) and others signal us and our group: the job may still clean up."""
    script = "trap 'sleep 0.3; echo clean; exit 6' TERM; " + UP + "while :; do sleep 0.01; done"
    live = start("sh", "-c", script)
    come_up(live)
    for _ in range(3):
        live.send(signal.SIGTERM)
    result = live.wait()
    assert (result.status, result.stdout) == (6, b"clean\n")


def test_timeout_command(native, whatfiles, tmp_path):
    """`timeout 1 whatfiles ...` says that time was up, and leaves a whole log."""
    result = native("timeout", "1", whatfiles, "-o", tmp_path / "x.jsonl",
                    "sh", "-c", UP + "sleep 100")
    assert_nobody_left()
    assert result.status == 124
    check_log(Log.parse((tmp_path / "x.jsonl").read_bytes()), "signalled")


def test_ignored_hangup(start):
    """As with nohup: SIGHUP was ignored before us, and stays so for both."""
    live = start("sh", "-c", UP + "read x; exit 3", stdin=subprocess.PIPE,
                 preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    come_up(live)
    os.killpg(live.pid, signal.SIGHUP)
    result = live.wait(input=b"\n")
    assert result.status == 3
    check_log(result.log, None, complete=True)


# --- SIGKILL ------------------------------------------------------------------------


def test_kill_of_the_command(start):
    """Its children go on, as without us; then the log says that it was killed."""
    script = "(sleep 0.3; cat /etc/passwd > /dev/null) & " + UP + "read x"
    live = start("sh", "-c", script, stdin=subprocess.PIPE)
    come_up(live)
    [root] = [pid for pid, (ppid, _, _) in process_table().items() if ppid == live.pid]
    os.kill(root, signal.SIGKILL)
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signal.SIGKILL
    log = result.log
    assert not log.end["complete"] and "killed" in log.gaps
    assert log.end["signal"] == "SIGKILL"
    assert log.accesses("/etc/hostname") and log.accesses("/etc/passwd", op="read")


def test_kill_of_a_child(run):
    """The command notices and goes on: that is part of a complete record."""
    script = "sleep 100 & kill -KILL $!; wait $!; echo $?; cat /etc/hostname > /dev/null"
    result = run("sh", "-c", script)
    assert (result.status, result.stdout) == (0, b"137\n")
    log = result.log
    assert [r["signal"] for r in log.of("exit") if "signal" in r] == ["SIGKILL"]
    assert log.accesses("/etc/hostname", op="read") and log.end["status"] == 0
    assert set(log.gaps) <= {"unfinished"}


def test_kill_of_whatfiles(start):
    """The job dies with it; what is on disk are whole lines, without an end."""
    script = "setsid sleep 100 & (cat /etc/passwd > /dev/null; sleep 100) & " + UP + "sleep 100"
    live = start("sh", "-c", script)
    come_up(live)
    wait_until(lambda: live.log_so_far().accesses("/etc/hostname"), what="the record on disk")
    wait_until(lambda: live.log_so_far().accesses("/etc/passwd"), what="the record on disk")
    live.send(signal.SIGKILL)
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signal.SIGKILL
    assert result.log.accesses("/etc/hostname") and result.log[-1]["type"] != "end"


def test_kill_of_whatfiles_under_load(start, probe, tmp_path):
    """In the middle of writing: still whole lines."""
    (tmp_path / "file").touch()
    live = start(probe("open-repeat"), tmp_path / "file", "1000000", "2", "2",
                 stdout=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(live.log_path) and os.stat(live.log_path).st_size > 200000,
               what="a log that grows")
    live.send(signal.SIGKILL)
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signal.SIGKILL
    # a write that a SIGKILL cuts in two may leave one torn line, and only the last
    data = result.text
    assert len(Log.parse(data[: data.rfind(b"\n") + 1])) > 500


def test_signal_under_load(start, probe, tmp_path):
    """SIGTERM in the middle of everything: each call that was made is in the log."""
    (tmp_path / "file").touch()
    live = start(probe("open-repeat"), tmp_path / "file", "1000000", "2", "2")
    wait_until(lambda: os.path.exists(live.log_path) and os.stat(live.log_path).st_size > 200000,
               what="a log that grows")
    os.killpg(live.pid, signal.SIGTERM)
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signal.SIGTERM
    log = result.log
    assert "signalled" in log.gaps and set(log.gaps) <= {"signalled", "unfinished"}
    assert log.end["accesses"] == log.end["written"] == len(log.of("access"))


# --- a log that cannot be written ------------------------------------------------------


def told_that_it_was_not_written(result, name, why):
    """The job ran to its end; one line on stderr; 125."""
    assert result.status == 125
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("whatfiles: ") and name in lines[0] and why in lines[0]


def test_full_disk(start, probe, small_disk):
    log_path = small_disk / "log.jsonl"
    live = start(probe("open-names"), "20000", log=log_path)
    result = live.wait()
    assert_nobody_left()
    assert result.stdout == b"done\n", "the job went on to its end"
    log = result.log
    assert os.stat(log_path).st_size > 200 * 1024, "as much as there was room for"
    assert not log.end["complete"] and list(log.gaps) == ["log"]
    assert log.gaps["log"]["example"].endswith("No space left on device")
    assert log.end["status"] == 0, "of the command"
    names = [r["path"] for r in log.accesses() if r["path"].startswith("/nonexistent/")]
    assert names == [f"/nonexistent/name-{i}" for i in range(len(names))], "without a hole"
    assert sum(log.end["calls"].values()) > 20000 > len(names) > 100
    assert result.status == 125


def test_full_disk_is_told_in_one_line(start, probe, small_disk):
    live = start(probe("open-names"), "20000", log=small_disk / "log.jsonl")
    told_that_it_was_not_written(live.wait(), "log.jsonl", "No space left on device")


def test_full_disk_and_text(start, probe, small_disk):
    live = start(probe("open-names"), "20000", log=small_disk / "x.txt",
                 options=["--all", "--failed"])
    result = live.wait()
    assert (result.status, result.stdout) == (125, b"done\n")
    lines = result.text.decode().split("\n")
    assert lines.pop() == ""
    end = re.match(r"end: INCOMPLETE \(log: 1\), status: 0, .*, shown: (\d+), "
                   r"gap: log 1 \(.*/x\.txt: No space left on device\)$", lines.pop())
    assert end and int(end[1]) == len(lines)
    assert all(re.fullmatch(r"mode: .*, process: open-names(, error: \w+)?", x) for x in lines)


def test_disk_that_is_full_from_the_start(start, small_disk):
    """Not even the header fits: the job runs all the same."""
    with open(small_disk / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
        while True:
            filler.write(bytes(4096))
    result = start("sh", "-c", "echo ran; exit 4", log=small_disk / "x.jsonl").wait()
    assert (result.status, result.stdout) == (125, b"ran\n")
    assert b"x.jsonl" in result.stderr and b"No space left" in result.stderr
    Log.parse(result.text)


def test_full_disk_that_is_the_jobs_too(start, small_disk):
    """Whoever fills it: the job sees the error it would see, and the last line is ours."""
    script = f"cat /etc/hostname > /dev/null; head -c 1M /dev/zero > {small_disk}/big; echo $?"
    result = start("sh", "-c", script, log=small_disk / "x.jsonl").wait()
    assert result.stdout == b"1\n"
    log = result.log
    assert log.end["status"] == 0
    assert log.accesses("/etc/hostname", op="read") or not log.end["complete"]
    assert result.status == (0 if log.end["complete"] else 125)


def test_the_other_log_is_whole(start, probe, small_disk, tmp_path):
    """One that cannot be written does no harm to the other, which says so of itself only."""
    live = start(probe("open-names"), "20000", log=tmp_path / "good.jsonl",
                 options=["--all", "-o", small_disk / "bad.jsonl"])
    result = live.wait()
    assert result.status == 125 and result.stdout == b"done\n"
    assert result.log.end["complete"]
    assert len([r for r in result.log.accesses() if "/nonexistent/" in r["path"]]) == 20000
    bad = Log.parse((small_disk / "bad.jsonl").read_bytes())
    assert not bad.end["complete"] and list(bad.gaps) == ["log"]


def test_dev_full(run):
    """A log device that takes nothing."""
    result = run("sh", "-c", "echo ran; exit 4", log=False, options=["-o", "/dev/full"])
    assert result.stdout == b"ran\n"
    told_that_it_was_not_written(result, "/dev/full", "No space left on device")


def test_full_stdout(run):
    """-s into /dev/full; the job, which writes nothing there, does not mind."""
    with open("/dev/full", "wb") as full:
        result = run("sh", "-c", "echo ran >&2; exit 4", log=False, options=["-s"], stdout=full)
    assert result.status == 125
    assert result.stderr.startswith(b"ran\nwhatfiles: ")
    assert result.stderr.count(b"\n") == 2 and b"standard output" in result.stderr


@pytest.mark.parametrize("ignored", [False, True], ids=["default", "ignored"])
def test_closed_stdout_pipe(start, probe, tmp_path, ignored):
    """`whatfiles -s ... | true`: SIGPIPE must not end us, for that would end the job."""

    def set_up():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignored else signal.SIG_DFL)

    read, write = os.pipe()
    script = f"exec >{tmp_path}/out; {probe('open-names')} 5000; echo finished; exit 3"
    live = start("sh", "-c", script, log=False, options=["-s", "--all", "--failed"],
                 stdout=write, preexec_fn=set_up)
    os.close(write)
    os.close(read)
    result = live.wait()
    assert_nobody_left()
    assert (tmp_path / "out").read_text() == "done\nfinished\n", "the job went on to its end"
    told_that_it_was_not_written(result, "standard output", "Broken pipe")


def test_closed_stdout_pipe_and_a_file(start, tmp_path):
    """The log in the file is whole all the same."""
    read, write = os.pipe()
    os.close(read)
    live = start("sh", "-c", "exec >/dev/null; " + UP, options=["-s", "--all"], stdout=write)
    os.close(write)
    result = live.wait()
    assert result.status == 125 and b"Broken pipe" in result.stderr
    check_log(result.log, None, complete=True)


def test_log_that_is_deleted(start, tmp_path):
    """By the job itself, say: its own doing, and no failure."""
    result = start("sh", "-c", "rm log-1.jsonl; exit 3", cwd=tmp_path).wait()
    assert (result.status, result.stderr) == (3, b"")
    assert not os.path.exists(result.log_path)


def test_slow_reader(start, probe, tmp_path):
    """Who reads the log slowly makes the job wait, and gets all of it."""
    (tmp_path / "file").touch()
    live = start(probe("open-repeat"), tmp_path / "file", "5000", "2", "2", log=False,
                 options=["-s", "-f", "jsonl", "--all", "--ring-size", "1"])
    time.sleep(0.3)
    result = live.wait()
    log = Log.parse(result.stdout)
    assert len(log.accesses(tmp_path / "file")) == 20000 and log.end["complete"]


# --- daemons ---------------------------------------------------------------------------


def test_A13_daemon_is_waited_for(start, tmp_path):
    """What the command leaves behind is traced to its end; the status is the command's."""
    script = "setsid sh -c 'sleep 0.4; cat /etc/hostname; : > late' >/dev/null 2>&1 & exit 5"
    result = start("sh", "-c", script, cwd=tmp_path).wait()
    assert_nobody_left()
    assert result.status == 5
    assert (tmp_path / "late").exists(), "whatfiles ended before it"
    log = check_log(result.log, None, complete=True)
    assert log.end["status"] == 5
    [late] = log.accesses(tmp_path / "late", op="create")
    first = log.of("start")[0]["proc"]
    gone = [r for r in log.of("exit") if r["proc"] == first]
    assert late["t"] > gone[0]["t"], "after the command's own end"


def test_signal_while_only_a_daemon_is_left(start):
    """The command is gone and cannot be told: what it left is ended, and the log says so."""
    script = "cat /etc/hostname > /dev/null; (trap '' TERM INT; sleep 100) & echo up; exit 5"
    live = start("sh", "-c", script)
    come_up(live)
    wait_until(lambda: live.log_so_far().of("exit"), what="the command's end")
    live.send(signal.SIGTERM)
    result = live.wait()
    assert_nobody_left()
    assert result.status == 5
    assert not result.log.end["complete"] and "signalled" in result.log.gaps


def test_a_double_fork_keeps_its_place(start, tmp_path):
    """The daemon's parents are known though they are long dead."""
    script = "(: ; (sleep 0.2; cat /etc/hostname) & ) & wait"
    log = start("sh", "-c", script, cwd=tmp_path).wait().log
    processes = log.processes()
    [access] = log.accesses("/etc/hostname", op="read")
    chain = [access["proc"]]
    while "parent" in processes[chain[-1]]:
        chain.append(processes[chain[-1]]["parent"])
    assert processes[chain[-1]]["type"] == "start" and len(chain) >= 3
