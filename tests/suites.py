"""Builds whatfiles in every way that counts and runs every suite.

Called by tests/run, which sees to the packages first.
"""

import argparse
import concurrent.futures
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
WORK = TOP / "build-tests"

SANITIZE = ["-Db_sanitize=address,undefined", "-Db_lundef=false"]

# A sanitizer changes limits and handlers of its process, which the command would inherit.
E2E_ENV = {
    "ASAN_OPTIONS": "disable_coredump=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
                    "handle_sigill=0:handle_abort=0",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}

# Each build has warnings as errors. Where it names an engine, the end-to-end tests run on it
# with that engine.
BUILDS = {
    "gcc": {"env": {"CC": "gcc"}, "options": [], "e2e": "auto"},
    # ... and as it is where none of the libraries is that it can do without
    "clang": {"env": {"CC": "clang"}, "options": ["-Dauto_features=disabled"], "e2e": None},
    "gcc-sanitized": {"env": {"CC": "gcc"}, "options": SANITIZE, "e2e": "strict"},
    "clang-sanitized": {"env": {"CC": "clang"}, "options": SANITIZE, "e2e": None},
}

E2E = ["tests/e2e", "tests/truth"]
# These choose their engines themselves, or need none: once is enough.
ONCE = ["tests/equivalence", "tests/suites-foreign", "tests/html"]
# This makes a build of its own.
SLOW_ONCE = "tests/e2e/test_readme.py::test_first_command_sets_up_and_shows_something"


class Results:
    """What passed, what failed and how to run just that again."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def take_junit(self, path, suite, again):
        """Adds what a JUnit file tells; again(case) is the command for one test."""
        for case in ElementTree.parse(path).iter("testcase"):
            name = f"{suite}: {case.get('classname') or ''} {case.get('name')}"
            failure = case.find("failure")
            if failure is None:
                failure = case.find("error")
            skipped = case.find("skipped")
            if failure is not None:
                text = (failure.text or failure.get("message") or "").strip()
                self.failed.append((name, again(case), text))
            elif skipped is not None:
                self.skipped.append((name, skipped.get("message") or "no reason given"))
            else:
                self.passed += 1

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def fail(self, name, again, text):
        self.failed.append((name, again, text))

    def report(self):
        for name, why in self.skipped:
            print(f"skipped: {name}\n    {why}")
        for name, again, text in self.failed:
            tail = "\n".join("    " + line for line in text.splitlines()[-25:])
            print(f"FAILED: {name}\n{tail}\n    run it again: {again}")
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped")
        return 1 if self.failed or not self.passed else 0


def heading(text):
    print(f"== {text} ({time.strftime('%H:%M:%S')})", flush=True)


def build(name, results):
    """Configures and compiles one build; False if that failed, which counts as a failure."""
    folder = WORK / name
    spec = BUILDS[name]
    env = dict(os.environ, **spec["env"])
    setup = ["meson", "setup", str(folder), "-Dwerror=true", *spec["options"]]
    if folder.exists():
        setup.append("--reconfigure")
    for command in (setup, ["meson", "compile", "-C", str(folder)]):
        done = subprocess.run(command, cwd=TOP, env=env, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            words = " ".join([f"{k}={v}" for k, v in spec["env"].items()] + command)
            results.fail(f"build {name}", words, done.stdout)
            return False
    results.passed += 1
    return True


def run_meson(name, results, only):
    """The unit and filter programs of one build."""
    folder = WORK / name
    junit = folder / "meson-logs" / "testlog.junit.xml"
    junit.unlink(missing_ok=True)
    env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    subprocess.run(["meson", "test", "-C", str(folder), "--no-rebuild"], cwd=TOP, env=env,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if not junit.exists():
        results.fail(f"{name}: meson test", f"meson test -C {folder}", "it left no results")
        return
    if only:
        return
    results.take_junit(junit, name, lambda case: f"meson test -C {folder} "
                       f"{(case.get('classname') or '').split('/')[-1].strip() or ''}")


def run_pytest(name, where, results, only, env):
    junit = WORK / f"pytest-{name}.xml"
    junit.unlink(missing_ok=True)
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
               f"--junitxml={junit}", *where]
    if only:
        command += ["-k", only]
    started = dict(os.environ, **env, PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(command, cwd=TOP, env=started, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    words = " ".join(f"{k}={v}" for k, v in env.items())
    if not junit.exists() or done.returncode not in (0, 1, 5):
        results.fail(f"pytest {name}", f"{words} {' '.join(command)}", done.stdout)
        return

    def again(case):
        file = (case.get("classname") or "").replace(".", "/") + ".py"
        return f"{words} /usr/bin/python3 -m pytest '{file}::{case.get('name')}'".strip()

    results.take_junit(junit, name, again)


def run_e2e(name, only):
    """The end-to-end tests on one build."""
    engine = BUILDS[name]["e2e"]
    results = Results()
    heading(f"end to end, {name}, {engine}")
    where = [*E2E, *(ONCE if engine == "auto" else [f"--deselect={SLOW_ONCE}"])]
    run_pytest(f"e2e-{name}", where, results, only,
               {"WHATFILES": str(WORK / name / "whatfiles"), "WHATFILES_ENGINE": engine, **E2E_ENV})
    heading(f"done: end to end, {name}")
    return results


def as_in_a_terminal():
    """Whoever starts this with nohup, or behind an &, has signals ignored: no test expects it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU:
        signal.signal(number, signal.SIG_DFL)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/run", description=__doc__.splitlines()[0])
    parser.add_argument("-k", dest="only", metavar="NAME",
                        help="only the Python tests whose name contains NAME")
    parser.add_argument("--build", action="append", choices=BUILDS, metavar="BUILD",
                        help=f"only this build, of {', '.join(BUILDS)}; may be repeated")
    parser.add_argument("--fresh", action="store_true", help="build from nothing")
    return parser.parse_args()


def main():
    args = arguments()
    as_in_a_terminal()
    results = Results()
    if args.fresh:
        shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(exist_ok=True)
    names = [n for n in BUILDS if not args.build or n in args.build]
    for name in names:
        heading(f"build {name}")
        if not build(name, results):
            continue
        heading(f"unit and filter tests, {name}")
        run_meson(name, results, args.only)
    heading("style, table and documents")
    first = {"WHATFILES": str(WORK / names[0] / "whatfiles")}
    run_pytest("static", ["tests/style", "tests/filter", "tests/recorder"], results, args.only, first)
    ready = [n for n in names if BUILDS[n]["e2e"] and (WORK / n / "whatfiles").exists()]
    # side by side: each of them waits for something most of the time
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in pool.map(lambda name: run_e2e(name, args.only), ready):
            results.add(done)
    return results.report()


if __name__ == "__main__":
    sys.exit(main())
