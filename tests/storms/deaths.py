# SPDX-License-Identifier: MIT
"""A whatfiles that is killed, or crashes, at any moment."""

import pathlib
import shutil
import signal
import subprocess
import time

from kills import compare
from storms import ENGINES, Account, accesses, expect, expect_nobody, read_jsonl, rounds, worker_calls

# SIGKILL mostly: by whoever is out of memory; the others as a fault of its own would
SIGNALS = [signal.SIGKILL] * 5 + [signal.SIGSEGV, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS,
                                  signal.SIGILL, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP]
FORMATS = ["jsonl", "jsonl", "jsonl", "jsonl.zst", "jsonl.gz", "sqlite", "text"]
INCOMPLETE = 2  # whatfiles-report's status


def read_text(data):
    """(name, None) of whole lines of a text log; a torn last one is none."""
    for line in data.rpartition(b"\n")[0].split(b"\n"):
        if b", file: " not in line:
            continue
        path = line.partition(b", file: ")[2].partition(b", syscall: ")[0]
        expect(line.startswith(b"mode: ") and b", process: " in line, "a torn line:", line)
        yield path.rpartition(b"/")[2].decode(errors="replace")


def check_jsonl(data, account):
    records = read_jsonl(data, torn=True)
    expect(not records or records[0]["type"] == "header", "no header first")
    expect(all(r["type"] != "end" for r in records), "an end, though it never came to one")
    compare(account, accesses(records), whole=False)
    return sum(r["type"] == "access" for r in records)


def check_text(data, account):
    names = list(read_text(data))
    expect(b"\nend: " not in data, "an end, though it never came to one")
    # failed look-ups are left out
    expect(all(number < len(account.digits(worker)) for worker, calls in
               worker_calls((name,) for name in names).items() for number, in calls), "invented calls")
    return len(names)


def check_report(bench, log):
    """The report tells that the end is missing, of whatever is there to be read."""
    done = subprocess.run([bench.report, log], capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)
    said = done.stdout + done.stderr
    expect(done.returncode == INCOMPLETE, "the report's status is", done.returncode, said[-300:])
    expect(b"has no end" in said or b"is empty" in said or b"is no log" in said or
           b"is no database" in said or b"cannot be read" in said,
           "the report says nothing of it:", said[-300:])
    if b"has no end" in said:
        expect(b"INCOMPLETE" in done.stdout, "the report calls it complete")


def read_again(bench, log):
    """The accesses that the report takes for whole ones."""
    done = subprocess.run([bench.report, "-o", "-", log, "jsonl"], capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)
    return done.stdout


def check_log(bench, log, kind, account):
    data = log.read_bytes()
    if kind == "text":
        return check_text(data, account)
    check_report(bench, log)
    if not data:
        return 0
    if kind == "jsonl":
        told = check_jsonl(data, account)
        again = check_jsonl_again(read_again(bench, log), account) if told else 0
        expect(again == told, "of", told, "whole records the report takes", again)
        return told
    # packed logs and databases as the report reads them: it must take nothing that is torn
    return check_jsonl_again(read_again(bench, log), account)


def check_jsonl_again(data, account):
    """What the report made of a log without an end has one, that says so."""
    if not data:
        return 0
    records = read_jsonl(data)
    expect(records[-1]["type"] == "end" and not records[-1]["complete"],
           "the report calls it complete:", records[-1])
    compare(account, accesses(records[:-1]), whole=False)
    return sum(r["type"] == "access" for r in records)


def wait_for(file, patience=60):
    """Until the job has begun: then there is something to lose."""
    end = time.monotonic() + patience
    while not (file.exists() and file.stat().st_size) and time.monotonic() < end:
        time.sleep(0.001)


def one_death(bench, rng, seed):
    engine, kind = ENGINES[seed % len(ENGINES)], rng.choice(FORMATS)
    place, log = bench.place(), bench.room / f"death.{kind}"
    number, after = rng.choice(SIGNALS), rng.choice([0.01, 0.05, 0.2, 0.5]) * rng.random()
    from_start = rng.random() < 0.3
    log.unlink(missing_ok=True)
    for extra in "-journal", "-wal", "-shm":
        pathlib.Path(f"{log}{extra}").unlink(missing_ok=True)
    process = bench.start(
        [bench.whatfiles, f"--engine={engine}", "--all", "-o", log, "--", bench.program("busy"), "0", seed, "table"],
        place, env=bench.crashing)
    if not from_start:
        wait_for(place / "table")
    time.sleep(after)
    process.send_signal(number)
    status, out, err = bench.finish(process, 60)
    what = (f"{engine} {kind} {number.name} {after * 1000:.1f} ms after "
            f"{'the start' if from_start else 'the first call'}:")
    expect(status == -number, what, "status", status, err[-300:])
    expect_nobody()
    told = 0
    if log.exists():
        account = Account(place / "table")
        expect(not account.wrong, what, "a call ended with errno", account.wrong)
        expect(not out, what, out)
        told = check_log(bench, log, kind, account)
        bench.sum["calls"] += account.total()
    bench.sum["told"] += told
    bench.sum["early"] += not told
    shutil.rmtree(place)


def one_round(bench, rng, seed, count):
    one_death(bench, rng, seed)
    return 1


def deaths(bench, args):
    bench.sum = {"calls": 0, "told": 0, "early": 0}
    done, failed = rounds(args, 1, lambda *how: one_round(bench, *how), "deaths")
    print(f"deaths: {done}, of them {bench.sum['early']} before anything was told; "
          f"{bench.sum['told']} accesses told, all true; {failed} went wrong")
    return failed
