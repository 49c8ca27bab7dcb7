# SPDX-License-Identifier: MIT
"""Coming and going many times while a server works, and nobody who asks it notices.

WHATFILES_CYCLES=100 does it so often."""

import os
import socket
import subprocess
import threading

from conftest import wait_until

CYCLES = int(os.environ.get("WHATFILES_CYCLES", "20"))


class Client(threading.Thread):
    """Writes and reads back all the time, over one connection that may never break."""

    def __init__(self, path, number, saves=False):
        super().__init__()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")
        self.number = number
        self.saves = saves
        self.done = 0
        self.wrong = None
        self.over = False

    def ask(self, *words):
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%b\r\n" % (len(word), word) for word in words))
        line = self.file.readline()
        if line.startswith(b"$"):
            line = self.file.read(int(line[1:]) + 2)
        return line.rstrip(b"\r\n")

    def run(self):
        try:
            while not self.over and not self.wrong:
                self.step(b"key:%d:%d" % (self.number, self.done % 50), b"%d" % self.done)
        except OSError as error:
            self.wrong = repr(error)

    def step(self, key, value):
        answers = self.ask(b"SET", key, value), self.ask(b"GET", key)
        if answers != (b"+OK", value):
            self.wrong = answers
        if self.saves and self.done % 50 == 0:
            # a child that writes all there is, unless one is at it
            answer = self.ask(b"BGSAVE")
            if not answer.startswith((b"+Background", b"-ERR Background save already")):
                self.wrong = answer
        self.done += 1


def test_many_times(start, needs, tmp_path):
    needs("redis-server")
    path = tmp_path / "socket"
    with open(tmp_path / "redis.log", "wb") as output:
        redis = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save",
                                  "", "--dir", tmp_path], stdout=output, stderr=output)
    wait_until(lambda: b"eady to accept" in (tmp_path / "redis.log").read_bytes(), what="redis")
    clients = [Client(path, n, saves=n == 0) for n in range(3)]
    for client in clients:
        client.start()
    calls = 0
    for cycle in range(CYCLES):
        done = start(options=["--all", "--overwrite", "--for", "10ms", "-p", str(redis.pid)],
                     log="log.jsonl").wait()
        assert (done.status, done.stderr) == (0, b""), cycle
        assert done.log.end["complete"], (cycle, done.log.end)
        assert done.log.of("attach")[0]["pid"] == redis.pid
        calls += len(done.log.accesses())
    before = [client.done for client in clients]
    wait_until(lambda: all(c.done > n or c.wrong for c, n in zip(clients, before)),
               what="answers after the last time")
    for client in clients:
        client.over = True
    for client in clients:
        client.join(60)
        assert client.wrong is None
    redis.terminate()
    assert redis.wait(60) == 0
    print(f"{sum(c.done for c in clients)} requests, {calls} file calls in {CYCLES} cycles")
