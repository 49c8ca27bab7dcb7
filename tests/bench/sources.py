"""Gets what the workloads are made of: Debian source packages, and the Debian packages needed to build them.

Nothing of the machine's own apt state is changed for the sources: they have their own list, indexes and cache below
the work directory. The archive they come from is the one that the machine itself uses.
"""

import fnmatch
import os
import re
import shutil
import subprocess
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = ("bookworm", "bookworm-updates", "bookworm-security")


class Trouble(Exception):
    """Something the user has to know and can act on; its text is the whole message."""


def run(argv, what, **options):
    """Runs a helper and returns its output; what it was for and its last words are the message if it fails."""
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace", **options)
    if done.returncode != 0:
        last = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise Trouble(f"{what}: {argv[0]} failed with status {done.returncode}\n  {last}")
    return done.stdout


def install(packages, say):
    """Installs those of these Debian packages that are missing, or says which ones are."""
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    wish = f"apt-get install {' '.join(missing)}"
    if os.geteuid() != 0:
        raise Trouble(f"missing: {', '.join(missing)}; install them as root: {wish}")
    say(wish)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    try:
        run(command, wish, env=environment)
    except Trouble:  # no indexes yet, or old ones
        run(["apt-get", "update", "-q"], "apt-get update", env=environment)
        run(command, wish, env=environment)


def installed(package):
    """Whether dpkg has this package in working order."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout == "installed"


class Sources:
    """A cache of unpacked source packages: DIR/apt the private apt, DIR/PACKAGE_VERSION each package."""

    def __init__(self, directory, say):
        self.directory = Path(directory)
        self.say = say
        self.updated = False

    def get(self, source, pattern):
        """The pristine upstream tree of a source package, and the version that was taken.

        A version that is cached already is taken without asking the archive for a newer one, so that runs of
        different days stay comparable.
        """
        for tree in sorted(self.directory.glob(f"{source}_*/tree")):
            version = tree.with_name("version").read_text()
            if fnmatch.fnmatchcase(version, pattern):
                return tree, version
        install(["dpkg-dev"], self.say)
        self.update()
        version = self.newest(source, pattern)
        return self.unpack(source, version), version

    def unpack(self, source, version):
        """Downloads and unpacks one version; in place only when complete, so an interrupted one leaves nothing."""
        self.say(f"fetching {source} {version}")
        part = self.directory / f"{source}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        run(["apt-get", *self.apt(), "-q", "source", "--download-only", "--only-source", f"{source}={version}"],
            f"download {source} {version}", cwd=part)
        # Debian's patches stay away: what others measured, and every Debian revision of it, is the upstream tree.
        run(["dpkg-source", "--skip-patches", "-x", next(part.glob("*.dsc")).name, "tree"], f"unpack {source}",
            cwd=part)
        (part / "version").write_text(version)
        whole = self.directory / f"{source}_{version.replace(':', '%3a')}"
        shutil.rmtree(whole, ignore_errors=True)
        part.rename(whole)
        return whole / "tree"

    def newest(self, source, pattern):
        """The highest version of a source package in the archive that the pattern allows."""
        shown = run(["apt-cache", *self.apt(), "showsrc", "--only-source", source], f"look for {source}")
        found = re.findall(r"^Version: (\S+)$", shown, re.MULTILINE)
        best = None
        for version in fnmatch.filter(found, pattern):
            if best is None or subprocess.run(["dpkg", "--compare-versions", version, "gt", best]).returncode == 0:
                best = version
        if best is None:
            raise Trouble(f"the archive has no {source} {pattern}, only: {' '.join(found) or 'none'}")
        return best

    def update(self):
        """Writes the private list and fetches its indexes, once in a run."""
        if self.updated:
            return
        for directory in ("lists/partial", "cache/archives/partial"):
            (self.directory / "apt" / directory).mkdir(parents=True, exist_ok=True)
        archives = self.archives()
        if not archives:
            raise Trouble("apt on this machine knows no archive of Debian 12 (bookworm) to take sources from")
        listed = [f"deb-src [signed-by={KEYRING}] {base} {suite} main\n" for base, suite in archives]
        (self.directory / "apt/sources.list").write_text("".join(listed))
        self.say("reading the archive's index of sources")
        run(["apt-get", *self.apt(), "-q", "update"], "read the archive's index")
        self.updated = True

    def archives(self):
        """Where this machine gets Debian from: pairs of address and suite.

        Asking apt, rather than reading /etc/apt, understands both formats of its lists; with a state directory of our
        own it answers before any index was fetched and to an ordinary user too.
        """
        private = [option for option in self.apt() if "sourcelist" not in option and "sourceparts" not in option]
        told = run(["apt-get", *private, "--print-uris", "update"], "ask apt for its archives")
        pairs = re.findall(r"^'(\S+)/dists/(\S+)/InRelease'", told, re.MULTILINE)
        main = {pair for pair in pairs if f"'{pair[0]}/dists/{pair[1]}/main/" in told}
        return [pair for pair in pairs if pair in main and pair[1] in SUITES]

    def apt(self):
        """Options that give apt a state of its own. Sandbox: its download user cannot write below our directory."""
        apt = self.directory / "apt"
        return [f"-oDir::Etc::sourcelist={apt}/sources.list", "-oDir::Etc::sourceparts=-", f"-oDir::State={apt}",
                "-oDir::State::status=/var/lib/dpkg/status", f"-oDir::State::Lists={apt}/lists",
                f"-oDir::Cache={apt}/cache", "-oAPT::Sandbox::User=root"]
