"""Lesson 7 · Better VAEs."""

import numpy as np
import tensorflow as tf
from keras import ops

from utils.exercises.comparing import Fact
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.gradients import value_and_gradients, with_gradients
from utils.lesson_07.study import active_units, free_bits
from utils.losses import importance_weighted_bound
from utils.models import condition_on_label


def _log_weights():
    """Return (log_weights,) cases, smallest first; the last holds weights far too small for a float32.

    In the last, images lie hundreds of nats apart, and some samples of an image lie far above its others.
    """
    random = np.random.default_rng(0)
    return [
        (np.array([[-2.0, -1.0], [0.5, -3.0], [-0.5, 1.5]], np.float32),),
        (random.normal(-3, 2, size=(5, 4)).astype(np.float32),),
        (random.normal(-3, 2, size=(70, 2)).astype(np.float32),),
        ((np.array([-900, -1300, -700]) + random.normal(0, 60, size=(60, 3))).astype(np.float32),),
    ]


def _means():
    """Return (means, threshold) cases in which some dimensions vary and others are constant, not at 0.

    Variances lie on both sides of the threshold, with standard deviations and averages on other sides than they, and
    with n times the variance too. In the last dimension of the third case, one image alone is far from the others.
    Whether one divides by n or by n - 1 makes no difference.
    """
    random = np.random.default_rng(1)
    noise = random.normal(size=(40, 9))
    noise[:, 8] = np.arange(40) == 5
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    centre = np.array([0.005, 2.0, -1.0, 0.3, 0.005, 1.0, 0.5, -2.0, 0.1])
    for deviations, threshold in (((1.0, 0.013, 0.003), 0.01), ((1.2, 0.7, 0.05, 0.02, 0.11, 0.25, 0.01), 0.01),
                                  ((0.02, 0.6, 0.3, 0.2, 0.1, 0.9, 0.26, 0.01, 0.13), 0.05),
                                  ((0.7, 1, 0.09, 0.04, 1), 0.01), ((2, 0.4, 0.02, 3, 0.9, 0.8, 1.1), 0.5)):
        size = len(deviations)
        yield (centre[:size] + noise[:, :size] * deviations).astype(np.float32), threshold


_WHOLE = Fact("is it a whole number?", "this is no whole number. How many dimensions are active?")
_THRESHOLD = Fact("does the threshold count?", "even at a threshold of a million, dimensions are counted. Is "
                  "`threshold` used, and are those above it counted?")
_PLACE = Fact("is it a number of dimensions?", "this is the place of an active dimension, not how many are active.")
_TOGETHER = Fact("is each dimension judged by itself?", "one comparison decides for all dimensions together. Each has "
                 "a variance of its own: compare each, then count.")
_COLUMNS = Fact("is each column looked at?", "a single active dimension is found in some columns of a table and missed "
                "in others. Do you look at each: the first, the last, and those after an inactive one?")
_END = Fact("does the count go on to the end?", "where all of 30 dimensions are active, fewer are counted. What ends "
            "the count early?")
_TWICE = Fact("do the same images twice give the same count?", "the same images twice give another count. A dimension "
              "counts once, however many images there are: what is averaged over them?")
_ORDER = Fact("do images in another order give the same count?", "another order of the images gives another count. Are "
              "all of them used?")
_SHIFT = Fact("does only what differs count?", "a number added to a whole column, the same for every image, changes "
              "the count. What does the variance subtract first, and over what is that averaged?")
_LOUD = Fact("does a loud dimension make others count?", "a dimension with a large variance makes "
             "others count, although they are the same for every image. Over what must the average be taken that "
             "the variance subtracts?")
_SCALE = Fact("is it the variance?", "means 20 times as large have 400 times the variance, so that 400 times the "
    "threshold should give the same count, and it does not. Is it the variance itself, not rounded, squared or "
    "standardised, that is compared with the threshold as it is?")


