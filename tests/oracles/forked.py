"""Processes that start at once: forked from one that has loaded what most commands load, and has no threads."""

import multiprocessing
import os
import runpy
import socket
import sys
from importlib import import_module

from shared_spec.console import execute

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["producer.cli", "producer.exporting", "producer.fitting", "regulator.publish"]
)


def start(work, *given, **environment):
    """Starts `work(*given)`, a function of a module that can be imported, in a process of its own."""
    process = _SERVER.Process(target=_within, args=(environment, work, given))
    process.start()
    return process


def _within(environment, work, given):
    os.environ.update(environment)
    with open(os.devnull, "w") as nowhere:
        sys.stdout = nowhere
        work(*given)


def command(*words):
    """Runs a command line of one of the parties and ends with its exit code."""
    words = [str(word) for word in words]
    sys.exit(execute(import_module(f"{words[0]}.cli").group, words[1:]))


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
