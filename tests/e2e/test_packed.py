# SPDX-License-Identifier: MIT
"""Compressed logs: .zst and .gz, of any line format, read by the tools that people have."""

import os
import re
import signal
import subprocess

import pytest
from conftest import Log, assert_nobody_left, wait_until

TOOLS = {".zst": ["zstd", "-dcq"], ".gz": ["gzip", "-dcq"]}


def unpack(path, whole=True):
    """What is in the file.  whole: the tool must have no complaint."""
    done = subprocess.run([*TOOLS[path.suffix], path], stdin=subprocess.DEVNULL, timeout=60,
                          capture_output=True)
    assert done.returncode == 0 or not whole, done.stderr
    return done.stdout


@pytest.fixture(params=sorted(TOOLS))
def ending(request, needs, tool):
    """One after the other; skipped where it was built without."""
    needs(TOOLS[request.param][0])
    if b"was built without" in tool("-o", f"x{request.param}").stderr:
        pytest.skip(f"whatfiles was built without what writes {request.param}")
    return request.param


@pytest.mark.parametrize("form", [".jsonl", ".txt"])
def test_the_same_lines(run, tmp_path, ending, form):
    plain, packed = tmp_path / f"x{form}", tmp_path / f"x{form}{ending}"
    result = run("sh", "-c", "ls /etc >/dev/null; exit 3", log=False,
                 options=["-A", "-F", "-o", plain, "-o", packed])
    assert (result.status, result.stderr) == (3, b"")
    assert unpack(packed) == plain.read_bytes() != b""
    assert os.stat(packed).st_size < os.stat(plain).st_size / 2


def test_what_is_flushed_can_be_read_and_survives_a_kill(start, tmp_path, ending):
    """As long as the command does nothing, all that it did is in the file."""
    path = tmp_path / f"x.jsonl{ending}"
    live = start("sh", "-c", "cat /etc/hostname >/dev/null; echo up; read x; sleep 100",
                 log=path.name, stdin=subprocess.PIPE)
    assert live.popen.stdout.readline() == b"up\n"

    def so_far():
        data = unpack(path, whole=False)
        return Log.parse(data[: data.rfind(b"\n") + 1])

    wait_until(lambda: so_far().accesses("/etc/hostname", op="read"), what="the flush")
    live.send(signal.SIGKILL)
    live.wait()
    assert_nobody_left()
    data = unpack(path, whole=False)
    assert data.endswith(b"\n"), "nothing was on its way"
    log = Log.parse(data)
    assert log.header["version"] == 1 and log.accesses("/etc/hostname", op="read")
    assert not log.of("end"), "that it was cut short shows"


def test_kill_under_load(start, probe, tmp_path, ending):
    """Whatever was on its way: everything before it is there, in order."""
    path = tmp_path / f"x.jsonl{ending}"
    live = start(probe("open-names"), "1000000", log=path.name)
    wait_until(lambda: path.exists() and path.stat().st_size > 30000, what="a log that grows")
    live.send(signal.SIGKILL)
    live.wait()
    assert_nobody_left()
    data = unpack(path, whole=False)
    log = Log.parse(data[: data.rfind(b"\n") + 1])
    names = [r["path"] for r in log.accesses() if r["path"].startswith("/nonexistent/")]
    assert names == [f"/nonexistent/name-{i}" for i in range(len(names))], "without a hole"
    assert len(names) > 1000


@pytest.mark.parametrize("form", [".jsonl", ".txt"])
def test_full_disk(start, probe, small_disk, ending, form):
    path = small_disk / f"x{form}{ending}"
    (small_disk / "filler").write_bytes(bytes(232 * 1024))
    result = start(probe("open-names"), "20000", log=path, options=["--all", "-F"]).wait()
    assert (result.status, result.stdout) == (125, b"done\n"), "the job went on to its end"
    assert os.stat(path).st_size > 8 * 1024
    lines = unpack(path).decode().split("\n")
    assert lines.pop() == ""
    if form == ".txt":
        end = re.match(r"end: INCOMPLETE \(log: 1\), .*, shown: (\d+), gap: log 1 "
                       r"\(.*: No space left on device\)$", lines.pop())
        assert end and int(end[1]) == len(lines)
    else:
        log = Log.parse("\n".join(lines) + "\n")
        assert list(log.gaps) == ["log"] and not log.end["complete"]
    assert result.stderr.count(b"\n") == 1 and b"No space left on device" in result.stderr


def test_a_pipe(run, tmp_path, ending):
    """A name may be that of a pipe."""
    path = tmp_path / f"x.jsonl{ending}"
    os.mkfifo(path)
    reader = subprocess.Popen(["sh", "-c", f'exec {" ".join(TOOLS[ending])} <"$0"', path],
                              stdout=subprocess.PIPE)
    run("true", log=False, options=["-o", path])
    out, _ = reader.communicate(timeout=60)
    assert Log.parse(out).end["complete"] and reader.returncode == 0


def test_the_format_may_be_named(run, tmp_path, ending):
    result = run("true", log=False, options=["-f", "jsonl", "-o", tmp_path / f"x{ending}"])
    assert result.status == 0
    assert Log.parse(unpack(tmp_path / f"x{ending}")).end["complete"]
