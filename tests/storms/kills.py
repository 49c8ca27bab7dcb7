# SPDX-License-Identifier: MIT
"""Tracees that are killed at any moment."""

import errno
import shutil

from storms import ENGINES, Account, accesses, expect, expect_nobody, read_jsonl, rounds, worker_calls

ROUND = 1000


def compare_worker(worker, digits, made, whole=True):
    """In their order, once each; a call that never returned may be missing, or unfinished.

    Where the record need not be whole, what comes after its end is missing, and nothing else.
    """
    at = -1
    for number, result in made:
        expect(number > at, f"worker {worker}: call {number} is told twice or out of order")
        expect(number < len(digits) and digits[number], f"worker {worker}: call {number} is invented")
        missed = [i for i in range(at + 1, number) if digits[i] == 2]
        expect(not missed, f"worker {worker}: lost: {missed[:3]}")
        expect(result == errno.ENOENT or digits[number] == 1 and result in (None, errno.EINTR),
               f"worker {worker}: call {number} is told as {result}")
        at = number
    missed = [i for i in range(at + 1, len(digits)) if digits[i] == 2]
    expect(not whole or not missed, f"worker {worker}: lost at the end: {missed[:3]}")


def compare(account, names, whole=True):
    made = worker_calls(names)
    expect(all(worker < account.workers for worker in made), "workers that never were")
    for worker in range(account.workers):
        compare_worker(worker, account.digits(worker), made.get(worker, []), whole)


def compare_processes(records):
    """Whoever was born ended, once."""
    born = [r["proc"] for r in records if r["type"] in ("start", "fork")]
    ended = [r["proc"] for r in records if r["type"] == "exit"]
    expect(len(set(born)) == len(born), "a process was born twice")
    expect(sorted(born) == sorted(ended), "births and ends differ:",
           sorted(set(born) ^ set(ended))[:5])


def one_round(bench, rng, seed, count):
    engine = ENGINES[seed % len(ENGINES)]
    place, log = bench.place(), bench.room / "kills.jsonl"
    ring = rng.choice([1, 1, 16])
    process = bench.start(
        [bench.whatfiles, f"--engine={engine}", f"--ring-size={ring}", "--all", "--overwrite",
         "-o", log, "--", bench.program("busy"), count, seed, "table"], place)
    status, out, err = bench.finish(process, 120 + count / 10)
    expect(status == 7, "status", status, out[-300:], err[-300:])
    expect_nobody()
    account, records = Account(place / "table"), read_jsonl(log.read_bytes())
    expect(not account.wrong, "a call ended with errno", account.wrong)
    gaps = {gap["kind"] for gap in records[-1]["gaps"]}
    # calls that were killed in the middle are said to be
    expect(gaps <= {"unfinished"}, "incomplete:", records[-1]["gaps"])
    compare(account, accesses(records))
    compare_processes(records)
    shutil.rmtree(place)
    bench.sum["calls"] += account.total()
    bench.sum[engine] += account.kills
    return account.kills


def kills(bench, args):
    bench.sum = {"calls": 0, "fast": 0, "strict": 0}
    done, failed = rounds(args, ROUND, lambda *how: one_round(bench, *how), "kills")
    print(f"kills: {done} processes killed ({bench.sum['fast']} fast, {bench.sum['strict']} strict) "
          f"while they made {bench.sum['calls']} calls; {failed} rounds went wrong")
    return failed
