# SPDX-License-Identifier: MIT
"""What stands in the HTML report, without a browser; tests/html has what it looks like."""

import base64
import json
import os
import pathlib
import re
import subprocess

import pytest


class Reader:
    """Numbers and strings of a block, as sink/html.h describes them."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def string(self):
        length = self.number()
        self.at += length
        assert self.at <= len(self.data)
        return self.data[self.at - length:self.at]

    def done(self):
        return self.at == len(self.data)


class Report:
    def __init__(self, page):
        block = re.search(rb'<script type="text/plain" id="data">([A-Za-z0-9+/= ]*)</script>', page)
        first, second = [Reader(base64.b64decode(b, validate=True)) for b in block[1].split(b" ")]
        self.run = json.loads(first.string())
        self.files = self.read_files(first)
        self.processes = self.read_processes(first)
        for file in self.files.values():
            file["uses"] = self.read_uses(second, file)
        assert first.done() and second.done()

    def read_files(self, r):
        files, name = {}, b""
        for _ in range(r.number()):
            name = name[:r.number()] + r.string()
            keys = ["mount", "role", "flags", "calls", "failed", "first", "took", "users"]
            file = {key: r.number() for key in keys}
            file["role"] = self.run["roles"][file["role"]][0]
            files[name] = file
        assert list(files) == sorted(files)
        return files

    def read_processes(self, r):
        processes = []
        for _ in range(r.number()):
            p = {key: r.number() for key in ["pid", "parent", "start", "took", "status", "calls",
                                             "failed", "files"]}
            p |= {key: r.string() for key in ["name", "exe", "cwd"]}
            p["execs"] = [(r.number(), r.string(), r.number(), r.string().split(b"\0")[:-1])
                          for _ in range(r.number())]
            processes.append(p)
        return processes

    def read_uses(self, r, file):
        uses, number = [], 0
        for _ in range(r.number()):
            step = r.number()
            number += step >> 1 ^ -(step & 1)
            use = {"process": self.processes[number], "op": self.run["ops"][r.number()][0],
                   "error": r.number(), "calls": r.number(), "first": file["first"] + r.number()}
            use["to"] = r.string() if r.number() else None
            uses.append(use)
        return uses


@pytest.fixture
def made_up(whatfiles, tmp_path):
    def made_up(kind):
        program = pathlib.Path(whatfiles).parent / "tests" / "made-up"
        if not program.exists():
            pytest.skip(f"needs {program}, which a whole build makes")
        page = tmp_path / f"{kind}.html"
        subprocess.run([program, kind, page], check=True, timeout=60)
        return page.read_bytes()
    return made_up


def test_report_of_a_command(run, tmp_path):
    (tmp_path / "in").write_text("x")
    script = "cat in >mid; mv mid out; cat nothing 2>/dev/null; exit 3"
    done = run("sh", "-c", script, log="run.html", options=[], cwd=tmp_path)
    assert done.status == 3 and done.stderr == b""
    report, top = Report(done.text), os.fsencode(tmp_path)
    assert report.run["command"] == ["sh", "-c", script] and report.run["cwd"] == str(tmp_path)
    assert report.run["complete"] and report.run["status"] == (3 << 8) + 2
    roles = {name: report.files[top + b"/" + name]["role"]
             for name in (b"in", b"mid", b"out", b"nothing")}
    assert roles == {b"in": "input", b"mid": "passing", b"out": "output", b"nothing": "missing"}
    shell, first, mover, second = report.processes
    assert [p["name"] for p in report.processes] == [b"sh", b"cat", b"mv", b"cat"]
    assert [p["parent"] for p in report.processes] == [0, 1, 1, 1]
    assert shell["status"] == (3 << 8) + 2 and mover["status"] == 2
    assert first["execs"][0][3] == [b"cat", b"in"] and second["execs"][0][3] == [b"cat", b"nothing"]
    moved = [(u["process"]["name"], u["op"], u["to"])
             for u in report.files[top + b"/mid"]["uses"] if u["to"]]
    assert moved == [(b"mv", "rename", top + b"/out")]
    missed = [(u["op"], report.run["errors"][str(u["error"] - 1)])
              for u in report.files[top + b"/nothing"]["uses"]]
    assert missed == [("read", "ENOENT")]
    for file in report.files.values():
        assert file["users"] == len({u["process"]["pid"] for u in file["uses"]})


def test_names_stay_bytes_and_never_become_markup(run, made_up, tmp_path):
    names = [b"<script>", b"&lt;", b"a\nb", b"\xff\xfe", "\u2028".encode(), b"DATA", b"<title>"]
    for name in names:
        (pathlib.Path(os.fsdecode(tmp_path)) / os.fsdecode(name)).write_text("")
    done = run("cat", *names, log="run.html", options=[], cwd=tmp_path)
    page = done.text
    assert {os.fsencode(tmp_path) + b"/" + n for n in names} <= set(Report(page).files)
    plain = run("true", log="plain.html", options=[], cwd=tmp_path).text
    cut = re.compile(rb'(id="data">)[A-Za-z0-9+/= ]*<')
    assert cut.sub(rb"\1<", page) == cut.sub(rb"\1<", plain)
    odd = Report(made_up("odd"))
    assert b"/t/</script><script>window.pwned = 1</script>" in odd.files
    assert odd.files[b"/t/bad\xff\xfe\xc3("]["role"] == "input"
    assert odd.run["command"][2]["hex"].endswith("ff")


def test_report_of_a_log(run, whatfiles, tmp_path):
    """What the report makes of a log is what the run itself would have made."""
    done = run("sh", "-c", "cat /etc/passwd; ls /nothing; exit 1", options=["-o", "live.html", "--all"],
               cwd=tmp_path)
    live = Report((tmp_path / "live.html").read_bytes())
    report = pathlib.Path(whatfiles).parent / "whatfiles-report"
    if not report.exists():
        pytest.skip(f"needs {report}, which a whole build makes")

    def again(log):
        subprocess.run([report, log, "html", "-o", tmp_path / "later.html"], check=True, timeout=60)
        return Report((tmp_path / "later.html").read_bytes())

    later = again(done.log_path)
    # a log tells the moments as exactly as the run does, but not what it left out
    assert later.files == live.files and later.processes == live.processes
    assert later.run == live.run
    header, rest = done.text.split(b"\n", 1)
    header = json.loads(header) | {"attached": [42, 43], "command": []}
    (tmp_path / "attached.jsonl").write_bytes(json.dumps(header).encode() + b"\n" + rest)
    assert again(tmp_path / "attached.jsonl").run["attached"] == [42, 43]


def test_page_asks_nobody(run):
    page = run("true", log="run.html", options=[]).text
    assert not re.search(rb"https?://|src=|href=|url\(|@import|fetch\(|XMLHttp|innerHTML|\beval\b", page)
    assert b"default-src 'none'" in page


def test_what_cannot_be_written(run, tool, tmp_path):
    done = run("true", log="/dev/full", options=["-f", "html"])
    assert done.status == 125 and b"/dev/full: No space left" in done.stderr
    done = tool("-s", "-f", "html", "--", "true")
    assert done.status == 0 and done.stdout.startswith(b"<!doctype html>")
    assert done.stdout.endswith(b"</html>\n") and Report(done.stdout).run["complete"]
