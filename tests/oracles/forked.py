"""Processes that start at once: forked from one that has loaded what most commands load, and has no threads."""

import json
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from shared_spec.console import execute

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "producer.cli",
        "producer.exporting",
        "producer.fitting",
        "regulator.publish",
        "consumer.cli",
        "consumer.issue",
    ]
)

_CONSOLE_SCRIPT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as test:
    test.connect({address!r})
    with test.makefile("rw") as line:
        print(json.dumps([{party!r}, *sys.argv[1:]]), json.dumps(dict(os.environ)), sep="\\n", file=line, flush=True)
        sys.exit(int(line.readline()))
"""


def start(work, *given, **environment):
    """Starts `work(*given)`, a function of a module that can be imported, in a process of its own."""
    process = _SERVER.Process(target=_within, args=(environment, work, given))
    process.start()
    return process


def _within(environment, work, given):
    os.environ.update(environment)
    os.chdir(environment.get("PWD", "."))
    with open(os.devnull, "w") as nowhere:
        sys.stdout = nowhere
        work(*given)


def command(*words):
    """Runs a command line of one of the parties and ends with its exit code."""
    words = [str(word) for word in words]
    sys.exit(execute(import_module(f"{words[0]}.cli").group, words[1:]))


def killed_after(module, name, calls, seconds, *words):
    """Runs a command that is killed so long after the last of so many calls of a function of a module.

    By its own clock, so that it stops there however busy the machine is: nothing handles SIGALRM, which kills at once.
    """
    owner = import_module(module)
    function, counted = getattr(owner, name), count(1)

    def counting(*given, **named):
        result = function(*given, **named)
        if next(counted) == calls:
            signal.setitimer(signal.ITIMER_REAL, seconds)
        return result

    setattr(owner, name, counting)
    command(*words)


def script(path, *words):
    """Runs a Python file as `python path words` would."""
    sys.argv = [path, *map(str, words)]
    runpy.run_path(path, run_name="__main__")


def together(work, *given, processes=2):
    """Runs `work(*given)` in as many processes, which find each other as torchrun would have them do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [
        start(work, *given, **group, RANK=str(rank), LOCAL_RANK=str(rank))
        for rank in range(processes)
    ]
    for process in ranks:
        process.join(600)
    assert [process.exitcode for process in ranks] == [0] * processes


def shell(text, folder, **environment):
    """Runs a script of bash in `folder`, whose commands of the parties are forked like all else here."""
    with TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as listening:
        address = f"{place}/test"
        listening.bind(address)
        listening.listen()
        listening.settimeout(0.02)
        for party in ("regulator", "producer", "consumer"):
            script = Path(place, party)
            script.write_text(
                _CONSOLE_SCRIPT.format(python=sys.executable, address=address, party=party)
            )
            script.chmod(0o700)
        path = f"{place}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        bash = subprocess.Popen(
            ["bash", "-euc", text], cwd=folder, env={**os.environ, "PATH": path, **environment}
        )
        asked = []
        while bash.poll() is None:
            try:
                connection, _ = listening.accept()
                with connection:
                    line = connection.makefile("rw")
                words, known = (json.loads(line.readline()) for _ in range(2))
                asked.append((line, start(command, *words, **known)))
            except TimeoutError:
                pass
            for line, process in list(asked):
                if process.exitcode is not None:
                    with line:
                        print(process.exitcode, file=line)
                    asked.remove((line, process))
    assert bash.returncode == 0, text
