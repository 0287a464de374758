"""Lesson 9 · Stabilising GANs."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from scipy import stats

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.gradients import TRACED, with_gradients
from utils.losses import exponential_moving_average, gradient_penalty, r1_penalty, wasserstein_distance_1d

AT_ONCE = 3  # images, which is quick; a larger batch is computed in a graph, as Keras traces a training step
DIAGNOSES = ("healthy", "mode collapse", "vanishing gradient", "oscillation", "leaking batch statistics")


def _two_samples():
    """Return (first, second) cases, unsorted and overlapping, so that no two ways of comparing them agree."""
    random = np.random.default_rng(0)
    return [(np.array([3.0, -1.0, 0.5]), np.array([0.0, 4.5, -2.0])),
            (random.normal(1, 0.5, 20), random.normal(0, 2, 20)),
            (random.exponential(size=9) - 3, random.normal(size=9))]


class _Slopes(layers.Layer):
    """A critic of known slopes: its weights times each row's own scale. What it was called with last is `seen`."""

    def __init__(self, weights, scales=1.0):
        super().__init__(name="slopes")
        self.direction = self.add_weight(shape=np.shape(weights), initializer=lambda shape, dtype: weights)
        self.scales = scales

    def call(self, images, training=None):
        self.seen = ops.convert_to_tensor(images)
        flat = ops.reshape(self.seen, (-1, self.direction.shape[0]))
        return ops.reshape(self.scales * ops.sum(flat * self.direction, axis=-1), (-1, 1))


def _slopes_and_images():
    """Yield cases with slopes on both sides of 1. A fake's pixels are smaller than any real one's: one sees the mix."""
    random = np.random.default_rng(1)
    for place, shape in enumerate([(3, 2), (4, 6)]):
        scales = np.linspace(0.2, 2.5, shape[0]).astype(np.float32)
        critic = _Slopes(random.normal(0, 1 / np.sqrt(shape[1]), shape[1:]).astype(np.float32), scales)
        real, fake = (random.uniform(low, low + 1, shape).astype(np.float32) for low in (1.0, -2.0))
        yield critic, real, fake, keras.random.SeedGenerator(place)


def _curved_discriminators():
    """Yield (discriminator, images) cases of small curved networks with weights of their own seeds."""
    for batch, pixels, width in ((3, 2, 4), (5, 4, 6)):
        random = np.random.default_rng(batch)
        discriminator = keras.Sequential([keras.Input((pixels,)), layers.Dense(width, "tanh"), layers.Dense(1)])
        discriminator.set_weights([random.normal(0, 0.9, weight.shape) for weight in discriminator.get_weights()])
        yield discriminator, random.normal(size=(batch, pixels)).astype(np.float32)


def _of_weights(compute, batch, network, role, in_graph, name="penalty"):
    """Return what `compute()` gives, and if TensorFlow can compute with it, its gradients by a network's weights."""
    return with_gradients(compute, batch, [weight.value for weight in network.trainable_weights], name,
                          f"its gradients by the {role}'s weights", in_graph=in_graph)


def _penalty_and_gradients(function, discriminator, images):
    images = tf.constant(images)
    return _of_weights(lambda images: function(discriminator, images), [images], discriminator, "discriminator", len(images) > AT_ONCE)


def _penalty_and_points(function, critic, real_images, fake_images, random):
    """Return the penalty where it does not depend on the points, its gradients, and in the larger case the points."""
    real, fake = tf.constant(real_images), tf.constant(fake_images)
    in_graph = len(real) > AT_ONCE
    # Of images that are real and fake at once, every point between them is the image itself.
    seen = _of_weights(lambda real: function(critic, real, real, random), [real], critic, "critic", in_graph,
                       "penalty where real and fake images are the same")
    if seen is None or not seen[TRACED]:
        return seen
    if in_graph:
        return seen | _points_between(function, critic, real, fake, random)
    flat = _Slopes(np.zeros(critic.direction.shape))
    *_, gradients = _of_weights(lambda real, fake: function(flat, real, fake, random), [real, fake], flat, "critic", False).values()
    return seen | {"are they finite for a flat critic? (1 yes, 0 no)": float(np.all(np.isfinite(gradients)))}


