"""Lesson 7 · Better VAEs."""

import numpy as np
from keras import ops

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.gradients import value_and_gradients
from utils.lesson_07.study import active_units, free_bits
from utils.losses import importance_weighted_bound
from utils.models import condition_on_label


def _log_weights():
    """Return (log_weights,) cases, smallest first; the last holds weights far too small for a float32."""
    random = np.random.default_rng(0)
    return [
        (np.array([[-2.0, -1.0], [0.5, -3.0], [-0.5, 1.5]], np.float32),),
        (random.normal(-3, 2, size=(5, 4)).astype(np.float32),),
        (random.normal(-900, 5, size=(50, 3)).astype(np.float32),),
    ]


def _means():
    """Return (means,) and (means, threshold) cases in which some dimensions vary and others are constant, not at 0.

    Variances lie on both sides of 0.01, with standard deviations and averages on other sides than they.
    """
    random = np.random.default_rng(1)
    noise = random.normal(size=(40, 6))
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    centre = np.array([0.0, 2.0, -1.0, 0.3, 0.0, 1.0])
    for deviations, *threshold in (((1.0, 0.004, 0.005),), ((1.2, 0.7, 0.05, 0.02, 0.4, 0.01),),
                                   ((0.9, 0.6, 0.3, 0.2, 0.1, 0.02), 0.05), ((1, 1, 0.05, 0.04, 1), 0.01)):
        size = len(deviations)
        yield (centre[:size] + noise[:, :size] * deviations).astype(np.float32), *threshold


def _prices():
    """Return (kl_of_each_dimension, minimum) cases: averages on both sides of the minimum, single values as well."""
    random = np.random.default_rng(2)
    return [
        (np.array([[0.1, 0.9, 2.0], [0.2, 0.3, 3.0]], np.float32), np.float32(0.5)),
        (random.gamma(0.5, 1.0, size=(4, 5)).astype(np.float32), np.float32(0.4)),
        (random.gamma(0.3, 0.5, size=(7, 3)).astype(np.float32), np.float32(0.1)),
        (random.gamma(0.5, 0.2, size=(6, 3)).astype(np.float32), np.float32(0.7)),
    ]


def _latents_and_labels():
    random = np.random.default_rng(3)
    return [(random.normal(size=(batch, latent_dim)).astype(np.float32), labels.astype(np.int64))
            for batch, latent_dim, labels in ((2, 1, np.array([3, 9])), (5, 3, np.array([1, 0, 9, 4, 9])),
                                              (10, 10, random.permutation(10)))]


def _value_and_gradient_of_latents(function, latents, labels):
    """Return what `value_and_gradients` does, for latents alone: labels are whole numbers and have no gradient."""
    return value_and_gradients(lambda tensor: function(tensor, ops.convert_to_tensor(labels)[:ops.shape(tensor)[0]]), latents)


_of_bound, _of_units = edits_of(importance_weighted_bound), edits_of(active_units)
_of_price, _of_label = edits_of(free_bits), edits_of(condition_on_label)
_PRICE = "ops.sum(ops.maximum(ops.mean(kl_of_each_dimension, axis=0), minimum))"
_COLUMNS = "ops.one_hot(labels, 10, dtype='float32')"


