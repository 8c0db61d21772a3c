"""One run of the loop that is killed: its process, its store, and the provider that writes down what it asks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks.from_tests import start
from benchmarks.kill_checks import Kill, Question, kill_of
from benchmarks.kill_server import MOST_WAIT_S
from benchmarks.results import ROOT

KEY_VARIABLE = "KILLS_KEY"
LONGEST_S = 300


@dataclass(frozen=True)
class Provider:
    """The provider and its books."""

    url: str

    def log(self, key: str) -> list[Question]:
        """Return every request of a key."""
        return [Question(**one) for one in self._get("log", key=key)]

    def seen(self, key: str) -> int:
        """Return how often a key has done anything."""
        return int(self._get("seen", key=key))

    def wait(self, key: str, marker: str, after: int, process: subprocess.Popen[str]) -> bool:
        """Wait until a key does something about `marker`; False: the process ended before."""
        while not self._get("wait", key=key, marker=marker, after=after):
            if process.poll() is not None:
                return False
        return True

    def _get(self, what: str, **query: Any) -> Any:
        with urlopen(f"{self.url}/{what}?{urlencode(query)}") as response:
            return json.loads(response.read())


@contextmanager
def serving() -> Iterator[Provider]:
    """Run the provider."""
    command = [sys.executable, "-m", "benchmarks.kill_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None and process.stdout is not None
        yield Provider(json.loads(process.stdout.readline()))
        process.stdin.close()


@dataclass(frozen=True)
class Run:
    """One run of the loop: on a store of its own, known to the provider by its key."""

    provider: Provider
    suite: Path
    store: Path
    key: str

    def start(self) -> subprocess.Popen[str]:
        """Start or continue it."""
        return start("loop", self.suite, "--store", self.store, **{KEY_VARIABLE: self.key})

    def finish(self) -> tuple[int, str]:
        """Let it end; return the exit code and what it said."""
        return ended(self.start())

    def verified(self) -> bool:
        """Return whether its verdict and numbers come out of its store again."""
        return ended(start("verify", "--store", self.store))[0] == 0

    def kill(self, stage: str, marker: str, after_s: float) -> Kill | None:
        """Go on, and kill it so long after it has asked or looked after the marker first; None: it ended before."""
        before, seen = len(self.provider.log(self.key)), self.provider.seen(self.key)
        process = self.start()
        if self.provider.wait(self.key, marker, seen, process):
            time.sleep(after_s)
        process.kill()
        code, said = ended(process)
        if code != -signal.SIGKILL:
            print(f"{self.key} ended before it was killed, with {code}: {said[-300:]}")
            return None
        time.sleep(MOST_WAIT_S + 0.1)  # until then the provider has tried to answer all that was in flight
        return kill_of(stage, self.store, self.provider.log(self.key), before)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a process; return its exit code and what it said."""
    said, _ = process.communicate(timeout=LONGEST_S)
    return process.returncode, said
