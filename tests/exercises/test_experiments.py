"""What the experiments say of wrong answers to exercises made for them, and where they are silent."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from utils.exercises import Exercise, engine
from utils.exercises.comparing import Fact
from utils.exercises.diagnosis import experiments
from utils.exercises.diagnosis.slips import slips_of
from utils.gradients import value_and_gradients


def weighted_log(values, weights, scale):
    """Return scale · Σ weights · log values of each row. (rows, columns), (columns,), number → (rows,)"""
    return scale * np.sum(weights * np.log(values), axis=1)


def _tables():
    random = np.random.default_rng(0)
    return [(random.uniform(0.5, 2, (2, 3)), np.array([0.3, -0.5, 0.9]), 1.7),
            (random.uniform(0.5, 2, (5, 4)), random.normal(size=4), 0.6)]


def shares(logits):
    """Return the softmax of each row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _logits():
    random = np.random.default_rng(1)
    return [(np.array([[0.5, -1.0, 2.0], [1.5, 0.3, 0.1]]),), (random.normal(size=(4, 5)),),
            (np.array([[1000.0, 999.0], [-2000.0, -1999.0]]),)]


def distance(first, second):
    """Return the distance of two samples in one dimension."""
    return np.abs(np.sort(first) - np.sort(second)).mean()


def _samples():
    random = np.random.default_rng(2)
    return [(random.normal(size=5), random.normal(size=5)), (random.normal(size=8), random.normal(size=8))]


def nearest(values, k):
    """Return the mean of the k smallest values of each row."""
    return np.sort(values, axis=1)[:, :k].mean(axis=1)


def _rows():
    random = np.random.default_rng(3)
    return [(random.normal(size=(3, 6)), 2), (random.normal(size=(4, 7)), 3)]


def power_of_sums(values, k):
    """Return the k-th power of the sum of each row."""
    return _power(values.sum(axis=1), k)


def _power(values, k):
    return values**k


def penalty(images):
    """Return the mean of the squares, a float32 tensor."""
    return ops.mean(ops.square(images))


def both_sums(values):
    """Return the sums of rows and of columns."""
    return values.sum(axis=1), values.sum(axis=0)


def positive(values):
    """Return where a number is above 9."""
    return values > 9


def squares(values):
    """Return the square of each number."""
    return values**2


def _numbers():
    return [(np.array([[-0.5, 1.5], [-2.0, 0.7], [0.1, 1.3]]),), (np.array([[0.1, 3.0, -0.2], [0.0, -1.1, 0.6]] * 2),)]


def _images():
    random = np.random.default_rng(4)
    return [(random.normal(size=(batch, 4)).astype(np.float32),) for batch in (3, 5)]


def _exercise(reference, cases, **more):
    return Exercise("99.9", reference, cases, (), ("a", "b"), **more)


LOG, SHARES, DISTANCE, NEAREST, POWERS, SQUARES, SUMS, POSITIVE, PENALTY = (
    _exercise(weighted_log, _tables), _exercise(shares, _logits), _exercise(distance, _samples),
    _exercise(nearest, _rows), _exercise(power_of_sums, _rows), _exercise(squares, _numbers),
    _exercise(both_sums, _numbers), _exercise(positive, _numbers),
    _exercise(penalty, _images, observe=value_and_gradients))


def said(exercise, answer):
    verdict = engine.examine(exercise, answer)
    assert verdict.mark == "✗"
    return verdict.sentence


