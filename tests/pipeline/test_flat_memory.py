"""Memory of certifying and verifying does not grow with those who are certified: the peaks of few and of four times as
many are the same. What is bounded by a number of its own is made small first."""

import importlib.util
import tracemalloc
import weakref
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import consumer
from consumer import tally
from consumer.settings import HeadSettings
from shared_spec import ahead
from shared_spec.artifacts import cells, distinct

FEW, TIMES, ROWS = 600, 4, 200


@pytest.fixture(scope="module")
def population():
    """The benchmark, whose bundles these are."""
    path = Path(__file__).parents[2] / "benchmarks" / "population.py"
    spec = importlib.util.spec_from_file_location("population", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class AtOnce(Executor):
    """A thread that is always ahead: the peak is not left to how two threads happen to meet."""

    def __init__(self, *names):
        pass

    def submit(self, work, /, *given):
        done = Future()
        try:
            done.set_result(work(*given))
        except Exception as error:
            done.set_exception(error)
        return done


@pytest.fixture
def small(monkeypatch):
    """Samples, pieces and spills of a tenth of a shard, each shard read before the one before it is done."""
    monkeypatch.setattr(ahead, "ThreadPoolExecutor", AtOnce)
    monkeypatch.setattr(tally, "SAMPLE", 50)
    monkeypatch.setattr(cells, "_PIECE", 2**13)
    monkeypatch.setattr(distinct, "_HELD", 200)


class Tensors(TorchDispatchMode):
    """Counts the bytes of the tensors that this thread makes, while they live; tracemalloc does not see them."""

    def __init__(self):
        super().__init__()
        self.held = self.peak = 0

    def __torch_dispatch__(self, operation, types, given=(), named=None):
        made = operation(*given, **(named or {}))
        before = {
            each.untyped_storage().data_ptr()
            for each in tree_leaves(given)
            if isinstance(each, Tensor)
        }
        for each in tree_leaves(made):
            if isinstance(each, Tensor) and each.untyped_storage().data_ptr() not in before:
                self.change(each.untyped_storage().nbytes())
                weakref.finalize(
                    each.untyped_storage(), self.change, -each.untyped_storage().nbytes()
                )
        return made

    def change(self, size):
        self.held += size
        self.peak = max(self.peak, self.held)


def peak_of(work):
    """Most bytes that Python and numpy, and tensors, held at once beyond what they held before: the two peaks' sum."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    with Tensors() as tensors:
        work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before + tensors.peak


def test_four_times_as_many_people_take_no_more_memory(population, small, tmp_path):
    def certify(reps, out):
        consumer.certify(reps, "task", out, head=HeadSettings(noise=0.25))

    def predict(reps, out):
        consumer.predict(reps, out, out.with_suffix(".csv"))

    def receipt(reps, out):
        consumer.receipt(out, "test-00000500", out.with_suffix(".json"))

    def verify(reps, out):
        consumer.verify(out, reps)

    peaks = {}
    for individuals in (FEW, TIMES * FEW):
        reps, out = tmp_path / f"reps-{individuals}", tmp_path / f"certificate-{individuals}"
        population.write_bundle(reps, individuals, ("exact",), train=ROWS, rows=ROWS)
        if not peaks:
            certify(reps, tmp_path / "first")  # loads what is loaded once
            verify(reps, tmp_path / "first")
        peaks[individuals] = {
            step.__name__: peak_of(lambda step=step, reps=reps, out=out: step(reps, out))
            for step in (certify, verify, predict, receipt)
        }
    for name, few in peaks[FEW].items():
        assert peaks[TIMES * FEW][name] < 1.1 * few, f"{name}: {peaks}"
