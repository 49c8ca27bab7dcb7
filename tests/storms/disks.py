# SPDX-License-Identifier: MIT
"""Logs whose disk is full at any moment, whose reader goes away, or whose size is limited."""

import os
import resource
import shutil
import subprocess
import threading

from storms import ENGINES, Wrong, expect, expect_nobody, read_jsonl, rounds

JOB = "i=0; while [ $i -lt 400 ]; do : >file-$i; i=$((i+1)); done; echo done; exit 7"
CALLS = 400
STATUS_OURS = 125
KINDS = ["full", "full", "limit", "pipe"]


class Disk:
    """A file system of so many bytes; several where none can be mounted: then only limits are tried."""

    def __init__(self, bench, size):
        self.room = bench.room / "disk"
        self.room.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.room],
                              capture_output=True, timeout=60, check=False)
        self.why = done.stderr.decode().strip() if done.returncode else None

    def done(self):
        if self.why is None:
            subprocess.run(["umount", "-l", self.room], timeout=60, check=False)


def limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def read_some(fd, size):
    """Reads so many bytes, and goes away."""
    left = size
    while left > 0 and (got := os.read(fd, min(left, 4096))):
        left -= len(got)
    os.close(fd)


def check(killed, status, out, err, log):
    """The job's own end, ours, and what was told."""
    expect("cannot write" in err, "nothing is said of the log:", err[-300:])
    expect(status == STATUS_OURS, "status", status, err[-300:])
    if not killed:
        expect(out == "done\n", "the job did not come to its end:", out)
    if log is None:
        return 0
    records = read_jsonl(log)
    expect(records and records[-1]["type"] == "end", "the last line tells nothing of the end")
    end = records[-1]
    expect(not end["complete"] and any(g["kind"] == "log" for g in end["gaps"]), "the end says", end["gaps"])
    return len(records)


def one_disk(bench, rng, seed, count):
    kind, killed, size = rng.choice(KINDS), rng.random() < 0.4, rng.randrange(8192, 60000)
    place, popen, disk, ends = bench.place(), {}, None, None
    # for a pipe the log is whole only as far as somebody read it
    log = place / "log.jsonl"
    if kind == "full":
        disk = Disk(bench, size // 4096 * 4096)
        if disk.why:
            bench.say_once(f"disks: no full disks: {disk.why}")
            kind = "limit"
        else:
            log = disk.room / "log.jsonl"
    if kind == "limit":
        popen["preexec_fn"] = lambda: limit_files(size)
    if kind == "pipe":
        ends = os.pipe()
        log, popen["pass_fds"] = f"/proc/self/fd/{ends[1]}", [ends[1]]
    mode = "kill" if killed else "continue"
    try:
        process = bench.start(
            [bench.whatfiles, f"--engine={ENGINES[seed % len(ENGINES)]}", "--all", f"--on-log-error={mode}",
             "-o", log, "--", "sh", "-c", JOB], place, **popen)
        if ends:
            os.close(ends[1])
            threading.Thread(target=read_some, args=(ends[0], size), daemon=True).start()
        status, out, err = bench.finish(process, 60)
        expect_nobody()
        check(killed, status, out, err, None if kind == "pipe" else log.read_bytes())
    except Wrong as wrong:
        raise Wrong(f"{kind}, {size} bytes, {mode}: {wrong}") from None
    finally:
        if disk:
            disk.done()
    bench.sum[kind] = bench.sum.get(kind, 0) + 1
    shutil.rmtree(place)
    return 1


def disks(bench, args):
    bench.sum = {}
    done, failed = rounds(args, 1, lambda *how: one_disk(bench, *how), "disks")
    print(f"disks: {done}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(bench.sum.items())) +
          f"; {failed} went wrong")
    return failed
