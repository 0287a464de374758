"""The four recorded runs of exercise 9.5: each shows its own fault and none of the others; how answers are judged."""

import numpy as np
import pytest
import tensorflow as tf

from utils.exercises import engine
from utils.lesson_09.exercises import DIAGNOSES, EXERCISES, diagnose
from utils.lesson_09.study import record_runs

LAST_THIRD = slice(20, None)


@pytest.fixture(scope="module")
def runs():
    return record_runs()


def gap(run):
    """Return how much more the discriminator gets right in batches of one kind, late in training."""
    return float(np.mean((run["as_trained"] - run["mixed"])[LAST_THIRD]))


def turns(run):
    """Return how often the centre of the samples crosses its late average."""
    centre = run["centre"] - run["centre"][10:].mean()
    return int(np.sum(np.diff(np.sign(centre[10:])) != 0))


def test_only_run_a_depends_on_the_kind_of_batch(runs):
    assert gap(runs["A"]) > 0.08
    assert all(np.allclose(runs[name]["as_trained"], runs[name]["mixed"]) for name in "BCD")


def test_only_run_b_has_a_band_without_width(runs):
    assert runs["B"]["spread"].max() < 0.05
    assert all(runs[name]["spread"].min() > 0.1 for name in "CD")
    assert runs["A"]["spread"][-1] > 2 * runs["A"]["spread"][0]


def test_only_run_c_loses_its_gradient_and_its_samples_stay_where_they_began(runs):
    fall = {name: run["gradient"][LAST_THIRD].max() / run["gradient"][0] for name, run in runs.items()}
    assert fall["C"] < 0.2
    assert fall["A"] > 1 and fall["B"] > 5
    assert abs(runs["C"]["centre"][-1] - runs["C"]["centre"][0]) < 0.5
    assert runs["C"]["discriminator_loss"][-1] < 0.05 and runs["C"]["generator_loss"][-1] > 4


def test_only_run_d_turns_again_and_again(runs):
    assert turns(runs["D"]) >= 5
    assert np.ptp(runs["D"]["centre"][LAST_THIRD]) > 0.5 and np.ptp(runs["D"]["discriminator_loss"][LAST_THIRD]) > 0.15
    assert max(turns(runs[name]) for name in "AC") <= 2


@pytest.mark.parametrize(("place", "diagnosis", "says"), [
    (0, "oscillation", "run A is not that"), (2, "mode collapse", "run C is not that"),
    (3, "healthy", "run D is not that")])
def test_wrong_diagnosis_is_answered_with_what_contradicts_it_and_not_with_the_right_one(place, diagnosis, says):
    def wrong():
        return *diagnose()[:place], diagnosis, *diagnose()[place + 1:]

    verdict = engine.examine(engine.find("9.5"), wrong)
    assert verdict.mark == "✗" and verdict.sentence.startswith(says)
    said = verdict.sentence + " ".join(" ".join(row) for row in verdict.rows)
    assert diagnose()[place] not in said


def test_of_several_wrong_diagnoses_the_first_is_answered():
    verdict = engine.examine(engine.find("9.5"), lambda: [diagnose()[0], *["healthy"] * 3])
    assert verdict.sentence.startswith("run B is not that")


@pytest.mark.parametrize(("answer", "says"), [
    (("healthy",) * 3, "four diagnoses are wanted"), ("healthy", "four diagnoses are wanted"),
    (("ill",) * 4, "'ill' is none of the diagnoses, which are healthy, mode collapse"), (None, "None came back")])
def test_answers_that_cannot_be_judged_are_answered_with_what_is_wanted(answer, says):
    verdict = engine.examine(engine.find("9.5"), lambda: [answer][0])
    assert verdict.mark == "✗" and says in verdict.sentence


def test_every_diagnosis_but_the_right_one_has_an_answer_for_each_run():
    assert len(engine.find("9.5").mistakes) == 4 * (len(DIAGNOSES) - 1)


def test_gradient_of_what_the_tape_did_not_watch_is_explained():
    def r1_penalty(discriminator, images):
        images = tf.convert_to_tensor(images)
        with tf.GradientTape() as tape:
            logits = discriminator(images)
        return tf.reduce_mean(tape.gradient(logits, images) ** 2)

    exercise = next(each for each in EXERCISES if each.identifier == "9.3")

    assert "A tape's gradient is None" in engine.examine(exercise, r1_penalty).sentence
