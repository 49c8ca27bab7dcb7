# SPDX-License-Identifier: MIT
"""The database: the same facts as the log, whatever ends the run, and questions in one line."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest
from conftest import TOP, Log, assert_nobody_left, name_of, wait_until


@pytest.fixture(autouse=True)
def built_in(tool):
    if b"not built in" in tool("-f", "sqlite", "-s", "true").stderr:
        pytest.skip("whatfiles was built without libsqlite3")


def connect(path):
    """Read only, so that a test does not repair what it looks at."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    return db


def check(db):
    """What holds in every database."""
    assert [tuple(r) for r in db.execute("PRAGMA integrity_check")] == [("ok",)]
    assert db.execute("PRAGMA user_version").fetchone()[0] == 1
    assert db.execute("PRAGMA application_id").fetchone()[0] == 0x7766696C
    for table, column, of in [("access", "process", "process"), ("access", "path", "path"),
                              ("call", "access", "access"), ("role", "path", "path"),
                              ("exec", "process", "process")]:
        lost = f"SELECT count(*) FROM {table} WHERE {column} NOT IN (SELECT rowid FROM {of})"
        assert db.execute(lost).fetchone()[0] == 0, (table, column)
    return db


def as_bytes(value):
    return os.fsencode(value) if isinstance(value, str) else value


def both(run, tmp_path, *command, options=("--all",), **how):
    """The same run as a database and as a log."""
    log, path = tmp_path / "x.jsonl", tmp_path / "x.db"
    result = run(*command, log=False, options=[*options, "-o", log, "-o", path], **how)
    return result, check(connect(path)), Log.parse(log.read_bytes())


def folded(log):
    """proc, op, path, to, error -> how often, first and last time; from a log with --all."""
    uses = {}
    for r in log.of("access"):
        error = "unfinished" if "unfinished" in r else r.get("error")
        key = r["proc"], r["op"], name_of(r, "path"), name_of(r, "to"), error
        first, count = uses.get(key, (r["t"], 0))[0], uses.get(key, (0, 0))[1]
        uses[key] = first, count + 1, r["t"]
    return uses


def accesses(db):
    rows = db.execute("SELECT process, op, p.path, to_name, error, first, count, last"
                      " FROM access a JOIN path p ON p.id = a.path")
    return {(r[0], r[1], as_bytes(r[2]), as_bytes(r[3]), r[4]): tuple(r)[5:] for r in rows}


SCRIPT = """
for i in 1 2 3; do cat in /nonexistent 2>/dev/null >"out $i"; done
: >tmp; mv tmp final; : >gone; rm gone; ls . >/dev/null; exit 3
"""


def test_the_same_as_in_the_log(run, tmp_path):
    (tmp_path / "in").write_text("x")
    result, db, log = both(run, tmp_path, "sh", "-c", SCRIPT, cwd=tmp_path)
    assert (result.status, result.stderr) == (3, b"")
    assert accesses(db) == folded(log)
    calls = [tuple(r) for r in db.execute("SELECT time, process, tid, op, path, call,"
                                          " result, error FROM calls ORDER BY id")]
    assert calls == [(r["t"], r["proc"], r["tid"], r["op"], r["path"], r["call"],
                      r.get("result"), r.get("error")) for r in log.of("access")]
    born = {r["proc"]: r for r in log.of("start", "fork")}
    died = {r["proc"]: r for r in log.of("exit")}
    rows = {r["id"]: r for r in db.execute("SELECT * FROM process")}
    assert set(rows) == set(born)
    for proc, row in rows.items():
        assert (row["pid"], row["parent"]) == (born[proc]["pid"], born[proc].get("parent"))
        assert (row["started"], row["ended"]) == (born[proc]["t"], died[proc]["t"])
        assert (row["status"], row["signal"]) == (died[proc].get("status"), None)
        assert row["calls"] == len([r for r in log.of("access") if r["proc"] == proc])
    execs = [(r["process"], json.loads(r["argv"])) for r in db.execute("SELECT * FROM exec")]
    assert execs == [(r["proc"], r["argv"]) for r in log.of("exec")]
    ran = db.execute("SELECT * FROM run").fetchone()
    assert json.loads(ran["command"]) == log.header["command"]
    assert (ran["cwd"], ran["started"]) == (str(tmp_path), log.header["started"])
    assert (ran["complete"], ran["status"], ran["all_calls"]) == (1, 3, 1)
    assert ran["accesses"] == log.end["accesses"]
    assert ran["calls_strict"] + ran["calls_fast"] == sum(log.end["calls"].values())


