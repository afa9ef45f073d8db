"""Playing the three organisations: each in a folder of its own, through the commands alone.

What one organisation hands to another is copied from folder to folder, so nothing else can pass between them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["Organisation", "hand_over"]


class Organisation:
    """One of the parties: a folder, and commands that run in it.

    Where several work at the same time, each takes its share of the machine, and says who it is before each line.
    """

    def __init__(self, name: str, folder: Path, at_work: int = 1) -> None:
        self.name = name
        self.folder = folder
        self.at_work = at_work
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, *words: str) -> dict[str, Any]:
        """Runs a command of this checkout's environment with --json and returns what it printed."""
        print(f"\n[{self.name}] $ {' '.join(words)}", flush=True)
        command = [str(Path(sys.executable).parent / words[0]), *words[1:], "--json"]
        # One cache for all: the parties of a demo share a machine, and encode each image once.
        environment = {"LASSI_CACHE": str((self.folder.parent / "cache").resolve()), **os.environ}
        among = self.at_work > 1
        if among:
            threads = max((os.cpu_count() or 1) // self.at_work, 1)
            environment.setdefault("OMP_NUM_THREADS", str(threads))
        with tempfile.TemporaryFile("w+") as answer:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=answer,
                stderr=subprocess.PIPE if among else None,
                text=True,
            )
            for line in process.stderr or ():
                print(f"{self.name}: {line}", end="", file=sys.stderr, flush=True)
            code = process.wait()
            if code:
                sys.exit(code)
            answer.seek(0)
            result: dict[str, Any] = json.load(answer)
        return result

    def show(self, *words: str) -> None:
        """Runs a command whose output is for people."""
        print(f"\n[{self.name}] $ {' '.join(words)}", flush=True)
        command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        if code := subprocess.run(command, cwd=self.folder).returncode:
            sys.exit(code)

    def refused(self, *words: str) -> None:
        """Runs a command that must refuse what it is given, in one line for people."""
        print(f"\n[{self.name}] $ {' '.join(words)}", flush=True)
        command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
        if (code := subprocess.run(command, cwd=self.folder).returncode) != 3:
            sys.exit(f"expected exit code 3, got {code}")


def hand_over(sender: Organisation, receiver: Organisation, *names: str) -> None:
    """Copies artefacts from one organisation's folder to another's."""
    print(f"\n{sender.name} hands {' and '.join(names)} to {receiver.name}", flush=True)
    for name in names:
        source, target = sender.folder / name, receiver.folder / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
