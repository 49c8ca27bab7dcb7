# SPDX-License-Identifier: MIT
"""Ends that somebody asked for: --timeout, --grace, --on-exit, --on-log-error, and a log nobody reads.

Whatever the job does, it ends, nobody is left behind, and the record says why it is not whole.
"""

import os
import re
import signal

from conftest import Log, assert_nobody_left, descendants, wait_until

READY = "cat /etc/hostname > /dev/null; echo up; "


def check(result, *gaps):
    """The record until then, and the reasons why there is no more."""
    log = result.log
    assert log.accesses("/etc/hostname", op="read")
    assert set(log.gaps) == set(gaps) and log.end["complete"] == (not gaps)
    started = {r["proc"] for r in log.of("start", "fork")}
    assert started == {r["proc"] for r in log.of("exit")}, "each process has its end"
    return log


# --- --timeout and --grace ------------------------------------------------------------


def test_C2_timeout_ends_the_job(run):
    """All of it, also who left the session; the log's status is the command's own."""
    script = READY + "setsid sleep 1000 & sleep 1000"
    result = run("sh", "-c", script, options=["--all", "--timeout=0.7"])
    assert result.status == 124 and result.stdout == b"up\n"
    log = check(result, "timeout")
    assert log.gaps["timeout"]["example"] == "700ms" and log.end["signal"] == "SIGTERM"
    assert b"--timeout (700ms)" in result.stderr and result.stderr.count(b"\n") == 1


def test_C2_timeout_lets_the_job_clean_up(run, tmp_path):
    script = f"trap 'rm {tmp_path}/temporary; exit 7' TERM; : > {tmp_path}/temporary; {READY}"
    result = run("sh", "-c", script + "while :; do sleep 0.01; done",
                 options=["--all", "--timeout=0.7"])
    assert result.status == 124 and not (tmp_path / "temporary").exists()
    log = check(result, "timeout")
    assert log.end["status"] == 7 and log.accesses(tmp_path / "temporary", op="delete")


def test_C2_timeout_reaches_who_is_stopped(run):
    script = READY + "kill -STOP $$"
    result = run("sh", "-c", script, options=["--all", "--timeout=0.7"])
    assert result.status == 124 and check(result, "timeout").end["signal"] == "SIGTERM"


def test_C2_timeout_and_grace_kill(run):
    """Who does not listen is killed after that time."""
    script = "trap '' TERM; " + READY + "sleep 1000 & sleep 1000; sleep 1000"
    result = run("sh", "-c", script, options=["--all", "--timeout=500ms", "--grace=200ms"])
    assert result.status == 124
    assert check(result, "timeout", "killed").end["signal"] == "SIGKILL"


def test_C2_grace_of_nothing_kills_at_once(run):
    script = "trap 'echo cleaned' TERM; " + READY + "while :; do sleep 0.01; done"
    result = run("sh", "-c", script, options=["--all", "--timeout=500ms", "--grace=0"])
    assert (result.status, result.stdout) == (124, b"up\n")
    check(result, "timeout", "killed")


def test_timeout_that_is_not_needed(run):
    """Nothing changes; nor does a limit that is no limit, or longer than any clock."""
    for limit in ("1h", "0", "200000d"):
        result = run("sh", "-c", READY + "exit 3", options=["--all", f"--timeout={limit}"])
        assert (result.status, result.stdout, result.stderr) == (3, b"up\n", b"")
        check(result)


def test_timeout_of_a_command_that_never_ran(run, tmp_path):
    result = run("/nonexistent/program", options=["--timeout=1ns", "--grace=0"])
    assert result.status == 127 and b"No such file" in result.stderr


def test_timeout_under_load(run, probe, tmp_path):
    """In the middle of everything: each call that was made is in the log."""
    (tmp_path / "file").touch()
    result = run(probe("open-repeat"), tmp_path / "file", "100000000", "2", "2",
                 options=["--timeout=0.7"])
    assert result.status == 124
    log = result.log
    assert "timeout" in log.gaps and set(log.gaps) <= {"timeout", "unfinished"}
    assert log.end["written"] == len(log.of("access"))


def test_B8_grace_after_a_signal(start):
    """One signal is enough when there is a time of grace."""
    script = "trap '' TERM; " + READY + "sleep 1000 & sleep 1000; sleep 1000"
    live = start("sh", "-c", script, options=["--all", "--grace=200ms"])
    assert live.popen.stdout.readline() == b"up\n"
    live.send(signal.SIGTERM)
    result = live.wait()
    assert_nobody_left()
    assert result.status == -signal.SIGKILL
    check(result, "signalled", "killed")


# --- --on-exit --------------------------------------------------------------------------


def test_A13_daemon_is_killed(run, tmp_path):
    """With --on-exit=kill; the status is the command's, the log and stderr say who it was."""
    script = READY + "mkfifo go no; (echo > go; read x < no) & read x < go; exit 5"
    result = run("sh", "-c", script, options=["--all", "--on-exit=kill"], cwd=tmp_path)
    assert result.status == 5
    log = check(result, "left")
    assert log.end["status"] == 5
    [pid] = [r["pid"] for r in log.of("fork") if r["proc"] == log.of("exit")[-1]["proc"]]
    assert f"PID {pid} (".encode() in result.stderr
    assert log.gaps["left"]["example"].startswith(f"PID {pid} (")


def test_A13_daemon_may_clean_up(run, tmp_path):
    """With a time of grace it is asked first."""
    script = (READY + "mkfifo go; (trap 'echo > cleaned; exit' TERM; echo > go; "
              "while :; do sleep 0.01; done) & read x < go; exit 5")
    result = run("sh", "-c", script, options=["--all", "--on-exit=kill", "--grace=1m"],
                 cwd=tmp_path)
    assert result.status == 5 and (tmp_path / "cleaned").exists()
    check(result, "left")