def test_without_all_it_is_the_same_but_for_calls(run, tmp_path):
    (tmp_path / "in").write_text("x")
    log, path = tmp_path / "x.jsonl", tmp_path / "x.sqlite"
    run("sh", "-c", SCRIPT, cwd=tmp_path, log=False, options=["-o", log, "-o", path])
    db = check(connect(path))
    assert len(accesses(db)) == len(Log.parse(log.read_bytes()).of("access"))
    again = db.execute("SELECT sum(count) - count(*), max(last - first) FROM access").fetchone()
    assert again[0] > 0 and again[1] > 0, "counts and times of those that came again"
    assert db.execute("SELECT count(*) FROM call").fetchone()[0] == 0


def test_roles(run, tmp_path):
    (tmp_path / "in").write_text("x")
    (tmp_path / "old").write_text("x")
    _, db, _ = both(run, tmp_path, "sh", "-c", ": >>old;" + SCRIPT, cwd=tmp_path)
    role = {r["path"][len(str(tmp_path)) + 1:]: r["role"] for r in db.execute(
        "SELECT path, role FROM files WHERE dir = ?", (f"{tmp_path}/",))}
    assert role == {"in": "input", "out 1": "output", "out 2": "output", "out 3": "output",
                    "tmp": "passing", "final": "output", "gone": "temporary",
                    "old": "modified"}
    assert db.execute("SELECT moved_to FROM files WHERE path GLOB '*/tmp'").fetchone()[0] == \
        f"{tmp_path}/final"
    assert "/nonexistent" in [r["path"] for r in db.execute("SELECT path FROM missing")]


def test_any_name(run, tmp_path):
    """TEXT where it is UTF-8, else a BLOB: the bytes come back either way."""
    names = [b"a\xff\xfeb", b"q'uo\"te", b"new\nline", b"\x01\x7f", "ü\u2028".encode(), b"\xc0\x80"]
    room = os.fsencode(tmp_path) + b"/"
    program = tmp_path / os.fsdecode(b"p\xffog")
    shutil.copy("/bin/cat", program)
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    _, db, log = both(run, tmp_path, program, *(room + n for n in names))
    assert accesses(db) == folded(log)
    kinds = {as_bytes(r[0]): r[1] for r in db.execute("SELECT path, typeof(path) FROM path")}
    for name in names:
        assert kinds[room + name] == ("blob" if name in (names[0], names[5]) else "text")
    row = db.execute("SELECT name, exe, argv FROM process").fetchone()
    assert (row[0], row[1]) == (b"p\xffog", os.fsencode(program))
    argv = [bytes.fromhex(a["hex"]) if isinstance(a, dict) else os.fsencode(a)
            for a in json.loads(row[2])]
    assert argv[1:] == [room + n for n in names]
    assert db.execute("SELECT count(*) FROM files WHERE dir GLOB ?",
                      (os.fsdecode(room),)).fetchone()[0] >= len(names) - 2


def test_killed(start, tmp_path):
    """All that was done a while ago is there, and that it was cut short shows."""
    path = tmp_path / "x.db"
    live = start("sh", "-c", "cat /etc/hostname >/dev/null; echo up; read x; sleep 100",
                 log=path.name, options=[], stdin=subprocess.PIPE)
    assert live.popen.stdout.readline() == b"up\n"

    def seen():
        try:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                return db.execute("SELECT count(*) FROM accesses WHERE op = 'read' AND path ="
                                  " '/etc/hostname'").fetchone()[0]
        except sqlite3.OperationalError:
            return 0  # its commit is on its way

    wait_until(seen, what="a commit, although nothing goes on")
    live.send(signal.SIGKILL)
    live.wait()
    assert_nobody_left()
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    check(db)
    assert seen() == 1
    ran = db.execute("SELECT * FROM run").fetchone()
    assert ran["complete"] is None and ran["status"] is None and ran["cwd"]
    assert db.execute("SELECT count(*) FROM files WHERE role IS NOT NULL").fetchone()[0] == 0


