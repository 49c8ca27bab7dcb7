"""Every command in the README does what it says, in a copy of the checkout."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
WHATFILES = os.environ.get("WHATFILES", str(TOP / "build" / "whatfiles"))


def blocks():
    return re.findall(r"```sh\n(.*?)```", (TOP / "README.md").read_text(), re.S)


@pytest.fixture
def copy(tmp_path):
    """What a clone would hold: tracked files, and new ones that git does not ignore."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, text=True,
                           capture_output=True, check=True, timeout=60).stdout.splitlines()
    for name in names:
        if (TOP / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, tmp_path / name)
    return tmp_path


def shell(command, cwd, timeout):
    return subprocess.run(["sh", "-c", command], cwd=cwd, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, check=False, timeout=timeout)


def test_the_blocks_are_known():
    assert len(blocks()) == 5, "a new block needs a test here"


def test_first_command_sets_up_and_shows_something(copy):
    if os.geteuid() and shell("tests/packages build", copy, 60).returncode:
        pytest.skip("packages are missing, and only root can install them")
    done = shell(blocks()[0], copy, 600)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [line for line in done.stdout.splitlines() if re.match(r"mode:|end:", line)]
    assert [line.split(",")[0] for line in shown] == [
        "mode: create", "mode: rename", "mode: delete", "end: complete"]
    # the README shows this very output, but for places and numbers
    text = (TOP / "README.md").read_text().split("```")[3]
    plain = re.compile(r"PID: \d+|/home/ada/whatfiles|\d+")
    readme = [plain.sub("", line) for line in text.strip().splitlines()]
    assert [plain.sub("", line.replace(str(copy), "")) for line in shown] == readme


def test_second_command_is_the_tests():
    assert blocks()[1].strip() == "tests/run"
    assert os.access(TOP / "tests" / "run", os.X_OK)


def test_reports(copy):
    (copy / "build").mkdir()
    for name in ("whatfiles", "whatfiles-report"):
        (copy / "build" / name).symlink_to(Path(WHATFILES).with_name(name))
    (copy / "Makefile").write_text("built: LICENSE ; @cp LICENSE built\n")
    done = shell("set -e\n" + blocks()[4], copy, 120)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert re.search(r"^record +complete$", done.stdout, re.M)
    assert re.search(r"^  output: made", done.stdout, re.M)
    assert f"\n{copy}/LICENSE\n" in done.stdout
    assert re.search(r"PID +time +end", done.stdout)
    assert (copy / "build.perfetto.json").stat().st_size > 1000


@pytest.mark.parametrize("command", blocks()[2].strip().splitlines())
def test_usage(copy, command):
    (copy / "build").mkdir()
    (copy / "build" / "whatfiles").symlink_to(WHATFILES)
    (copy / "Makefile").write_text("all: ; @touch built\n")
    shell("git init -q . && git add LICENSE", copy, 60)
    before = set(os.listdir(copy))
    done = shell(command, copy, 60)
    assert done.returncode == 0, done.stderr
    if " -s " in command:
        assert re.search(r"^mode:  read, file: \S+/LICENSE,", done.stdout, re.M)
        assert "mode: create" not in done.stdout
        return
    endings = (".log", ".jsonl", ".json", ".zst", ".db", ".d", ".html")
    logs = {n for n in os.listdir(copy) if n.endswith(endings)} - before
    wanted = set(re.findall(r"-o (\S+)", command))
    if wanted:
        assert logs == wanted
    else:
        assert len(logs) == 1 and re.fullmatch(r"whatfiles-[0-9T]+-\d+\.log", logs.pop())


def test_attaching(copy):
    (copy / "build").mkdir()
    (copy / "build" / "whatfiles").symlink_to(WHATFILES)
    done = shell(blocks()[3].replace("--for 2", "--until-exec cat"), copy, 60)
    assert re.search(r"^mode:  read, file: \S+, syscall: \w+\(\), PID: \d+, process: \w+$",
                     done.stdout, re.M), done.stdout + done.stderr
    assert "end: complete, processes: " in done.stdout