def _points_between(function, critic, real, fake, random):
    """Return what can be said of the points where the function asks the critic for its slope."""
    real, fake = (ops.repeat(images, 600 // len(real), axis=0) for images in (real, fake))
    spy = _Slopes(critic.direction.numpy())

    @tf.function(autograph=False)
    def points():
        function(spy, real, fake, random)
        return spy.seen

    mixes = [((points() - fake) / (real - fake)).numpy() for _ in range(2)]
    mix = mixes[0].mean(axis=1)
    facts = {"does each image stay on the line between its pair?": np.ptp(mixes[0], axis=1).max() < 1e-4,
             "has each image a point of its own?": np.ptp(mix) > 1e-4,
             "do they leave the real images?": mix.min() < 0.99,
             "do they leave the fakes?": mix.max() > 0.01,
             "do they all lie between fake and real?": -1e-4 < mix.min() and mix.max() < 1 + 1e-4,
             "are all places between as likely?": stats.kstest(mix, "uniform").statistic < 0.1,
             "are they drawn anew at each step?": np.abs(mixes[0] - mixes[1]).max() > 1e-4}
    return {f"{question} (1 yes, 0 no)": float(answer) for question, answer in facts.items()}


def _numpy_draws_the_mix(critic, real_images, fake_images, random):
    mix = np.random.default_rng(0).uniform(size=(len(real_images), 1)).astype(np.float32)
    between = mix * real_images + (1 - mix) * fake_images
    return gradient_penalty(critic, between, between, random)  # of a pair that is one image, that image is seen


def _steps_of_averaging():
    """Return (average, weights, decay) cases: a first step, later steps, and several decays."""
    first, *others = np.random.default_rng(2).normal(size=(7, 2, 3))
    return [(None, [first[0]], 0.8), ([others[0][0]], [others[1][0]], 0.8), (list(others[2]), list(others[3]), 0.95),
            (None, list(others[4]), 0.99), (list(others[5]), list(first), 0.3)]


def _average_and_what_is_left(function, average, weights, decay):
    """Return the new average and what became of the old; the weights move on, as they do in training."""
    found = function(average, weights, decay)
    if found is None or found is ...:
        return found
    seen = {"average": [np.array(each) for each in found]}
    if average is not None:
        seen["the average that was given, afterwards"] = [np.array(each) for each in average]
    for weight in weights:
        weight += 7.0
    return seen | {"average, after the weights have moved on": [np.array(each) for each in found]}


def diagnose():
    """Return the diagnoses of runs A, B, C and D, in this order."""
    return "leaking batch statistics", "mode collapse", "vanishing gradient", "oscillation"


def _first_wrong_reading(function):
    """Return the first wrong diagnosis instead of all four: a wrong answer must not be answered with the right one."""
    found = function()
    if found is None or found is ...:
        return found
    found = [found] if isinstance(found, str) else list(found)
    if len(found) != 4:
        raise ValueError(f"four diagnoses are wanted, one for each of the runs A to D, but {len(found)} came back")
    unknown = [each for each in found if each not in DIAGNOSES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of the diagnoses, which are {', '.join(DIAGNOSES)}")
    wrong = [f"{run}: {each}" for run, each, right in zip("ABCD", found, diagnose(), strict=True) if each != right]
    return {"first wrong diagnosis": wrong[0] if wrong else "none"}


def _misread(run, diagnosis, why):
    """Return the mistake of one wrong diagnosis, and what in the chart contradicts it."""
    answers = dict(zip("ABCD", diagnose(), strict=True)) | {run: diagnosis}
    return Mistake(f"run {run} is not that: {why}", lambda: tuple(answers.values()))


_of_w1, _of_gp, _of_r1, _of_ema = map(
    edits_of, (wasserstein_distance_1d, gradient_penalty, r1_penalty, exponential_moving_average))
_MIXED = "mix * real_images + (1 - mix) * fake_images"
_LOGITS = "discriminator(images, training=True)"
_AVERAGED = "decay * old + (1 - decay) * new"


EXERCISES = (
    Exercise(identifier="9.1", reference=wasserstein_distance_1d, cases=_two_samples, mistakes=(
        Mistake("the numbers are paired as they come, so another order would give another distance. Which plan moves "
                "the least?", lambda first, second: float(np.mean(np.abs(first - second)))),
        Mistake("this is the distance between the averages. Two samples can have the same average and differ: how far "
                "does each grain go?", lambda first, second: float(np.abs(np.mean(first) - np.mean(second)))),
        Mistake("the differences keep their signs, so ways to the left and to the right cancel. A way is never "
                "negative.", _of_w1("np.abs", "")),
        Mistake("the differences keep their signs (and the second sample comes first), so ways to the left and to the "
                "right cancel. A way is never negative.", _of_w1("np.abs", "-")),
        Mistake("you square the ways: that charges long ways more, and has another unit. The price here is the way "
                "itself.", _of_w1("np.abs", "np.square")),
        Mistake("this is the root of the average squared way, the distance W₂. The one wanted, W₁, averages the ways "
                "as they are.", _of_w1("np.abs", "np.square", "float", "np.sqrt")),
        Mistake("this is the sum of all ways. Each grain carries one part in n of the mass, so that the distance does "
                "not grow with the sample.", _of_w1("np.mean", "np.sum")),
        Mistake("only one of the two samples is sorted. The smallest goes to the smallest.",
                _of_w1("np.sort(second)", "second")),
        Mistake("only one of the two samples is sorted, the second. The smallest goes to the smallest.",
                _of_w1("np.sort(first)", "first")),
        Mistake("this is the longest way of all. The average is wanted.", _of_w1("np.mean", "np.max")),
        Mistake("one sample is sorted upwards and the other downwards: the dearest of all plans.",
                _of_w1("np.sort(second)", "np.sort(second)[::-1]")),
        Mistake("these are the ways, one for each grain. The distance is their average.",
                lambda first, second: np.abs(np.sort(first) - np.sort(second))),
        Mistake("you average over all pairs, as if every grain went everywhere. Each has one place to go.",
                _of_w1("np.sort(first)", "first[:, None]")),
    ), hints=(
        "If the ways of two grains cross, let them swap their goals: together they then never go farther. So in a "
        "cheapest plan nobody overtakes anybody.",
        "Nobody overtakes: the smallest goes to the smallest, the second to the second. `np.sort` puts both samples "
        "in that order.",
        "A way is the absolute value of a difference; average over the pairs, and make a `float` of it.",
    )),
    Exercise(identifier="9.2", reference=gradient_penalty, cases=_slopes_and_images, observe=_penalty_and_points,
             tolerance=1e-3, seconds=60.0, mistakes=(
        Mistake("one number mixes the whole batch: all images lie at the same place of their lines. Draw one for each "
                "image.", _of_gp("ops.shape(real_images)[0]", "1")),
        Mistake("the mix is drawn from a normal distribution, which leaves the line between fake and real at both "
                "ends. All places between 0 and 1 should be as likely.", _of_gp("random.uniform", "random.normal")),
        Mistake("each pixel has a mix of its own: such an image lies on no line between the two. One number for each "
                "image; what shape must it have to be multiplied with every pixel?",
                _of_gp("(ops.shape(real_images)[0], *[1] * len(pixel_axes))", "ops.shape(real_images)")),
        Mistake("all points lie at the same fixed place between fake and real. Draw one for each image, anew at each "
                "step.", _of_gp(_MIXED, "0.5 * real_images + 0.5 * fake_images")),
        Mistake("the slope is measured at the real images, as R1 does. Where between fake and real must it be 1?",
                _of_gp(_MIXED, "real_images")),
        Mistake("the slope is measured at the fakes alone. It must be 1 on the whole way to the real images.",
                _of_gp(_MIXED, "fake_images")),
        Mistake("NumPy draws the mix: inside `fit` that happens once, when the graph is built, and never again. Draw "
                "with `keras.random.uniform(…, seed=random)`.", _numpy_draws_the_mix),
        Mistake("this is the gradient with respect to the critic's weights. How fast does its value change from image "
                "to image? Watch the mixed images and ask the tape for their gradient.",
                _of_gp("gradient(values, between)", "gradient(values, critic.trainable_weights)")),
        Mistake("the length is taken across the batch, so that images are mixed up. Each image has a slope of its own: "
                "sum over its pixels.", _of_gp("axis=pixel_axes", "axis=0")),
        Mistake("one length is made of all the batch's gradients together. Each image has a slope of its own.",
                _of_gp(", axis=pixel_axes", "")),
        Mistake("the root is missing: the length of the gradient must be 1, not its square.", _of_gp("ops.sqrt", "")),
        Mistake("the value is right, but where the critic is flat the gradient of your penalty is NaN, and after one "
                "step so are all weights. What is the slope of a square root at zero?",
                _of_gp("+ SMALLEST_SQUARE", "")),
        Mistake("only slopes above 1 are charged. The formula pulls them up to 1 as well.",
                _of_gp("slope - 1", "ops.relu(slope - 1)")),
        Mistake("you sum over the batch. Average, so that the penalty does not depend on the batch size.",
                _of_gp("ops.mean", "ops.sum")),
        Mistake("you average the slopes before you compare with 1: a steep place could make up for a flat one. Charge "
                "each, then average.", _of_gp("slope - 1", "ops.mean(slope) - 1")),
        Mistake("one penalty for each image came back. Average over the batch.", _of_gp("ops.mean", "")),
        Mistake("this pulls the slope towards 0, as R1 does. A Wasserstein critic shall have the slope 1.",
                _of_gp("slope - 1", "slope")),
        Mistake("the distance of the slope from 1 is not squared.",
                _of_gp("ops.square(slope - 1)", "ops.abs(slope - 1)")),
        Mistake("inside the root you average over the pixels. A length is the root of the *sum* of squares.",
                _of_gp("ops.sum", "ops.mean")),
        Mistake("the gradient is that of the batch's *average* value, which is smaller by the batch size. Give the "
                "tape the values themselves: each depends on its own image alone.",
                _of_gp("critic(between, training=True)", "ops.mean(critic(between, training=True))")),
    ), hints=(
        "Four steps: draw a number between 0 and 1 for each image; mix the pair with it; ask a tape how the critic's "
        "value changes with the mixed image; compare the length of that gradient with 1.",
        "`keras.random.uniform(shape, seed=random)` draws the numbers. The shape (batch, 1) lets one number multiply "
        "a whole row of pixels; `ops.shape(real_images)[0]` is the batch size.",
        "The mixed images are no variables, so tell the tape: `tape.watch(between)`. The length is the root of a sum "
        "over the pixels, and under the root belongs a number such as 1e-12.",
    )),
    Exercise(identifier="9.3", reference=r1_penalty, cases=_curved_discriminators, observe=_penalty_and_gradients,
             tolerance=1e-4, seconds=30.0, mistakes=(
        Mistake("this is the length of the gradient. R1 charges its square, which needs no root.",
                _of_r1("axis=-1)", "axis=-1) ** 0.5")),
        Mistake("you average over the pixels as well: 784 pixels would make the penalty 784 times smaller. Sum over "
                "the pixels, average over the images.", _of_r1("ops.sum", "ops.mean")),
        Mistake("you sum over the batch. Average over the images, so that the penalty does not depend on the batch "
                "size.", _of_r1("ops.mean", "ops.sum")),
        Mistake("the axes have changed places: you sum over the images and average over the pixels.",
                _of_r1("axis=-1", "axis=0")),
        Mistake("this is the slope of the probability. Where the discriminator is sure, the sigmoid is flat and would "
                "hide a steep logit: use the logit.", _of_r1(_LOGITS, f"ops.sigmoid({_LOGITS})")),
        Mistake("this is the slope of the loss. The penalty is on the logit itself.",
                _of_r1(_LOGITS, f"ops.softplus(-{_LOGITS})")),
        Mistake("the factor ½ belongs to the weight γ/2 in the training step, not into this function.",
                _of_r1("ops.mean", "0.5 * ops.mean")),
        Mistake("this is the gradient with respect to the weights. How fast does the logit change with the *image*? "
                "Watch the images.",
                _of_r1("gradient(logits, images)", "gradient(logits, discriminator.trainable_weights)",
                       "ops.mean(ops.sum(ops.square(slope), axis=-1))",
                       "sum(ops.sum(ops.square(each)) for each in slope)")),
        Mistake("this pulls the slope towards 1, as the penalty of 9.2 does. R1 wants it small at real images.",
                _of_r1("ops.mean(", "ops.mean((", "axis=-1)", "axis=-1) ** 0.5 - 1) ** 2")),
        Mistake("you average the gradients of all images before you square: slopes in opposite directions cancel.",
                _of_r1("ops.square(slope), axis=-1", "ops.square(ops.mean(slope, axis=0))")),
        Mistake("the gradient is that of the *average* logit, so each image's is divided by the batch size. Give the "
                "tape the logits themselves.", _of_r1(_LOGITS, f"ops.mean({_LOGITS})")),
        Mistake("you sum the gradient over the pixels and then square. Square each pixel's slope first.",
                _of_r1("ops.sum(ops.square(slope), axis=-1)", "ops.square(ops.sum(slope, axis=-1))")),
        Mistake("one penalty for each image came back. Average over the batch.", _of_r1("ops.mean", "")),
    ), hints=(
        "A tape that watches the images, the discriminator's logits under it, and the gradient of the logits with "
        "respect to the images.",
        "`tape.watch(images)` before, `tape.gradient(logits, images)` after: it has the images' shape, a slope for "
        "each pixel.",
        "Square, sum over the pixels of an image, average over the images. No root is needed.",
    )),
    Exercise(identifier="9.4", reference=exponential_moving_average, cases=_steps_of_averaging,
             observe=_average_and_what_is_left, mistakes=(
        Mistake("the average starts from zero, and drags the zeros along for many steps. What is the best guess when "
                "only one set of weights has been seen?", _of_ema("np.array(weight)", "(1 - decay) * weight")),
        Mistake("the first average is all zeros. What is the best guess when only one set of weights has been seen?",
                _of_ema("np.array(weight)", "0.0 * weight")),
        Mistake("`decay` and `1 - decay` have changed places: with a decay of 0.99 the average would forget all but "
                "the last step.", _of_ema(_AVERAGED, "(1 - decay) * old + decay * new")),
        Mistake("the step is right, but at the first one you hand back the weights' own arrays: when training changes "
                "those, your average changes with them. Make copies.", _of_ema("np.array(weight)", "weight")),
        Mistake("the numbers are right, but the old average is changed in place. Build new arrays.",
                _of_ema(_AVERAGED, "np.add(decay * old, (1 - decay) * new, out=old)")),
        Mistake("this is the plain average of both. `decay` says how much of the old is kept.",
                _of_ema(_AVERAGED, "(old + new) / 2")),
        Mistake("only the first array is averaged. A network has many: go through the list.",
                _of_ema("zip(average, weights, strict=True)", "zip(average[:1], weights)", "weight in weights",
                        "weight in weights[:1]")),
        Mistake("these are the weights themselves: nothing of the old average is kept.",
                _of_ema(_AVERAGED, "np.array(new)")),
        Mistake("the new weights are added in full. Both shares must sum to 1, or the average grows and grows.",
                _of_ema(_AVERAGED, "decay * old + new")),
        Mistake("the average never moves after its first step.", _of_ema(_AVERAGED, "np.array(old)")),
        Mistake("the sign is turned: the average runs away from the weights.",
                _of_ema(_AVERAGED, "old - (1 - decay) * (new - old)")),
    ), hints=(
        "At the first step there is nothing to average: start with the weights themselves, but with copies.",
        "Later, each array of the list is mixed with its partner. How large is the share of the old average, and what "
        "must both shares sum to?",
        "A list comprehension over `zip(average, weights)` makes new arrays; `np.array(weight)` makes a copy.",
    )),
    Exercise(identifier="9.5", reference=diagnose, cases=lambda: [()], observe=_first_wrong_reading, mistakes=(
        _misread("A", "healthy", "D gets far more right in batches of one kind than in mixed ones, though the points "
                 "are the same. What can it see in the one that it cannot see in the other?"),
        _misread("A", "mode collapse", "the band of the samples grows wider and wider. In a collapse it stays thin."),
        _misread("A", "vanishing gradient", "the generator's gradient is about as long at the end as at the "
                 "beginning."),
        _misread("A", "oscillation", "losses and samples drift one way, slowly; nothing comes and goes."),
        _misread("B", "healthy", "D gets nearly everything right, and the band of the samples has no width."),
        _misread("B", "vanishing gradient", "D is far ahead, but the generator's gradient has become longer, not "
                 "shorter: it has a slope to follow. How many different samples does it draw?"),
        _misread("B", "oscillation", "the centre wanders, but D stays ahead all the while and the losses have no "
                 "waves. How wide is the band?"),
        _misread("C", "healthy", "D's loss has reached zero, and the samples have hardly moved from where they began."),
        _misread("C", "mode collapse", "the samples lie close together because they began so. Nothing has pulled them "
                 "there: they hardly move. What moves samples, and how long is it?"),
        _misread("C", "oscillation", "all curves go one way; nothing comes and goes."),
        _misread("D", "healthy", "the losses lie near those of an undecided discriminator, but look at the centre of "
                 "the samples: does it ever come to rest?"),
        _misread("D", "mode collapse", "the band of the samples stays wide all the time."),
        _misread("D", "vanishing gradient", "D is right about half the time, so it is sure of nothing, and the "
                 "generator's gradient keeps its length."),
        *(_misread(run, "leaking batch statistics", "both lines at the bottom lie on each other: with whom a "
                   "sample shares its batch makes no difference to D.") for run in "BCD"),
    ), hints=(
        "Begin with the row in which one run differs from all others: which run has two lines that should lie on each "
        "other and do not? Which has waves that never end?",
        "In two runs D is far ahead. Look there at the generator's gradient: does it still have a slope to follow?",
        "A band without width says that all latents give one sample. A gradient that grows shorter step by step says "
        "that the generator will stay where it is.",
    )),
)
