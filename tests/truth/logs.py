# SPDX-License-Identifier: MIT
"""Reads text and JSONL logs by what whatfiles-log(5) says of them, and by nothing else.

It shares no code with whatfiles and is strict: Forged is raised for anything that a log cannot
have by its description, such as a control character or a byte that should have been escaped.
"""

import errno
import json
import re

LETTERS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f",
           b"r": b"\r", b"\\": b"\\"}
ESCAPE = re.compile(rb"\\(?:([abtnvfr\\])|x([0-9a-f]{2})|u([0-9a-f]{4})|)", re.S)

# What neither log may hold as it is: C0 but for the newline, DEL, C1, line separators, and
# what changes the direction of writing.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
INVALID = re.compile("[\udc80-\udcff]")

# The fields of a line of text, in their order; but for the first ones each may be left out.
ALWAYS = [b"mode", b"file", b"syscall", b"PID", b"process"]
SOMETIMES = [b"to", b"error", b"result", b"note", b"opened", b"file after", b"to after", b"real",
             b"dev", b"ino", b"mnt", b"fd"]
ESCAPED = {b"file", b"process", b"to", b"opened", b"file after", b"to after", b"real"}


class Forged(Exception):
    """The log holds what it cannot hold by its description."""


def lines_of(file):
    """The lines of a log, each checked for what no line may hold."""
    for line in file:
        try:
            found = RAW.search(line.decode())
        except UnicodeDecodeError as why:
            raise Forged(f"no UTF-8: {why}: {line[:400]!r}") from None
        if found or not line.endswith(b"\n"):
            raise Forged(f"raw {found and found[0]!r}: {line[:400]!r}")
        yield line[:-1]


# --- text -----------------------------------------------------------------------------------


def undo(match):
    letter, byte, code = match.groups()
    if letter:
        return LETTERS[letter]
    if byte:
        return bytes.fromhex(byte.decode())
    if code:
        return chr(int(code, 16)).encode()
    raise Forged(f"no escape: {match.string[match.start():][:20]!r}")


def unescape(field):
    return ESCAPE.sub(undo, field) if b"\\" in field else field


def is_in_order(keys):
    """Whether these are the fields of a line; of notes there may be several."""
    places = [SOMETIMES.index(key) if key in SOMETIMES else -1 for key in keys[len(ALWAYS):]]
    return keys[:len(ALWAYS)] == ALWAYS and -1 not in places and all(
        a < b or a == b == SOMETIMES.index(b"note") for a, b in zip(places, places[1:]))


def text_access(line):
    """A line of a text log as a dict of its fields; of several notes the last."""
    fields = [field.split(b": ", 1) for field in line.split(b", ")]
    if not is_in_order([field[0] for field in fields]):
        raise Forged(f"not the fields of a line: {line[:400]!r}")
    found = {key.decode(): unescape(value) if key in ESCAPED else value for key, value in fields}
    found["mode"] = found["mode"].strip()
    return found


def text_log(file):
    """Each access of a text log; at last its end, as a dict with the key "end"."""
    last = None
    for line in lines_of(file):
        if last is not None:
            if last.startswith(b"end: "):
                raise Forged(f"a line behind the end: {line[:400]!r}")
            yield text_access(last)
        last = line
    if last is None or not last.startswith(b"end: "):
        raise Forged("no end")
    yield dict(part.split(": ", 1) for part in last.decode().split(", "))


def error_of(found):
    """The number of the error that a line of text has, 0 for none."""
    name = found.get("error", b"").decode()
    return getattr(errno, name) if name else 0


# --- JSONL ----------------------------------------------------------------------------------


def pairs(members):
    found = dict(members)
    if len(found) != len(members):
        raise Forged(f"a key twice: {members!r}"[:400])
    return found


DECODER = json.JSONDecoder(object_pairs_hook=pairs)


def exact(text, hexed):
    """The bytes of a name from its string and, where the bytes are no UTF-8, its hex digits."""
    if hexed is None:
        return text.encode()
    data = bytes.fromhex(hexed)
    decoded = data.decode(errors="surrogateescape")
    if hexed != data.hex() or not INVALID.search(decoded):
        raise Forged(f"hex digits without need, or not in lower case: {hexed[:400]}")
    if INVALID.sub("\ufffd", decoded) != text:
        raise Forged(f"string and hex digits differ: {text[:400]!r} {hexed[:800]}")
    return data


def name(record, key):
    """The bytes of the name @key of a record, None where it has none."""
    text = record.get(key)
    if text is None:
        if key + "_hex" in record:
            raise Forged(f"{key}_hex without {key}")
        return None
    return exact(text, record.get(key + "_hex"))


def array(record, key):
    """The bytes of each name in an array."""
    return [exact(each, None) if isinstance(each, str) else exact(each["text"], each["hex"])
            for each in record[key]]


def jsonl_log(file):
    """Each record of a JSONL log."""
    last = None
    for line in lines_of(file):
        try:
            record, end = DECODER.raw_decode(line.decode())
        except (ValueError, UnicodeError) as why:
            raise Forged(f"no JSON: {why}: {line[:400]!r}") from None
        if end != len(line.decode()) or not isinstance(record, dict):
            raise Forged(f"more than one object: {line[:400]!r}")
        if last == "end":
            raise Forged(f"a line behind the end: {line[:400]!r}")
        last = record["type"]
        yield record
    if last != "end":
        raise Forged("no end")
