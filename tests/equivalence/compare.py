# SPDX-License-Identifier: MIT
"""Two accounts of the same job, taken by different engines: what one has and the other has not.

No job does exactly the same twice, so its own variation is learnt from several runs of one
engine: an event may happen as often as it did in any of them, and what never varied must not
vary with the other engine either.
"""

import collections
import json
import os
import re

# Numbers that the kernel hands out anew each time.
ANEW = [
    (re.compile(rb"^/proc/\d+(?=/|$)"), rb"/proc/PID"),
    (re.compile(rb"^(/proc/PID/task)/\d+"), rb"\1/TID"),
    (re.compile(rb"^(pipe|socket|mnt|net|pid):\[\d+\]"), rb"\1:[N]"),
    (re.compile(rb"^/dev/pts/\d+$"), rb"/dev/pts/N"),
]

# What the kernel calls our memory: who asks for the file behind each of its mappings finds none.
OURS = re.compile(rb"^/SYSV[0-9a-f]{8} \(deleted\)$")

NAMES = ("path", "to", "name", "to_name")


def name_of(record, key):
    if key + "_hex" in record:
        return bytes.fromhex(record[key + "_hex"])
    value = record.get(key)
    return None if value is None else os.fsencode(value)


class Account:
    """The events of one log: all of them counted, and those of each process in their order."""

    def __init__(self, log, temporary=(), loose=(), polled=()):
        with open(log, "rb") as lines:
            self.records = [json.loads(line) for line in lines]
        self.end = self.records[-1]
        self.temporary = [(re.compile(t.encode()), b"TEMPORARY") for t in temporary]
        self.loose = loose
        self.polled = [re.compile(p) for p in polled]
        self.ours = 0
        self.pids = self.pid_pattern()
        self.places = {}
        self.forks = collections.Counter()
        self.threaded = set()
        self.events = collections.Counter()
        self.sequences = collections.defaultdict(list)
        for record in self.records[1:-1]:
            self.take(record)
        del self.records

    def pid_pattern(self):
        """Every pid of the job as a word of its own; ordinary numbers are too short for one."""
        pids = {str(r[k]) for r in self.records for k in ("pid", "tid", "ppid") if r.get(k, 0) > 99}
        return re.compile(rb"(?<![0-9])(%s)(?![0-9])" % "|".join(pids or {"x"}).encode())

    def plain(self, name):
        if name is None:
            return None
        for pattern, instead in ANEW + self.temporary:
            name = pattern.sub(instead, name)
        return self.pids.sub(b"PID", name).decode("utf-8", "backslashreplace")

    def place(self, record):
        """Which process of the tree: its parent's place and which child of it."""
        proc = record["proc"]
        if record["type"] == "fork":
            parent = self.places.get(record["parent"], ())
            self.places[proc] = (*parent, self.forks[parent])
            self.forks[parent] += 1
        return self.places.setdefault(proc, ())

    def take(self, record):
        place = self.place(record)
        if record["type"] == "access" and OURS.match(name_of(record, "path")):
            self.ours += 1
            return
        event = self.event(record)
        if any(p.search(str(event[4])) for p in self.polled if len(event) > 4):
            self.events[event] = 1
            return
        self.events[event] += 1
        self.sequences[place].append(event)
        if record.get("tid", record["pid"]) != record["pid"]:
            self.threaded.add(place)

    def event(self, record):
        kind = record["type"]
        if kind == "exec":
            words = [w["text"] if isinstance(w, dict) else w for w in record["argv"]]
            return kind, *(self.plain(os.fsencode(w)) for w in (record.get("exe", ""), *words))
        if kind == "exit":
            return kind, record.get("status"), record.get("signal")
        if kind != "access":
            return kind, record.get("vm_shared", False)
        return (record.get("process"), record["op"], record["call"], record.get("abi"),
                *(self.plain(name_of(record, key)) for key in NAMES), record.get("flags"),
                self.outcome(record), record.get("by_kernel", False))

    def outcome(self, record):
        if "result" in record:
            return "done" if "result" in self.loose else record["result"]
        return record.get("error", "unfinished" if "unfinished" in record else None)


class Range:
    """What several runs of one engine agree in."""

    def __init__(self, accounts):
        self.accounts = accounts

    def outside(self, other):
        """event -> by how many the other account is above or below what was ever seen."""
        found = {}
        for event in set(other.events).union(*(a.events for a in self.accounts)):
            counts = [a.events[event] for a in self.accounts]
            n = other.events[event]
            if n > max(counts):
                found[event] = n - max(counts)
            elif n < min(counts):
                found[event] = n - min(counts)
        return found

    def varies(self):
        """Events that one engine alone saw differently often."""
        first, *rest = self.accounts
        events = set(first.events).union(*(a.events for a in rest))
        return {e for e in events if any(a.events[e] != first.events[e] for a in rest)}

    def disordered(self, other):
        """Processes of one thread that always did the same, in another order there."""
        first, *rest = self.accounts
        return [place for place, events in first.sequences.items()
                if all(a.sequences.get(place) == events for a in rest)
                and place not in first.threaded
                and place in other.sequences and other.sequences[place] != events
                and sorted(map(repr, events)) == sorted(map(repr, other.sequences[place]))]
