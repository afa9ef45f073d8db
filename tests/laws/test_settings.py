"""Settings as they are shown and given again."""

import random

from shared_spec.settings import spelled


def test_a_number_that_is_spelled_is_that_number_again():
    rng = random.Random(0)
    numbers = [rng.uniform(0, 1) * 10.0 ** rng.randint(-300, 300) for _ in range(2000)]
    for number in (*numbers, 0.1, 1 / 3, 0.1 + 1e-14, 5.0, 1e-3, 0.0):
        assert float(spelled(number)) == number
    assert [spelled(number) for number in (5.0, 0.25, 1e-3)] == ["5", "0.25", "0.001"]
