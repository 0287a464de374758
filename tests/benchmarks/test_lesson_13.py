"""The closing table of lesson 13, made anew over three seeds, run by `course.py bench`: about seventy minutes."""

from statistics import mean

import pytest

from tests.benchmarks.tables import SEEDS, over_seeds
from tools.train_four_models import EPOCHS, row
from utils.lesson_13.study import four_models


@pytest.mark.parametrize("name", EPOCHS)
def test_models_score_as_in_the_file_that_the_lesson_shows(name):
    """A training differs from run to run by its order of sums; on another machine, so do its seconds."""
    anew, kept = over_seeds(f"Lesson 13: {name}", lambda seed: row(name, seed)), four_models()[name]
    assert mean(anew["precision"]) == pytest.approx(mean(kept["precision"]), abs=0.05)
    assert mean(anew["recall"]) == pytest.approx(mean(kept["recall"]), abs=0.05)
    assert 1 / 1.6 < mean(anew["Fréchet distance"]) / mean(kept["Fréchet distance"]) < 1.6
    if "log p(x) is at least, nats" in kept:
        nats = kept["log p(x) is at least, nats"][:len(SEEDS)]
        assert mean(anew["log p(x) is at least, nats"]) == pytest.approx(mean(nats), abs=1)