EXERCISES = (
    Exercise(identifier="7.1", reference=importance_weighted_bound, cases=_log_weights, mistakes=(
        Mistake("this is the average of the logarithms, the ELBO. The bound takes the logarithm of the average: "
                "where must the mean stand?", lambda log_weights: ops.mean(log_weights, axis=0)),
        Mistake("this is the logarithm of the sum of the weights. An average also divides by the number of "
                "samples: what is that in logarithms?", _of_bound(" - math.log(log_weights.shape[0])", "")),
        Mistake("you average over the images instead of the samples. Which axis holds the samples of one image?",
                _of_bound("axis=0", "axis=-1", "log(log_weights.shape[0])", "log(log_weights.shape[1])")),
        Mistake("the axis is right, but you divide by the number of images. How many numbers were summed?",
                _of_bound("log(log_weights.shape[0])", "log(log_weights.shape[1])")),
        Mistake("the formula is right, but weights of exp(-900) are zero for the computer, and log 0 is -∞. Never "
                "leave the logarithm: lesson 4's log-sum-exp.",
                lambda log_weights: ops.log(ops.mean(ops.exp(log_weights), axis=0))),
        Mistake("you subtract the number of samples itself. A division inside the logarithm is a difference of "
                "logarithms outside.", _of_bound("math.log(log_weights.shape[0])", "log_weights.shape[0]")),
        Mistake("you divide the logarithm by the number of samples. The division belongs to the weights, inside.",
                _of_bound("- math.log(log_weights.shape[0])", "/ log_weights.shape[0]")),
        Mistake("the logarithm of the number of samples is added: drawing more would by itself make a better "
                "model.", _of_bound("- math", "+ math")),
        Mistake("this is the largest weight alone. The average needs the others as well.",
                lambda log_weights: ops.max(log_weights, axis=0)),
        Mistake("this is minus the bound, a loss. The bound itself is wanted.",
                lambda log_weights: -importance_weighted_bound(log_weights)),
        Mistake("you average over the images as well. Each has a bound of its own.",
                lambda log_weights: ops.mean(importance_weighted_bound(log_weights))),
        Mistake("all weights go into one average, whichever image they belong to. Average over the samples only.",
                _of_bound(", axis=0", "", "log(log_weights.shape[0])", "log(math.prod(log_weights.shape))")),
    ), hints=(
        "The weights come as logarithms. Their average is a sum, divided by how many there are; you want the "
        "logarithm of that.",
        "The logarithm of a sum of exponentials, without leaving the logarithm, is `ops.logsumexp` along an axis. "
        "The samples of one image stand in one column.",
        "What does dividing by K become after the logarithm? `log_weights.shape[0]` is K, a plain integer, so "
        "that `np.log` takes it.",
    )),
    Exercise(identifier="7.2", reference=active_units, cases=_means, mistakes=(
        Mistake("you take the variance across the latent dimensions of each image. The question is whether one "
                "dimension changes from image to image: which axis holds the images?", _of_units("axis=0", "axis=1")),
        Mistake("you compare the standard deviation with the threshold. The definition names its square.",
                _of_units("var", "std")),
        Mistake("you average the squares without taking off the mean. A dimension that is 2 for every image says "
                "nothing about any of them.", _of_units("np.var(means,", "np.mean(means ** 2,")),
        Mistake("you compare the average of each dimension with the threshold. An active dimension can average to "
                "zero: look at how it varies.", _of_units("var", "mean")),
        Mistake("you compare the size of each dimension's average with the threshold. An active dimension can "
                "average to zero: look at how it varies.",
                _of_units("np.var(means, axis=0)", "np.abs(np.mean(means, axis=0))")),
        Mistake("these are the dimensions that are not active. Which side of the threshold counts?",
                _of_units("> threshold", "< threshold")),
        Mistake("this is the share of active dimensions, not their number.",
                _of_units("int(np.sum(", "float(np.mean(")),
        Mistake("this says for each dimension whether it is active. How many are they?",
                lambda means, threshold=0.01: np.var(means, axis=0) > threshold),
        Mistake("the threshold is fixed at 0.01 in your code: use the argument.", _of_units("> threshold", "> 0.01")),
        Mistake("you average the variances before you compare, which gives one answer for all dimensions. Compare "
                "each, then count.", _of_units("np.var(means, axis=0)", "np.mean(np.var(means, axis=0))")),
    ), hints=(
        "A dimension is active when its mean changes from image to image. `means` has a row for each image and a "
        "column for each dimension.",
        "`np.var(means, axis=…)` gives variances along an axis: those of the columns are wanted.",
        "Comparing an array with a number gives True and False; `np.sum` counts the True ones, and `int` makes a "
        "plain number of it.",
    )),
    Exercise(identifier="7.3", reference=free_bits, cases=_prices, observe=value_and_gradients, mistakes=(
        Mistake("clamped on the wrong side: nothing may cost more than the minimum now, so that the encoder may "
                "say all it likes. Which of two numbers is charged?", _of_price("maximum", "minimum")),
        Mistake("you clamp the sum over the dimensions. Then a single dimension can use up what is free, and the "
                "others collapse: clamp each.",
                _of_price(_PRICE, "ops.maximum(ops.sum(ops.mean(kl_of_each_dimension, axis=0)), minimum)")),
        Mistake("you clamp every image by itself and average afterwards. The average over the batch comes first: a "
                "dimension may be silent for some images if it speaks for others.",
                _of_price(_PRICE, "ops.sum(ops.mean(ops.maximum(kl_of_each_dimension, minimum), axis=0))")),
        Mistake("you subtract what is free. The charge is the larger of both numbers, not the excess alone.",
                _of_price("axis=0), minimum", "axis=0) - minimum, 0.0")),
        Mistake("you average over the dimensions at the end. Nats add up: a sum.", _of_price("ops.sum", "ops.mean")),
        Mistake("you sum over the batch instead of averaging. A larger batch would cost more.",
                _of_price("ops.mean", "ops.sum")),
        Mistake("the axes have changed places: you average over the dimensions of an image and clamp that. Images "
                "lie along the first axis.", _of_price("axis=0", "axis=1")),
        Mistake("one price for each image came back, after the sum over the dimensions was clamped. Average over "
                "the batch first, then clamp each dimension.",
                _of_price(_PRICE, "ops.maximum(ops.sum(kl_of_each_dimension, axis=-1), minimum)")),
        Mistake("the clamped prices are not summed yet: one number for the batch is wanted.",
                _of_price("ops.sum(", "(")),
        Mistake("the minimum is added on top of the price. Only a dimension below it pays it, and instead of its "
                "own KL.", _of_price(_PRICE, "ops.sum(ops.mean(kl_of_each_dimension, axis=0) + minimum)")),
        Mistake("the minimum has no effect: this is the plain KL.",
                _of_price(_PRICE, "ops.sum(ops.mean(kl_of_each_dimension, axis=0))")),
    ), hints=(
        "Three steps in this order: average over the images, compare with the minimum, sum over the dimensions.",
        "A dimension whose average KL is 0.1 nats is charged 0.5 if the minimum is 0.5, and one of 3 nats is "
        "charged 3. Which function of two numbers is that?",
        "`ops.mean(…, axis=0)` averages over the batch, `ops.maximum(tensor, number)` compares every entry, "
        "`ops.sum` makes one number of it.",
    )),
    Exercise(identifier="7.4", reference=condition_on_label, cases=_latents_and_labels,
             observe=_value_and_gradient_of_latents, mistakes=(
        Mistake("the label enters as one number. That says a 9 is more than an 8, and three times a 3: give each "
                "digit a column of its own.", _of_label(_COLUMNS, "ops.cast(labels[:, None], 'float32')")),
        Mistake("the label enters as one number between 0 and 1. That says an 8 lies between a 7 and a 9: give "
                "each digit a column of its own.", _of_label(_COLUMNS, "ops.cast(labels[:, None] / 9, 'float32')")),
        Mistake("the one-hot label has nine columns. Count the digits, beginning with 0.", _of_label("10,", "9,")),
        Mistake("the one-hot label has eleven columns. Count the digits: 0 to 9.", _of_label("10,", "11,")),
        Mistake("the one-hot label is shifted by one: digit 0 has the first column.",
                _of_label("one_hot(labels,", "one_hot(labels - 1,")),
        Mistake("the label is added to the latents. Then the decoder cannot tell one from the other: put it beside "
                "them.", lambda latents, labels: latents + ops.one_hot(labels, latents.shape[-1], dtype="float32")),
        Mistake("the labels come before the latents. The decoder takes either order, but the lesson's wants the "
                "latents first.", _of_label(f"[latents, {_COLUMNS}]", f"[{_COLUMNS}, latents]")),
        Mistake("the labels are put below the latents, as if they were more examples. They belong beside them, "
                "along the last axis.", _of_label("10,", "latents.shape[-1],", "axis=-1", "axis=0")),
        Mistake("these are the one-hot labels alone. The latents belong beside them.",
                _of_label("[latents,", "[latents[:, :0],")),
    ), hints=(
        "A digit is a name, not a quantity. Ten columns, of which the label's own is 1 and the others are 0, say "
        "which it is without an order.",
        "`ops.one_hot(labels, …)` makes the columns; how many digits are there? `ops.concatenate([…, …], "
        "axis=…)` puts two tensors side by side or one below the other.",
        "The result has one row for each latent, and as many columns as latent dimensions and digits together.",
    )),
)
