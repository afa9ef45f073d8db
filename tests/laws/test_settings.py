"""Settings as they are shown and given again."""

import random

import pytest

from regulator.flow.settings import FlowTrainingSettings
from shared_spec.errors import SettingsError
from shared_spec.settings import resolve, spelled


def test_a_number_that_is_spelled_is_that_number_again():
    rng = random.Random(0)
    numbers = [rng.uniform(0, 1) * 10.0 ** rng.randint(-300, 300) for _ in range(2000)]
    for number in (*numbers, 0.1, 1 / 3, 0.1 + 1e-14, 5.0, 1e-3, 0.0):
        assert float(spelled(number)) == number
    assert [spelled(number) for number in (5.0, 0.25, 1e-3)] == ["5", "0.25", "0.001"]


@pytest.mark.parametrize("steps", [2**53 + 1, 10**400])
def test_a_count_that_readers_of_json_would_not_all_read_alike_is_refused(steps):
    assert resolve(FlowTrainingSettings, {"steps": 2**53}).steps == 2**53
    with pytest.raises(SettingsError, match=r"steps` has \d+ digits: expected at most 2\^53"):
        resolve(FlowTrainingSettings, {"steps": steps})