def _count_and_facts(function, means, threshold):
    """Return how many dimensions are counted, and facts about the counts in tables made from this one."""
    table, active = means.copy(), np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
    count = function(means, threshold)
    if np.ndim(count) or count is None:
        return {"active dimensions": count}
    alone = [function(active * (np.arange(12) == place), 0.01) for place in range(12)]  # one active column of twelve
    shifts = np.float32([3, -2, 1, -4, 2, -1, 5, -3, 4])[:table.shape[1]], -table.mean(axis=0)
    orders = (np.roll(table, step, axis=0) for step in (1, 2, 3, 5, 8, 13, 21))
    return {
        _WHOLE: count == int(count),
        _THRESHOLD: function(table, 1e6) == 0,
        _PLACE: alone != list(range(12)),
        _TOGETHER: not all(each in (0, 12) for each in alone),
        _COLUMNS: sorted(set(alone)) != [0, 1],
        _END: not 0 < function(np.tile(active, 30), 0.01) < 30,
        _TWICE: function(np.concatenate([table, table]), threshold) == count,
        _ORDER: all(function(images, threshold) == count for images in orders),
        _SHIFT: all(function(table + shift, threshold) == count for shift in shifts),
        _LOUD: function(100 * active * (np.arange(12) == 0), 0.01) <= alone[0],
        _SCALE: all(function(np.float32(factor) * table, factor**2 * threshold) == count for factor in (20, 0.25)),
        "active dimensions": count,
    }


def _prices():
    """Return (kl_of_each_dimension, minimum) cases: averages on both sides of the minimum, single values as well."""
    random = np.random.default_rng(2)
    return [
        (np.array([[0.1, 0.9, 2.0], [0.2, 0.3, 3.0]], np.float32), np.float32(0.75)),
        (random.gamma(0.5, 1.0, size=(4, 5)).astype(np.float32), np.float32(0.4)),
        (random.gamma(0.3, 0.5, size=(7, 3)).astype(np.float32), np.float32(0.1)),
        (random.gamma(0.5, 0.2, size=(6, 3)).astype(np.float32), np.float32(0.7)),
        (random.gamma(2.0, [80.0, 0.2, 90.0, 70.0], size=(5, 4)).astype(np.float32), np.float32(1.5)),
    ]


def _price_and_gradients(function, kl_of_each_dimension, minimum):
    """Return what `with_gradients` does; a graph is built for the last case alone, as that takes a while."""
    return with_gradients(function, [tf.constant(kl_of_each_dimension), tf.constant(minimum)], dtype=tf.float32,
                          in_graph=minimum == 1.5)


_price_and_gradients.plain = value_and_gradients.plain


def _latents_and_labels():
    random = np.random.default_rng(3)
    return [(random.normal(size=(batch, latent_dim)).astype(np.float32), labels.astype(np.int64))
            for batch, latent_dim, labels in ((2, 1, np.array([3, 6])), (5, 3, np.array([1, 0, 9, 4, 9])),
                                              (10, 12, random.permutation(10)))]


_LATENTS = Fact("are the latents as they were?", "the first columns are not the latents as they came.")
_NONE = Fact("does each row name a digit?", "beside some latents stand ten zeros. Is there a 1 for each label, 0 and 9 "
             "too?")
_ONE_HOT = Fact("are they one 1 and nine 0s?", "the ten numbers beside the latents should be a single 1 and nine 0s in "
                "each row, and these are not.")
_OWN = Fact("does the 1 stand in the label's column?", "a single 1 stands in each row, but not in the column of the "
            "row's label: 0 has the first of the ten, 9 the last. What decides on the column?")


def _value_and_facts(function, latents, labels):
    """Return facts about the columns, and what `with_gradients` does for the latents: labels have no gradient.

    A graph is built for the last case alone, as that takes a while.
    """
    seen = with_gradients(lambda tensor: function(tensor, ops.convert_to_tensor(labels)[:ops.shape(tensor)[0]]),
                          [tf.constant(latents)], dtype=tf.float32, in_graph=len(labels) == 10)
    if np.shape(seen["value"]) != (len(latents), latents.shape[1] + 10):
        return seen
    first, beside = np.split(np.asarray(seen["value"], np.float64), [latents.shape[1]], axis=1)
    empty, whole = (beside == 0).all(axis=1), (np.sort(beside, axis=1) == [0] * 9 + [1]).all(axis=1)
    return {_LATENTS: np.allclose(first, latents), _NONE: not (np.any(empty) and np.all(whole | empty)),
            _ONE_HOT: bool(whole.all()), _OWN: np.array_equal(beside.argmax(axis=1), labels), **seen}


_of_bound, _of_units = edits_of(importance_weighted_bound), edits_of(active_units)
_of_price, _of_label = edits_of(free_bits), edits_of(condition_on_label)
_CHARGED, _TEN = "charged = ops.maximum(average, minimum)", "ops.one_hot(labels, 10, dtype='float32')"


