"""Working abreast changes how fast results come, and nothing else about them."""

import threading

import pytest
import torch

from shared_spec.abreast import abreast

HOST = torch.device("cpu")


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_order_from_as_many_threads_as_torch_may_use(threads):
    meeting = threading.Barrier(threads, timeout=10)

    def work(item):
        meeting.wait()
        return item, torch.get_num_threads(), threading.get_ident()

    found = list(abreast(work, iter(range(12)), HOST))
    assert [item for item, _, _ in found] == list(range(12))
    assert {within for _, within, _ in found} == {1}, "torch divides what is divided already"
    assert len({thread for _, _, thread in found}) == threads
    assert torch.get_num_threads() == threads, "the caller's torch is left with another number"


def test_an_accelerator_is_given_work_by_one_thread(threads):
    found = list(abreast(lambda item: threading.get_ident(), range(4), torch.device("cuda")))
    assert set(found) == {threading.get_ident()}


def test_an_error_comes_in_its_place_and_nothing_new_is_begun_after_it(threads):
    begun = []

    def work(item):
        begun.append(item)
        if item == 3:
            raise ValueError("third")
        return item

    found = abreast(work, range(1000), HOST)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="third"):
        next(found)
    assert len(begun) < 4 + 2 * threads
    assert torch.get_num_threads() == threads