def test_killed_under_load(start, probe, tmp_path):
    """Whatever transaction was open: what is there has no hole."""
    path = tmp_path / "x.db"
    live = start(probe("open-names"), "10000000", log=path.name, stdout=subprocess.DEVNULL)

    def grown():
        try:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                return db.execute("SELECT max(id) FROM access").fetchone()[0] or 0
        except sqlite3.OperationalError:
            return 0

    wait_until(lambda: grown() > 1000, what="a commit")
    live.send(signal.SIGKILL)
    live.wait()
    assert_nobody_left()
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    check(db)
    ids = db.execute("SELECT count(*), min(id), max(id) FROM access").fetchone()
    assert ids[0] == ids[2] > 1000 and ids[1] == 1
    names = [r[0] for r in db.execute("SELECT path FROM path WHERE path GLOB '/nonexistent/*'"
                                      " ORDER BY id")]
    assert names == [f"/nonexistent/name-{i}" for i in range(len(names))]


def test_full_disk(start, probe, small_disk):
    """What was committed stays, with the verdict; the command goes on."""
    path = small_disk / "x.db"
    result = start(probe("open-names"), "5000", log=path, options=[]).wait()
    assert (result.status, result.stdout) == (125, b"done\n")
    assert result.stderr.count(b"\n") == 1 and b"No space left on device" in result.stderr
    assert os.listdir(small_disk) == ["x.db"], "nothing is left beside it"
    db = check(connect(path))
    ran = db.execute("SELECT * FROM run").fetchone()
    assert (ran["complete"], ran["status"]) == (0, 0)
    gap = db.execute("SELECT kind, example FROM gap").fetchone()
    assert gap["kind"] == "log" and gap["example"].endswith("No space left on device")


def test_a_full_disk_does_no_harm_to_the_others(start, probe, small_disk, tmp_path):
    """Several outputs, and only the database has no room."""
    (small_disk / "filler").write_bytes(bytes(150 * 1024))
    live = start(probe("open-names"), "3000", log="good.jsonl",
                 options=["--all", "-o", small_disk / "bad.db", "-o", tmp_path / "good.db"])
    result = live.wait()
    assert (result.status, result.stdout) == (125, b"done\n")
    assert result.log.end["complete"]
    db = check(connect(tmp_path / "good.db"))
    assert db.execute("SELECT complete FROM run").fetchone()[0] == 1
    count = db.execute("SELECT count(*) FROM path WHERE path GLOB '/nonexistent/*'").fetchone()[0]
    assert count == 3000 == len([r for r in result.log.accesses() if "/nonexistent/" in r["path"]])


def test_an_older_file_and_what_it_left(run, tmp_path):
    """With --overwrite it is emptied, as a log is; a journal that stands beside must not be taken for ours."""
    path = tmp_path / "x.db"
    writer = sqlite3.connect(path)
    writer.executescript("PRAGMA journal_mode = PERSIST; CREATE TABLE old (x); "
                         "INSERT INTO old VALUES (1)")
    writer.close()
    for ending in ("-journal", "-wal", "-shm"):
        (tmp_path / f"x.db{ending}").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(5000))
    path.write_bytes(b"no database " * 1000)
    assert run("true", log=False, options=["--overwrite", "-o", path]).status == 0
    assert os.listdir(tmp_path) == ["x.db"]
    db = check(connect(path))
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'old'").fetchone()[0] == 0
    assert db.execute("SELECT complete FROM run").fetchone()[0] == 1