EXERCISES = (
    Exercise(identifier="7.1", reference=importance_weighted_bound, cases=_log_weights, mistakes=(
        Mistake("this is the average of the logarithms, the ELBO. The bound takes the logarithm of the average: "
                "where must the mean stand?", lambda log_weights: ops.mean(log_weights, axis=0)),
        Mistake("the axis is right, but you divide by the number of images. How many numbers were summed?",
                _of_bound("log_weights.shape[0]", "log_weights.shape[1]")),
        Mistake("the number of samples is typed in as 50. Take it from the table.", _of_bound("/ samples", "/ 50")),
        Mistake("you subtract the number of samples itself. A division inside the logarithm is a difference of "
                "logarithms outside.", _of_bound("weights, axis=0) / samples", "weights, axis=0)) - (samples")),
        Mistake("you divide the logarithm by the number of samples. The division belongs to the weights, inside.",
                _of_bound("return largest", "return (largest", " / samples)", ")) / samples")),
        Mistake("the largest logarithm is put back twice.", _of_bound("return largest", "return 2 * largest")),
        Mistake("this is the largest weight alone. The average needs the others as well.",
                lambda log_weights: ops.max(log_weights, axis=0)),
        Mistake("all weights go into one average, whichever image they belong to. Average over the samples only.",
                lambda log_weights: ops.logsumexp(log_weights) - np.log(log_weights.size)),
        Mistake("a weight of 1 is summed beside those of the samples. In logarithms, an empty sum is -∞ and not 0.",
                lambda log_weights: np.logaddexp(0, ops.logsumexp(log_weights, axis=0)) - np.log(len(log_weights))),
        Mistake("this averages the logarithms, with the weights as shares. The logarithm of the average weight is "
                "wanted.",
                lambda log_weights: ops.sum(ops.softmax(log_weights, axis=0) * log_weights, axis=0)),
    ), hints=(
        "The weights come as logarithms. Their average is a sum, divided by how many there are; you want the "
        "logarithm of that.",
        "The logarithm of a sum of exponentials, without leaving the logarithm, is `ops.logsumexp` along an axis. "
        "The samples of one image stand in one column.",
        "What does dividing by K become after the logarithm? `log_weights.shape[0]` is K, a plain integer, so "
        "that `np.log` takes it.",
    )),
    Exercise(identifier="7.2", reference=active_units, cases=_means, observe=_count_and_facts, mistakes=(
        Mistake("you take the variance across the latent dimensions of each image. The question is whether one "
                "dimension changes from image to image: which axis holds the images?", _of_units("axis=0", "axis=1")),
        Mistake("this compares the standard deviation with the threshold, or the variance with its square. The "
                "definition names the variance, and the threshold as it is.", _of_units("var", "std")),
        Mistake("you average the squares without subtracting the mean. A dimension that is 2 for every image says "
                "nothing about any of them.", _of_units("np.var(means,", "np.mean(means ** 2,")),
        Mistake("you compare the size of each dimension's average with the threshold. An active dimension can "
                "average to zero: look at how it varies.",
                _of_units("np.var(means, axis=0)", "np.abs(np.mean(means, axis=0))")),
        Mistake("these are the dimensions that are not active. Which side of the threshold counts?",
                _of_units("> threshold", "< threshold")),
        Mistake("this is the share of active dimensions, not their number.",
                _of_units("int(np.sum(", "float(np.mean(")),
        Mistake("this is the share of active dimensions in percent, not their number.",
                _of_units("int(np.sum(", "round(100 * np.mean(")),
    ), hints=(
        "A dimension is active when its mean changes from image to image. `means` has a row for each image and a "
        "column for each dimension.",
        "`np.var(means, axis=…)` gives variances along an axis: those of the columns are wanted.",
        "Comparing an array with a number gives True and False; `np.sum` counts the True ones, and `int` makes a "
        "plain number of it.",
    )),
    Exercise(identifier="7.3", reference=free_bits, cases=_prices, observe=_price_and_gradients, mistakes=(
        Mistake("you compare the sum over the dimensions with the minimum. Then a single dimension can use up what is "
                "free, and the others collapse: compare each dimension.",
                _of_price("(average,", "(ops.sum(average),")),
        Mistake("you compare all dimensions together, their sum or their average, with all that is free. Then "
                "an expensive dimension can use up what is free for the others, and they collapse: compare each.",
                _of_price("(average, minimum", "(ops.sum(average), average.shape[0] * minimum")),
        Mistake("you compare every image by itself with the minimum, and average afterwards. The average over the "
                "batch comes first: a dimension may be silent for some images if it speaks for others.",
                lambda kl, minimum: ops.sum(ops.mean(ops.maximum(kl, minimum), axis=0))),
        Mistake("you compare every image by itself with the minimum, and average over the dimensions as well. Average "
                "over the batch, then take the larger number, then sum over the dimensions.",
                lambda kl, minimum: ops.mean(ops.maximum(kl, minimum))),
        Mistake("you sum over the dimensions of each image and compare that with the minimum. Average over the batch "
                "first, then compare each dimension.",
                lambda kl, minimum: ops.mean(ops.maximum(ops.sum(kl, axis=1), minimum))),
        Mistake("you subtract what is free. The charge is the larger of both numbers, not the excess alone.",
                _of_price("average, minimum", "average - minimum, 0.0")),
        Mistake("you subtract what is free, from every image by itself. The charge is the larger of both numbers, and "
                "a dimension's average is one of them.",
                lambda kl, minimum: ops.sum(ops.mean(ops.relu(kl - minimum), axis=0))),
        Mistake("a dimension below the minimum is charged nothing. It pays the minimum.",
                _of_price(_CHARGED, "charged = ops.where(average > minimum, average, 0.0)")),
        Mistake("you charge the largest KL of the batch in each dimension. The average over the images is asked for.",
                _of_price("ops.mean", "ops.max")),
        Mistake("only the most expensive dimension is charged. Each has its price, and nats add up.",
                _of_price("ops.sum", "ops.max")),
        Mistake("the minimum is shared out among the dimensions. Each may use all of it for free.",
                _of_price("average, minimum", "average, minimum / average.shape[0]")),
        Mistake("the minimum is added on top of the price. Only a dimension below it pays it, and instead of its "
                "own KL.", _of_price(_CHARGED, "charged = average + minimum")),
        Mistake("a dimension above the minimum pays both, its own KL and the minimum. It pays the larger one.",
                _of_price(_CHARGED, "charged = minimum + ops.where(average > minimum, average, 0.0)")),
        Mistake("the last dimension is left out. Where does the loop end?", _of_price("(charged)", "(charged[:-1])")),
        Mistake("a softplus rounds off the corner of the maximum: a dimension near the minimum pays more, and is still "
                "pushed below it.", _of_price(_CHARGED, "charged = minimum + ops.softplus(average - minimum)")),
    ), hints=(
        "Three steps in this order: average over the images, compare with the minimum, sum over the dimensions.",
        "A dimension whose average KL is 0.1 nats is charged 0.5 if the minimum is 0.5, and one of 3 nats is "
        "charged 3. Which function of two numbers is that?",
        "`ops.mean(…, axis=0)` averages over the batch, `ops.maximum(tensor, number)` compares every entry, "
        "`ops.sum` makes one number of it.",
    )),
    Exercise(identifier="7.4", reference=condition_on_label, cases=_latents_and_labels,
             observe=_value_and_facts, mistakes=(
        Mistake("the label enters as one number. That says a 9 is more than an 8, and three times a 3: give each "
                "digit a column of its own.", _of_label(_TEN, "ops.cast(labels[:, None], 'float32')")),
        Mistake("the label enters as one number between 0 and 1. That says an 8 lies between a 7 and a 9: give "
                "each digit a column of its own.", _of_label(_TEN, "ops.cast(labels[:, None] / 9, 'float32')")),
        Mistake("the one-hot label has nine columns. Count the digits, beginning with 0.", _of_label("10,", "9,")),
        Mistake("the one-hot label has eleven columns. Count the digits: 0 to 9.", _of_label("10,", "11,")),
        Mistake("the one-hot label is shifted by one: digit 0 has the first column.",
                _of_label("one_hot(labels,", "one_hot(labels - 1,")),
        Mistake("the labels come before the latents. The decoder takes either order, but the lesson's wants the "
                "latents first.", _of_label(f"[latents, {_TEN}]", f"[{_TEN}, latents]")),
        Mistake("these are the one-hot labels alone. The latents belong beside them.",
                _of_label("[latents,", "[latents[:, :0],")),
        Mistake("the last ten latents are overwritten. The label's ten numbers belong beside them.",
                _of_label("[latents,", "[latents[:, :-10],")),
    ), hints=(
        "A digit is a name, not a quantity. Ten columns, of which the label's own is 1 and the others are 0, say "
        "which it is without an order.",
        "`ops.one_hot(labels, …)` makes the columns; how many digits are there? `ops.concatenate([…, …], "
        "axis=…)` puts two tensors side by side or one below the other.",
        "The result has one row for each latent, and as many columns as latent dimensions and digits together.",
    )),
)