def _naive_shares(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


_count = iter(range(1000))


@pytest.mark.parametrize(("exercise", "answer", "sentence"), [
    (LOG, lambda values, weights, scale: 1.7 * np.log(values) @ weights,
     "the answer stays the same whatever `scale` is."),
    (LOG, lambda values, weights, scale: -scale * np.log(values) @ weights, "the sign is turned round"),
    (LOG, lambda values, weights, scale: 100 * scale * np.log(values) @ weights, "these are percent"),
    (LOG, lambda values, weights, scale: 1 - scale * np.log(values) @ weights, "this is the complement"),
    (LOG, lambda values, weights, scale: scale * np.log2(values) @ weights, "nats and bits are mixed up"),
    (LOG, lambda values, weights, scale: scale * np.log10(values) @ weights, "a logarithm to the base 10"),
    (LOG, lambda values, weights, scale: 0.5 * scale * np.log(values) @ weights, "every number is 0.5 times"),
    (LOG, lambda values, weights, scale: scale * np.log(values) @ weights + 1, "every number is too large by 1."),
    (LOG, lambda values, weights, scale: scale * (np.log(values) * weights).mean(axis=1),
     "`mean` stands where `sum` belongs"),
    (LOG, lambda values, weights, scale: len(values) * scale * np.log(values) @ weights,
     "every number is too large by a factor that is the size of axis 0 of `values`."),
    (LOG, lambda values, weights, scale: scale * np.log(values) @ weights / len(values) * len(weights),
     "it is divided by the size of axis 0 of `values`, and should be by that of axis 1 of `values`."),
    (LOG, lambda values, weights, scale: (scale * np.log(values) @ weights).sum(), "one number came back, the sum of"),
    (LOG, lambda values, weights, scale: scale * values @ weights, "`log` is missing, that of `values`."),
    (LOG, lambda values, weights, scale: np.log(values) @ weights, "whatever `scale` is"),
    (LOG, lambda values, weights, scale: scale * np.log(values).sum(axis=1), "whatever `weights` is"),
    (LOG, lambda values, weights, scale: scale * np.log(values) @ weights**2, "`weights**2` in the place of `weights`"),
    (LOG, lambda values, weights, scale: scale * np.log(values) @ weights[::-1],
     "reversed along axis"),
    (LOG, lambda values, weights, scale: np.exp(np.log(values) @ weights) * scale,
     "`weights` doubled should give 2 times the answer, and with yours it does not."),
    (LOG, lambda values, weights, scale: scale**2 * np.log(values) @ weights + 0.3 * scale**2,
     "`scale` doubled should give 2 times the answer, and gives 4 times the answer."),
    (LOG, lambda values, weights, scale: scale * np.log(values[:, 1:-1]) @ weights[1:-1] + 0.1,
     "some part of `values` along axis 1 does not count"),
    (LOG, lambda values, weights, scale: scale * np.log(values[:, 1:]) @ weights[1:] * 1.1,
     "the first part of `values` along axis 1 does not count"),
    (SQUARES, lambda values: np.where(values > 0, values**2, 0.1 * values), "wrong wherever `values` is negative, and"),
    (SQUARES, lambda values: np.where(np.arange(len(values))[:, None] > 0, values**2, values**2 + np.exp(values)),
     "right but for the first part of the answer along axis 0."),
    (SQUARES, lambda values: values**2 + values.max(axis=1, keepdims=True), "changing the first number alone changes"),
    (SQUARES, lambda values: values**2 - 0.7 + 0.1 * values, "-0.7 came back, where nothing negative is wanted"),
    (SHARES, _naive_shares, "right for numbers of ordinary size, but not finite where `logits` holds"),
    (SHARES, lambda logits: np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum(axis=1, keepdims=True),
     "`max` runs over the whole array of `logits`"),
    (SHARES, lambda logits: (logits - logits.min()) / np.ptp(logits), "changing the first example alone changes"),
    (SHARES, lambda logits: logits / np.abs(logits).max(axis=1, keepdims=True), "where nothing negative is wanted."),
    (DISTANCE, lambda first, second: np.abs(first - np.sort(second)).mean(), "`sort` is missing, that of `first`."),
    (DISTANCE, lambda first, second: abs(first[0] - second[0]), "another order of `first` gives another answer"),
    (DISTANCE, lambda first, second: distance(first, second) + 0.1 + next(_count), "two calls with the same arguments"),
    (NEAREST, lambda values, k: nearest(values, k + 1), "ends one place too late: at `k`."),
    (NEAREST, lambda values, k: nearest(values, k - 1), "ends one place too early: at `k`."),
    (POWERS, lambda values, k: values.sum(axis=1)**(k + 1), "this is the right answer for `k + 1`. Is one counted too"),
    (NEAREST, lambda values, k: nearest(-values, k), "`-values` in the place of `values`"),
    (PENALTY, lambda images: ops.sum(ops.square(images)), "`sum` stands where `mean` belongs"),
    (PENALTY, lambda images: tf.constant(np.mean(np.square(images.numpy()))), "NumPy, `.numpy()` or `float` computed"),
    (PENALTY, lambda images: tf.stop_gradient(penalty(images)), "the gradient is cut off"),
    (PENALTY, lambda images: ops.sum(ops.square(images)) / (4 * images.shape[0]), "inside `fit` it stops"),
    (PENALTY, lambda images: sum(ops.mean(ops.square(image)) for image in images) / len(images), "inside `fit` it"),
    (PENALTY, lambda images: ops.sum(ops.square(images)) / 12, None),
])
def test_experiment_says_what_it_found_and_nothing_where_it_is_not_clear(exercise, answer, sentence):
    text = said(exercise, answer)
    assert text.endswith("not right yet.") if sentence is None else sentence in text, text


@pytest.mark.parametrize(("exercise", "answer"), [
    (SUMS, lambda values: (values.sum(axis=1), values.sum(axis=0)[:, None] if len(values) > 3 else values.max(axis=0))),
    (SUMS, lambda values: (values.sum(axis=1) + 1, values.sum(axis=0)[:len(values)])),
    (SQUARES, lambda values: values**2 + np.exp(values) if values[0, 0] in (-0.5, 0.1) else values.ravel()),
    (POSITIVE, lambda values: values > 0),
], ids=["another shape in one case", "another length in one case", "a shape that hangs on values", "yes and no"])
def test_experiments_bear_answers_of_any_shape_and_kind(exercise, answer):
    assert said(exercise, answer)
    experiments.diagnose(exercise, answer)  # `said` goes on without one that fails


def test_wrong_part_of_a_tuple_is_looked_at_alone():
    def both(values):
        """Return mean and deviation of each row."""
        return values.mean(axis=1), values.std(axis=1)

    exercise = _exercise(both, lambda: [case[:1] for case in _rows()])
    assert "these are the squares of what is wanted" in said(exercise, lambda x: (x.mean(axis=1), x.var(axis=1)))
    assert "have changed places" in said(exercise, lambda x: both(x)[::-1])


def test_whole_numbers_of_a_few_cases_are_too_little_to_guess_from():
    def count(values, k):
        """Return how many values are above k."""
        return int((values > k).sum())

    text = said(_exercise(count, _rows), lambda values, k: 0)
    assert "stays the same" in text or text.endswith("not right yet.")


def test_fact_speaks_its_own_sentence_and_shows_no_table():
    fact = Fact("is it positive?", "no number may be negative here.")
    exercise = dataclasses.replace(LOG, observe=lambda function, *arguments: {
        fact: bool(np.all(function(*arguments) > -9)), "value": 1.0})
    verdict = engine.examine(exercise, lambda values, weights, scale: -99 * values)
    assert verdict.sentence == "no number may be negative here."
    assert [label for label, _ in verdict.rows] == ["values", "weights", "scale"]


def test_slips_change_one_thing_each_and_nearly_all_change_the_answer():
    case, changed = _tables()[1], 0
    slips = list(slips_of(weighted_log))
    for _, function in slips:
        try:
            with np.errstate(all="ignore"):
                answer = function(*case)
        except (ValueError, TypeError, np.exceptions.AxisError):
            continue
        changed += answer is None or np.shape(answer) != (5,) or not np.allclose(answer, weighted_log(*case))
    assert len(slips) > 15 and changed > 12