def test_by_a_symbolic_link(run, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to("real/x")
    assert run("true", log=False, options=["--overwrite", "-o", tmp_path / "link.db"]).status == 0
    assert os.listdir(tmp_path / "real") == ["x"]
    check(connect(tmp_path / "real" / "x"))


def test_what_is_no_file_is_refused(tool, tmp_path):
    """Before the command starts."""
    os.mkfifo(tmp_path / "x.db")
    reader = os.open(tmp_path / "x.db", os.O_RDONLY | os.O_NONBLOCK)
    for words in (["-o", tmp_path / "x.db"], ["-f", "sqlite", "-s"], ["-o", "x.db.gz"],
                  ["-f", "sqlite", "-o", "/dev/null"]):
        result = tool(*words, "--", "sh", "-c", "echo ran", cwd=tmp_path)
        assert (result.status, result.stdout) == (2, b""), words
        assert result.stderr.startswith(b"whatfiles: ") and result.stderr.count(b"\n") == 1
    os.close(reader)


def test_a_reader_does_not_hold_up_the_command(start, probe, tmp_path):
    """Somebody who reads for long delays our commit, and nothing else."""
    path = tmp_path / "x.db"
    live = start("sh", "-c", f"echo up; read x; {probe('open-names')} 5000; sleep 3; echo over", log=path.name,
                 stdin=subprocess.PIPE, options=[])
    assert live.popen.stdout.readline() == b"up\n"
    wait_until(lambda: path.stat().st_size, what="the first commit")
    reader = sqlite3.connect(path, isolation_level=None, timeout=60)
    reader.execute("BEGIN")
    before = reader.execute("SELECT count(*) FROM access").fetchone()
    live.popen.stdin.write(b"\n")
    live.popen.stdin.flush()
    assert live.popen.stdout.readline() == b"done\n", "the command goes on"
    assert live.popen.stdout.readline() == b"over\n", "a commit was tried meanwhile"
    assert reader.execute("SELECT count(*) FROM access").fetchone() == before
    reader.execute("COMMIT")
    result = live.wait()
    assert (result.status, result.stderr) == (0, b"")
    assert connect(path).execute("SELECT count(*) FROM path WHERE path GLOB '/nonexistent/*'") \
        .fetchone()[0] == 5000


# --- whatfiles-db(5) -----------------------------------------------------------------------


def examples():
    page = (TOP / "src" / "man" / "whatfiles-db.5.scd").read_text()
    return re.findall(r"^\$ (sqlite3 .*)$", page[page.index("# EXAMPLES"):], re.M)


MAKEFILE = """
all: prog
main.o: main.c defs.h
\tcat defs.h main.c >main.tmp
\tcp main.tmp main.o
\trm main.tmp
prog: main.o
\t-env ./data
\tcp main.o prog
\t{more}
"""


@pytest.fixture
def project(run, tmp_path, needs):
    """A small build, and one before that made less."""
    needs("make", "sqlite3")
    for name in ("main.c", "defs.h", "data"):
        (tmp_path / name).write_text("x\n")
    for name, more in (("old.db", ":"), ("build.db", "cp main.o extra")):
        (tmp_path / "Makefile").write_text(MAKEFILE.format(more=more))
        for made in ("main.o", "prog"):
            (tmp_path / made).unlink(missing_ok=True)
        assert run("make", log=False, options=["--all", "-o", tmp_path / name],
                   cwd=tmp_path).status == 0
    return tmp_path


def test_examples(project):
    """Each of the man page runs, and says what it should."""
    answers = {}
    for command in examples():
        done = subprocess.run(["sh", "-c", command], cwd=project, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout, command
        answers[command] = done.stdout.splitlines()
    assert len(answers) >= 10

    def answer(*words):
        [found] = [lines for command, lines in answers.items()
                   if all(word in command for word in words)]
        return found

    made = [f"{project}/{name}" for name in ("extra", "main.o", "prog")]
    assert answer("SELECT path FROM outputs ORDER") == made
    assert "create|cp main.tmp main.o" in answer("FROM writers WHERE path", "to_name")
    outside = answer("FROM inputs, run")
    assert outside and not any(line.startswith(str(project)) for line in outside)
    assert f"create|{project}/prog|1" in answer("name = 'cp'")
    assert all(re.match(r"\d+\|/", line) for line in answer("FROM missing"))
    assert any(line.endswith(f"|exec|{project}/data|EACCES") for line in answer("FROM denied"))
    assert re.fullmatch(r"[\d.]+\|make", answer("round(seconds")[0])
    assert any(line.endswith(f"|{project}/") for line in answer("GROUP BY dir"))
    up = [line.split("|", 1)[1] for line in answer("RECURSIVE")]
    assert "make" in up and "cp main.tmp main.o" in up
    assert answer("SELECT complete") == ["1|"]
    assert answer("EXCEPT") == [f"{project}/extra"]
    assert sum(int(line.split("|")[1]) for line in answer("FROM calls")) > 50


# --- as input of whatfiles-report --------------------------------------------------------------


@pytest.fixture
def report(whatfiles):
    """report(*words) -> CompletedProcess of `whatfiles-report WORDS...`."""

    def report(*words, **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([f"{whatfiles}-report", *map(str, words)], capture_output=True,
                              check=False, timeout=60, **how)

    return report


@pytest.mark.parametrize("options", [[], ["--all"]], ids=["first", "all"])
def test_a_report_is_the_same_from_either(run, report, tmp_path, options):
    work = tmp_path / "work"
    work.mkdir()
    (work / "in").write_text("x")
    (work / os.fsdecode(b"odd\xff\n")).write_text("x")
    log, path = tmp_path / "x.jsonl", tmp_path / "x.db"
    script = SCRIPT.replace("exit 3", "cat odd*; kill -TERM $$")
    run("sh", "-c", script, cwd=work, log=False, options=[*options, "-o", log, "-o", path])
    for view in ("summary", "files", "inputs", "outputs", "temporaries", "missing", "denied",
                 "tree", "text"):
        by_log, by_database = report(log, view), report(path, view)
        assert (by_log.returncode, by_log.stderr) == (0, b"") and by_log.stdout or view == "denied"
        assert by_database.stdout == by_log.stdout, view
        assert (by_database.returncode, by_database.stderr) == (0, b""), view
    who = [report(source, "who", work / "in").stdout for source in (log, path)]
    assert who[0] == who[1] != b""
    again = Log.parse(report(path, "jsonl").stdout)
    assert folded(again) == folded(Log.parse(log.read_bytes()))


def test_a_report_on_what_a_kill_left(start, report, tmp_path):
    """What was committed, and that it was cut short."""
    path = tmp_path / "x.db"
    live = start("sh", "-c", "cat /etc/hostname >/dev/null; echo up; read x; sleep 100",
                 log=path.name, options=[], stdin=subprocess.PIPE)
    assert live.popen.stdout.readline() == b"up\n"
    wait_until(lambda: b"/etc/hostname\n" in report(path, "inputs").stdout, what="a commit")
    live.send(signal.SIGKILL)
    live.wait()
    assert_nobody_left()
    done = report(path, "inputs")
    assert b"/etc/hostname\n" in done.stdout
    assert done.returncode == 2 and b"it was cut short" in done.stderr


def test_databases_that_are_refused(run, report, tmp_path):
    path = tmp_path / "x.db"
    run("true", log=False, options=["-o", path])
    assert report("-", stdin=open(path, "rb")).returncode == 2
    whole = path.read_bytes()

    def told(what, *words):
        done = report(path, *words)
        assert done.returncode == 2 and what in done.stderr, done
        assert done.stderr.startswith(b"whatfiles-report: ") and not done.stdout

    path.write_bytes(whole[:9000])
    told(b"the database cannot be read")
    path.write_bytes(whole[:100])
    told(b"the database cannot be read")
    path.write_bytes(whole)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    told(b"newer than this program")
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE run (complete)")
    told(b"a database, and none of whatfiles")
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA application_id = {0x7766696c}")
        db.execute("PRAGMA user_version = 1")
    told(b"the database cannot be read")