def test_A13_nobody_is_left(run):
    """The command's own children have ended: nothing to kill, and nothing is said."""
    result = run("sh", "-c", READY + "(exit 3); exit 5", options=["--all", "--on-exit=kill"])
    assert (result.status, result.stderr) == (5, b"")
    check(result)


def test_A13_who_is_waited_for_is_told(start):
    """After some time, while it still lives; the record is whole in the end."""
    live = start("sh", "-c", READY + "sleep 1000 >/dev/null 2>&1 & exit 5")
    line = live.popen.stderr.readline()
    told = re.fullmatch(rb"whatfiles: the command has ended; waiting for what it left running: "
                        rb"PID (\d+) \(sleep\)\n", line)
    assert told, line
    os.kill(int(told[1]), signal.SIGTERM)
    result = live.wait()
    assert (result.status, result.stderr) == (5, b"")
    check(result)


def full_pipe():
    """Both ends of a pipe that takes not one byte more."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(write, bytes(size))
        except BlockingIOError:
            pass
    os.set_blocking(write, True)
    return read, write


def test_A13_telling_waits_for_nobody(start, tmp_path):
    """Nobody reads what is told of it: the daemon goes on."""
    read, write = full_pipe()
    script = READY + "(sleep 2.5; cat /etc/passwd > /dev/null) >/dev/null 2>&1 & exit 5"
    result = start("sh", "-c", script, stderr=write).wait()
    os.close(read)
    os.close(write)
    assert result.status == 5
    assert check(result).accesses("/etc/passwd", op="read")


# --- logs ---------------------------------------------------------------------------------


def stalled(start, *command, options):
    """A run whose log goes into a pipe that is full and that nobody reads."""
    read, write = full_pipe()
    live = start(*command, options=["-o", f"/dev/fd/{write}", "--all", "--ring-size=1", *options],
                 log=False, pass_fds=[write])
    os.close(write)
    return live, read


def given_up(live, read):
    result = live.wait()
    assert_nobody_left()
    os.close(read)
    assert result.status == 125 and b"has stopped reading" in result.stderr
    return result


def test_H3_reader_that_stalls_and_a_timeout(start, probe):
    """The job is held up, with the ring that it fills; all of it ends all the same."""
    live, read = stalled(start, probe("open-names"), "100000000",
                         options=["--failed", "--timeout=1s", "--grace=500ms"])
    assert b"--timeout (1s)" in given_up(live, read).stderr


def test_H3_reader_that_stalls_and_a_signal(start):
    live, read = stalled(start, "sh", "-c", READY + "sleep 1000", options=["--grace=500ms"])
    assert live.popen.stdout.readline() == b"up\n"
    live.send(signal.SIGTERM)
    given_up(live, read)


def test_H3_reader_that_stalls_at_the_end(start):
    """The job is over, only its log is not: a signal ends that, too."""
    live, read = stalled(start, "sh", "-c", READY + "exit 3", options=["--grace=300ms"])
    assert live.popen.stdout.readline() == b"up\n"
    wait_until(lambda: not descendants(live.pid), what="the job's end")
    live.send(signal.SIGTERM)
    given_up(live, read)


def test_H3_a_timeout_after_the_end(start):
    """Nor is there a signal needed where there is a limit."""
    live, read = stalled(start, "sh", "-c", "exit 3", options=["--timeout=500ms", "--grace=300ms"])
    given_up(live, read)


def test_H3_messages_wait_for_nobody_either(start, probe):
    """Log and messages in one pipe that nobody reads."""
    read, write = full_pipe()
    live = start(probe("open-names"), "100000000", log=False, stdout=write, stderr=write,
                 options=["-s", "--all", "--failed", "--ring-size=1", "--timeout=1s",
                          "--grace=500ms"])
    os.close(write)
    result = live.wait()
    assert_nobody_left()
    assert result.status == 125
    os.close(read)


def test_H3_slow_reader_loses_nothing(start, probe, tmp_path):
    """Somebody who reads on, however slowly, gets all of it, also after a signal."""
    (tmp_path / "file").touch()
    live = start(probe("open-repeat"), "file", "3000", "2", "2", log=False, cwd=tmp_path,
                 options=["-s", "-f", "jsonl", "--all", "--ring-size=1"])
    data = b""
    while len(data) < 200000:
        data += os.read(live.popen.stdout.fileno(), 4096)
    live.send(signal.SIGTERM)
    result = live.wait()
    assert_nobody_left()
    log = Log.parse(data + result.stdout)
    assert set(log.gaps) <= {"signalled", "unfinished"} and "signalled" in log.gaps
    assert log.end["written"] == len(log.of("access"))


def test_H3_log_error_kills_if_asked_to(run):
    """At once, and the status is that of a log that is not whole."""
    result = run("sh", "-c", "echo ran; sleep 1000", log=False,
                 options=["-o", "/dev/full", "--on-log-error=kill"])
    assert result.status == 125
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 2 and "SIGKILL" in lines[0] and "/dev/full" in lines[1]


def test_H3_log_error_is_survived_otherwise(run):
    result = run("sh", "-c", "echo ran; exit 4", log=False,
                 options=["-o", "/dev/full", "--on-log-error=continue"])
    assert (result.status, result.stdout) == (125, b"ran\n")


def test_H3_log_error_of_one_of_two(run):
    """The other log is whole up to there, and says that the job was killed."""
    result = run("sh", "-c", READY + "sleep 1000",
                 options=["--all", "-o", "/dev/full", "--on-log-error=kill"])
    assert result.status == 125 and "killed" in result.log.gaps
