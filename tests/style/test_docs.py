"""What is written for people agrees with the program."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from test_style import tool

TOP = Path(__file__).resolve().parent.parent.parent
WHATFILES = os.environ.get("WHATFILES", str(TOP / "build" / "whatfiles"))
MAN = TOP / "src" / "man"
REPORT = os.path.join(os.path.dirname(WHATFILES), "whatfiles-report")
COMPLETIONS = TOP / "src" / "completions"


def options(table="options.def"):
    """(short, long, argument) of each row of a table of options."""
    text = (TOP / "src" / "cli" / table).read_text()
    rows = re.findall(r"^OPT\(\w+,\s*(?:'(.)'|0),\s*\"([\w-]+)\",\s*(NULL|\"[^\"]*\")", text, re.M)
    assert len(rows) == len(re.findall(r"^OPT\(", text, re.M)) > 3
    return [(s, l, None if a == "NULL" else a.strip('"')) for s, l, a in rows]


def words(table):
    text = (TOP / "bpf-filters" / table).read_text()
    return re.findall(r'^(?:CLASS|OP)\(\w+,\s*"([\w/]+)"', text, re.M)


def run(*args, program=WHATFILES):
    return subprocess.run([program, *args], capture_output=True, text=True, check=False,
                          timeout=30, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("page", sorted(p.name for p in MAN.glob("*.scd")))
def test_man_page_is_sound(page):
    rendered = subprocess.run([tool("scdoc")], input=(MAN / page).read_bytes(),
                              capture_output=True, check=False, timeout=30)
    assert rendered.returncode == 0, rendered.stderr.decode()
    lint = subprocess.run([tool("mandoc"), "-Tlint", "-Wwarning"], input=rendered.stdout,
                          capture_output=True, check=False, timeout=30)
    # scdoc always begins with a comment and its own macros, which mandoc remarks on
    serious = [l for l in lint.stdout.decode().splitlines() if "ERROR" in l or "UNSUPP" in l]
    assert not serious


PROGRAMS = pytest.mark.parametrize("table, name, program", [
    ("options.def", "whatfiles", WHATFILES),
    ("report-options.def", "whatfiles-report", REPORT)])


@PROGRAMS
def test_options_are_in_the_man_page(table, name, program):
    assert program
    text = (MAN / f"{name}.1.scd").read_text().replace("\\", "")
    for short, long, _ in options(table):
        assert f"*--{long}*" in text, f"--{long} is not in {name}(1)"
        if short:
            assert f"*-{short}*" in text, f"-{short} is not in {name}(1)"


@PROGRAMS
def test_options_are_in_the_help(table, name, program):
    assert name
    text = run("--help", program=program).stdout
    for short, long, _ in options(table):
        assert f"--{long}" in text
        if short:
            assert f"-{short}, --{long}" in text


@PROGRAMS
@pytest.mark.parametrize("file", ["{}.bash", "_{}", "{}.fish"])
def test_options_are_completed(table, name, program, file):
    assert program
    text = (COMPLETIONS / file.format(name)).read_text()
    for short, long, _ in options(table):
        assert re.search(rf"(--|-l ){long}\b", text), f"--{long} is not in {file}"
        if short:
            assert re.search(rf"(-|-s ){short}\b", text), f"-{short} is not in {file}"


def test_views_roles_and_formats_are_documented():
    text = run("--help", program=REPORT).stdout
    page = (MAN / "whatfiles-report.1.scd").read_text()
    views = re.findall(r"^  (\w+)", text.split("\nviews:")[1].split("\nor any")[0], re.M)
    formats = re.findall(r"^  ([\w-]+)", text.split("format of a log:")[1], re.M)
    assert "summary" in views and "jsonl" in formats
    for word in views:
        assert re.search(rf"^\*{word}\*", page, re.M), f"view {word}"
    roles = (TOP / "include" / "model" / "roles.def").read_text()
    for word in re.findall(r'^ROLE\(\w+,\s*"(\w+)"', roles, re.M):
        assert re.search(rf"[-|] \*{word}\*", page), f"role {word}"
    sets = (TOP / "include" / "model" / "sets.def").read_text()
    for word, globs in re.findall(r'^SET\("(\w+)",\s*"([^"]*)"', sets, re.M):
        for name in ("whatfiles.1.scd", "whatfiles-report.1.scd"):
            line = f"\t*@{word}*: {globs}\n"
            assert line in (MAN / name).read_text().replace("\\*", "*"), (name, word)
    for file in ("whatfiles-report.bash", "_whatfiles-report", "whatfiles-report.fish"):
        for word in views + formats:
            assert re.search(rf"\b{word}\b", (COMPLETIONS / file).read_text()), (file, word)


def test_classes_and_operations_are_documented():
    page = (MAN / "whatfiles.1.scd").read_text()
    help_text = run("--help").stdout
    for word in words("classes.def"):
        assert f"*{word}*" in page, f"class {word} is not in whatfiles(1)"
        assert re.search(rf"^  {word} ", help_text, re.M), f"class {word} is not in --help"
        for file in ("whatfiles.bash", "_whatfiles", "whatfiles.fish"):
            assert re.search(rf"\b{word}\b", (COMPLETIONS / file).read_text()), (word, file)
    log = (MAN / "whatfiles-log.5.scd").read_text()
    for word in words("ops.def"):
        assert re.search(rf"\b{word}\b", log), f"operation {word} is not in whatfiles-log(5)"


def test_gaps_are_documented():
    log = (MAN / "whatfiles-log.5.scd").read_text()
    gaps = (TOP / "include" / "model" / "gaps.def").read_text()
    for word in re.findall(r'^GAP\(\w+,\s*"([\w-]+)"', gaps, re.M):
        assert re.search(rf"\b{word}\b", log.replace("\\", "")), word


def test_bash_completion_loads_and_completes():
    script = f"""
        COMP_WORDS=(whatfiles --ev); COMP_CWORD=1; COMP_LINE='whatfiles --ev'; COMP_POINT=14
        . /usr/share/bash-completion/bash_completion
        . {COMPLETIONS}/whatfiles.bash
        _whatfiles
        echo "${{COMPREPLY[*]}}"
    """
    if not os.path.exists("/usr/share/bash-completion/bash_completion"):
        pytest.skip("bash-completion is not installed: tests/packages tests")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False,
                          timeout=30)
    assert "--events" in done.stdout, done.stderr


def test_tests_that_the_table_names_are_there():
    text = (TOP / "tests" / "README.md").read_text()
    e2e = "\n".join(p.read_text() for p in (TOP / "tests" / "e2e").glob("*.py"))
    for word in re.findall(r"`([\w./:-]+)`", text.split("| case |")[1]):
        file, _, name = word.partition("::")
        if file.endswith((".py", ".c")):
            assert any((TOP / "tests" / d / file).exists() for d in ("", "e2e")), word
            name = name or None
        else:
            name = file
        assert name is None or f"def {name}(" in e2e, word
