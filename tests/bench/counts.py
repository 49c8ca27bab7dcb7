"""What a tracer tells of itself: how many calls it recorded, how many ptrace stops that took, whether all is there.

A reader gets the path that stood for {log} and returns a dictionary: "calls" and "stops" are shown in the table,
"incomplete" (a reason) marks the run as failed, whatever else is there goes into the JSON file. A tracer's reader is
found by the name of its program. A tracer that none is written for can say it itself, see told().
"""

import json
import os


def of(program, log):
    """The counts of one run of this program, and the size of its log."""
    files = log_files(log)
    counts = {"log_bytes": sum(file.stat().st_size for file in files)}
    for prefix, reader in READERS.items():
        if program.startswith(prefix):
            counts.update(reader([file for file in files if file.name != log.name + ".counts"]))
    counts.update(told(log))
    return counts


def log_files(log):
    """Every file that the tracer made of {log}, with whatever ending."""
    return sorted(file for file in log.parent.glob(log.name + "*") if file.is_file())


def told(log):
    """What a wrapper around a tracer may leave beside its log: {log}.counts, a JSON object such as {"calls": 12}."""
    try:
        counts = json.loads(log.with_name(log.name + ".counts").read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        return {"incomplete": f"unreadable .counts: {error}"}
    return counts if isinstance(counts, dict) else {"incomplete": "a .counts that is no object"}


def whatfiles(files):
    """From the end record, the last line of the one JSONL log (others may be beside it): totals, exit status, complete or why not.

    Where exactly a total stands is the log's schema's business: calls and stops are taken from the record or from an
    object inside it, and the record is kept whole as "end", so that later numbers (calls for each engine, reasons for
    stops) are in the JSON file without a change here.
    """
    logs = [file for file in files if file.suffix == ".jsonl"]
    if len(logs) != 1:
        return {"incomplete": f"{len(logs)} logs"}
    try:
        end = json.loads(last_line(logs[0]))
    except ValueError:
        return {"incomplete": "no end record"}
    if not isinstance(end, dict) or end.get("type") != "end":
        return {"incomplete": "no end record"}
    counts = {"end": end, "calls": find(end, "calls"), "stops": find(end, "stops")}
    if end.get("complete") is not True:
        kinds = [f"{gap.get('count')} {gap.get('kind')}" for gap in end.get("gaps", [])]
        counts["incomplete"] = ", ".join(kinds) or f"complete is {end.get('complete')!r}"
    return counts


def find(record, key):
    """The number of this name in the record or one level below it; a table of numbers is added up."""
    for place in [record, *(value for value in record.values() if isinstance(value, dict))]:
        value = place.get(key)
        if isinstance(value, dict):
            value = sum(number for number in value.values() if isinstance(number, int))
        if isinstance(value, int):
            return value
    return None


def last_line(file):
    """The last line of a file, which may be far too large to read whole."""
    with open(file, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - (1 << 20)))
        lines = stream.read().splitlines()
    return lines[-1] if lines else b""


def strace(files):
    """Counts the calls in the log; strace does not tell its stops.

    A call that another process' line interrupted stands there twice, as "<unfinished ...>" and "<... open resumed>":
    the second is not counted. Neither are signals (---) and exits (+++).
    """
    calls = 0
    for file in files:
        with open(file, "rb") as stream:
            for line in stream:
                words = line.split(None, 2)
                calls += len(words) > 1 and not words[1].startswith((b"<...", b"---", b"+++"))
    return {"calls": calls}


READERS = {"whatfiles": whatfiles, "strace": strace}
