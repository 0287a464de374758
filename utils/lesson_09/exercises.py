"""Lesson 9 · Stabilising GANs."""

import functools
import itertools

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils.exercises.comparing import Fact, as_numbers
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.gradients import TRACED, with_gradients
from utils.losses import exponential_moving_average, gradient_penalty, r1_penalty, wasserstein_distance_1d

DIAGNOSES = ("healthy", "mode collapse", "vanishing gradient", "oscillation", "leaking batch statistics")


def _two_samples():
    """Return (first, second) cases, unsorted and overlapping, so that no two ways of comparing them agree."""
    random = np.random.default_rng(0)
    return [(np.array([3.0, -1.0, 0.5]), np.array([0.0, 4.5, -2.0])),
            (np.array([1.0, 1.0, -2.5, 1.0, 3.0]), np.array([0.5, -1.5, 0.5, 4.0, 2.0])),  # some numbers occur twice
            (random.normal(1, 0.5, 20), random.normal(0, 2, 20)),
            (random.exponential(size=90) - 3, random.normal(size=90))]


def _curved_networks():
    """Yield (network, images) cases of small curved networks, of slopes on both sides of 1."""
    for batch, pixels, width in ((3, 2, 4), (5, 4, 6)):
        random = np.random.default_rng(batch)
        network = keras.Sequential([keras.Input((pixels,)), layers.Dense(width, "tanh"), layers.Dense(1)])
        network.set_weights([random.normal(0, 0.9, weight.shape) for weight in network.get_weights()])
        yield network, random.normal(size=(batch, pixels)).astype(np.float32)


def _critics_and_pairs():
    """Yield (critic, real images, fakes, random numbers) cases. No fake is a real image."""
    for place, (critic, images) in enumerate(_curved_networks()):
        fakes = np.random.default_rng(place).uniform(-2, -1, images.shape).astype(np.float32)
        yield critic, 1 + 1 / (1 + np.exp(-images)), fakes, keras.random.SeedGenerator(place)


class _Watched:
    """A network that notes which images it is asked for, and which gradients come back through it."""

    def __init__(self, network):
        self.network, self.asked, self.slopes, self.to_images, self.hidden = network, [], [], [], False

    def __getattr__(self, name):
        return getattr(self.network, name)

    def __call__(self, images, training=None):
        images = tf.convert_to_tensor(images)
        if tf.is_symbolic_tensor(images):  # the learner builds a graph, where no numbers are to be seen
            self.hidden = True
            return self.network(images, training=training)
        self.asked.append(images.numpy())
        return _noted(self.network(_noted(images, self.to_images), training=training), self.slopes)


def _noted(value, slopes):
    """Return the value; `slopes` will hold the gradients that come back through it."""
    return tf.custom_gradient(lambda value: (tf.identity(value), lambda slope: slopes.append(slope) or slope))(value)


_close = functools.partial(np.allclose, rtol=1e-3, atol=1e-5)


def _questions(penalty, network, images, value):
    """Yield (whether it holds, question, sentence if not) about a penalty; each makes sense if those before it hold."""
    watched, count = _Watched(network), len(images)
    penalty(watched, images)
    if watched.hidden:
        return
    yield watched.asked, "is the network asked?", "the network is never asked for its values."
    asked = np.concatenate(watched.asked)
    yield (asked.shape == images.shape and np.allclose(asked, images), "at the images?",
           "the slope is not measured at each of the images, but at some of them, at others made of them, or at noise.")
    yield (watched.slopes, "is a gradient taken?",
           "no gradient of the network's values is taken. Ask a tape how fast they change with the image.")
    yield (watched.to_images, "by the images?",
           "the gradient is taken with respect to the weights. How fast does the value change with the *image*?")
    slopes = [slope for slope in watched.slopes if hasattr(slope, "numpy")]
    yield (not slopes or not np.allclose(slopes[0], 1 / count), "of all values?",
           "the gradient is that of the batch's *average* value. Give the tape the values themselves.")
    yield (all(np.allclose(slope[slope != 0], 1) for slope in map(np.asarray, slopes)), "of the values?",
           "the gradient is not that of the network's values, but of a probability, a loss or a square made of them.")
    yield (not _close(penalty(network, tf.repeat(images, 2, axis=0)), 2 * value), "of many images?",
           "every image twice, and the result is twice as large. Average over the images, however many there are.")
    yield (_close(np.mean([penalty(network, image[None]) for image in images]), value), "each by itself?",
           "the result for several images is not the average of what each gives alone. Each has a slope of its own: "
           "finish with that, and average over the images last.")
    equally_long = [penalty(lambda images, training=None, slope=slope: ops.matmul(images, slope), images[:, :2])
                    for slope in np.float32([[[0.6], [-0.8]], [[0], [1]]])]
    yield (_close(*equally_long), "by its length?",
           "two gradients of the same length in other directions give other results. Square and sum the components.")


def _where_points_lie(function, network, pixels):
    """Yield the same about the points at which a gradient penalty asks for the slope."""
    random, steps = np.random.default_rng(0), keras.random.SeedGenerator(3)
    real, fake = (tf.constant(low + random.uniform(size=(600, pixels)), tf.float32)
                  for low in (1, np.resize([3, -2], pixels)))  # no fake's pixels are in the range of real ones

    def points(generator):
        watched = _Watched(network)
        function(watched, real, fake, generator)
        return watched.hidden or [
            ((each - fake) / (real - fake)).numpy() for each in watched.asked if each.shape == real.shape]

    mixes, again, repeated = points(steps), points(steps), points(keras.random.SeedGenerator(3))
    if mixes is True:
        return
    yield (len(mixes) == 1, "at one point for each pair?",
           "the slope is wanted at one point between each real image and its fake: the critic's gradient there.")
    pixel_mix, mix, moved = mixes[0], mixes[0].mean(axis=1), np.ptp([mixes[0], again[0]], axis=0).max() > 1e-4
    on_line, inside = np.ptp(pixel_mix, axis=1).max() < 1e-3, np.abs(pixel_mix - 0.5).max() < 0.501
    yield (np.abs(pixel_mix - 1).max() > 0.01, "do they leave the real images?",
           "the slope is measured at the real images, as R1 does. Where between fake and real must it be 1?")
    yield (np.abs(pixel_mix).max() > 0.01, "do they leave the fakes?",
           "the slope is measured at the fakes alone. It must be 1 on the whole way to the real images.")
    yield (on_line or not inside, "has each image one ε?",
           "each pixel has an ε of its own: such an image lies on no line between the two. Which shape must ε have?")
    yield (on_line, "are they on a line?",
           "the points lie on no line between real and fake. Are both mixed, and what do their shares add up to?")
    yield (inside, "between both?",
           "some points lie beyond the ends of the line between fake and real: ε must lie between 0 and 1.")
    yield (np.ptp(mix) > 1e-4 or moved, "do they move?",
           "all points lie at the same fixed place between fake and real. Draw one for each image, anew at each step.")
    yield (np.ptp(mix) > 1e-4, "has each its own?",
           "one number mixes the whole batch: all images lie at the same place of their lines. Draw one for each.")
    yield (np.mean(np.abs(mix - 0.5) < 0.49) > 0.5, "between the ends?",
           "each point is a real image or a fake, and none lies between the two.")
    yield (abs(mix.mean() - 0.5) < 0.1, "are all places as likely?",
           "some places between fake and real are likelier than others. ε must be uniform.")
    yield moved, "are they drawn anew?", "the same ε come at each step. Let `random` draw them: `seed=random`."
    yield (np.allclose(mixes, repeated), "does `random` draw them?",
           "`random` does not draw ε. What NumPy draws would even stay the same in `fit`, which builds its graph "
           "once. Draw with `keras.random.uniform(…, seed=random)`.")


def _observed(penalty, network, images, role, questions=lambda: ()):
    """Return the penalty, its gradients by the weights and facts, or of these only the first that does not hold."""
    images, in_graph, facts = tf.constant(images), len(images) > 3, {}  # few at once, which is quick
    value = penalty(network, images)
    if not in_graph and np.shape(value) == () and as_numbers(value) is not None:
        for holds, *fact in itertools.chain(questions(), _questions(penalty, network, images, value)):
            if not holds:
                return {Fact(*fact): False}
            facts[Fact(*fact)] = True
    seen = with_gradients(lambda images: penalty(network, images), [images],
                          [weight.value for weight in network.trainable_weights], "penalty",
                          f"its gradients by the {role}'s weights", in_graph=in_graph)
    return seen | facts


def _r1_and_facts(function, discriminator, images):
    return _observed(function, discriminator, images, "discriminator")


def _penalty_and_facts(function, critic, real_images, fake_images, random):
    """Return what is observed of the penalty where real and fake are the same, as then are all points between them."""
    seen = _observed(lambda network, images: function(network, images, images, random), critic, real_images, "critic",
                     lambda: _where_points_lie(function, critic, real_images.shape[1]))
    if len(real_images) > 3 or not seen.get(TRACED):
        return seen
    images, flat = tf.constant(real_images), tf.Variable(tf.zeros((real_images.shape[1], 1)))
    with tf.GradientTape() as tape:
        value = function(lambda images, training=None: ops.matmul(images, flat), images, images, random)
    finite = bool(np.all(np.isfinite(tape.gradient(value, flat, unconnected_gradients="zero"))))
    return seen | {Fact("is it finite?", "the value is right, but where the critic is flat the gradient of the penalty "
                        "is NaN, and soon all weights are. What is the slope of a square root at zero?"): finite}


_r1_and_facts.plain = lambda function, discriminator, images: function(discriminator, tf.constant(images))
_penalty_and_facts.plain = lambda function, critic, real_images, fake_images, random: function(
    critic, *2 * [tf.constant(real_images)], random)


def _steps_of_averaging():
    """Return (average, weights, decay) cases: first steps, later steps, and several decays, of matrices and vectors."""
    random = np.random.default_rng(2)
    first, *others = random.normal(size=(7, 2, 3))
    matrices = random.normal(size=(2, 1, 2, 2))
    return [(None, [first[0]], 0.8), ([others[0][0]], [others[1][0]], 0.8), (list(others[2]), list(others[3]), 0.95),
            (None, list(others[4]), 0.99), (list(others[5]), list(first), 0.3), (*map(list, matrices), 0.6)]


def _average_and_start(function, average, weights, decay):
    """Return the new average, or the fact that the first one is not the weights."""
    found = function(average, weights, decay)
    start = Fact("at first?", "at the first step, where `average` is None, the average is not the weights.")
    kinds = [(np.shape(each), np.asarray(each).dtype.kind) for each in found] if isinstance(found, list | tuple) else []
    if average is None and kinds == [(each.shape, "f") for each in weights] and not np.allclose(found, weights):
        return {start: False}
    return {"average": found, start: True}


_average_and_start.plain = lambda function, average, weights, decay: function(average, weights, min(decay, 0.9995))


def diagnose():
    """Return the diagnoses of runs A, B, C and D, in this order."""
    return "leaking batch statistics", "mode collapse", "vanishing gradient", "oscillation"


def _first_wrong_reading(function):
    """Return the first wrong diagnosis instead of all four: a wrong answer must not be answered with the right one."""
    found = function()
    found = [found] if isinstance(found, str) else list(found)
    if len(found) != 4:
        raise Unusable(f"four diagnoses are wanted, one for each of the runs A to D, but {len(found)} came back.")
    unknown = [each for each in found if each not in DIAGNOSES]
    if unknown:
        raise Unusable(f"{unknown[0]!r} is none of the diagnoses, which are {', '.join(DIAGNOSES)}.")
    wrong = [f"{run}: {each}" for run, each, right in zip("ABCD", found, diagnose(), strict=True) if each != right]
    return {"first wrong diagnosis": wrong[0] if wrong else "none"}


def _misread(run, diagnosis, why):
    """Return the mistake of one wrong diagnosis, and what in the chart contradicts it."""
    answers = dict(zip("ABCD", diagnose(), strict=True)) | {run: diagnosis}
    return Mistake(f"run {run} is not that: {why}", lambda: tuple(answers.values()))


_of_w1, _of_gp, _of_r1, _of_ema = map(
    edits_of, (wasserstein_distance_1d, gradient_penalty, r1_penalty, exponential_moving_average))
_AVERAGED = "decay * old + (1 - decay) * new"


EXERCISES = (
    Exercise(identifier="9.1", reference=wasserstein_distance_1d, cases=_two_samples, calls=3000, mistakes=(
        *(Mistake(message, _of_w1("np.sort(first) - np.sort(second)", ways)) for message, ways in (
            ("the numbers are paired as they come, so another order would give another distance.", "first - second"),
            ("one sample is sorted upwards and the other downwards, or both together and then cut in two: the most "
             "expensive of all plans.", "np.sort(first) - np.sort(second)[::-1]"),
            ("you average over all pairs, as if every grain went everywhere.", "first[:, None] - second"),
            ("each grain goes to the nearest place, where others may have gone before. Each place takes one grain.",
             "np.min(np.abs(first[:, None] - second), axis=1)"),
            ("the smallest of one sample goes to the second smallest of the other.",
             "np.sort(first)[:-1] - np.sort(second)[1:]"),
            ("the averages are taken off first, so that a heap that has only moved costs nothing.",
             "np.sort(first - first.mean()) - np.sort(second - second.mean())"),
            ("the samples are sorted by their absolute values. On a line −3 stands to the left of 1.",
             "first[np.argsort(np.abs(first))] - second[np.argsort(np.abs(second))]"),
            ("the absolute value is taken of the numbers. It belongs to the differences.",
             "np.sort(np.abs(first)) - np.sort(np.abs(second))"),
            ("the numbers lose their fractions.", "np.sort(first.astype(int)) - np.sort(second.astype(int))"),
            ("equal numbers are merged into one. Each grain counts, also where several lie at one place.",
             "[*map(np.subtract, np.unique(first), np.unique(second))]"))),
        *(Mistake(message, _of_w1("np.mean(np.abs(ways))", distance)) for message, distance in (
            ("this is the distance between the averages. Two samples can have the same average and differ: how far "
             "does each grain go?", "np.abs(np.mean(ways))"),
            ("you square the ways: that charges long ways more, and has another unit.", "np.mean(np.square(ways))"),
            ("this is the root of the average squared way, the distance W₂. The one wanted, W₁, averages the ways as "
             "they are.", "np.sqrt(np.mean(np.square(ways)))"),
            ("this is the longest way. The average is wanted.", "np.max(np.abs(ways))"),
            ("this is the median of the ways. The average is wanted.", "np.median(np.abs(ways))"),
            ("you divide by n − 1. Each of n grains carries one part in n.", "np.sum(np.abs(ways)) / (len(ways) - 1)"),
            ("you divide by 1000, whatever the number of grains is.", "np.sum(np.abs(ways)) / 1000"),
            ("one pair is left out. Where does the sum begin and end?", "np.sum(np.abs(ways[:-1])) / len(ways)"),
            ("one pair is left out. Where does the sum begin and end?", "np.sum(np.abs(ways[1:])) / len(ways)"))),
    ), hints=(
        "If the paths of two grains cross, exchange their ends: together they go no farther. So no grain overtakes.",
        "The smallest goes to the smallest, the second to the second. `np.sort` puts both samples in that order.",
        "A distance is the absolute value of a difference; average over the pairs, and make a `float` of it.",
    )),
    Exercise(identifier="9.2", reference=gradient_penalty, cases=_critics_and_pairs, observe=_penalty_and_facts,
             tolerance=1e-4, seconds=8.0, mistakes=(
        Mistake("only slopes above 1 are charged, and none below.", _of_gp("slope - 1", "ops.relu(slope - 1)")),
        Mistake("this pulls the slope towards 0, as R1 does. A critic's should be 1.", _of_gp("slope - 1", "slope")),
        Mistake("this is the slope. How far is it from 1, squared?", _of_gp("ops.square(slope - 1)", "slope")),
        Mistake("the distance from 1 is not squared.", _of_gp("ops.square(slope - 1)", "ops.abs(slope - 1)")),
    ), hints=(
        "Four steps: draw a number between 0 and 1 for each image; mix the pair with it; ask a tape how the critic's "
        "value changes with the mixed image; compare the length of that gradient with 1.",
        "`keras.random.uniform(shape, seed=random)` draws the numbers. The shape (batch, 1) lets one number multiply "
        "a whole row of pixels; `ops.shape(real_images)[0]` is the batch size.",
        "The mixed images are no variables, so tell the tape: `tape.watch(between)`. The length is the root of a sum "
        "over the pixels, and under the root belongs a number such as 1e-12.",
    )),
    Exercise(identifier="9.3", reference=r1_penalty, cases=_curved_networks, observe=_r1_and_facts, tolerance=1e-4,
             seconds=8.0, mistakes=(
        Mistake("this is the length of the gradient. R1 charges its square.", _of_r1("axis=-1)", "axis=-1) ** 0.5")),
        Mistake("the factor ½ belongs to the weight γ/2 in the training step.", _of_r1("ops.mean", "0.5 * ops.mean")),
        Mistake("this pulls the slope towards 1, as the penalty of 9.2 does. R1 wants it small at real images.",
                _of_r1("ops.mean(", "ops.mean((", "axis=-1)", "axis=-1) ** 0.5 - 1) ** 2")),
        Mistake("the squared slope is squared once more.", _of_r1("axis=-1)", "axis=-1) ** 2")),
    ), hints=(
        "Take a tape that watches the images, the logits under it, and their gradient with respect to the images.",
        "`tape.watch(images)` before, `tape.gradient(logits, images)` after: it has a slope for each pixel.",
        "Square, sum over the pixels of an image, average over the images. No root is needed.",
    )),
    Exercise(identifier="9.4", reference=exponential_moving_average, cases=_steps_of_averaging,
             observe=_average_and_start, mistakes=(
        Mistake("this is the plain average. How much of the old is kept?", _of_ema(_AVERAGED, "(old + new) / 2")),
        *(Mistake("both shares must sum to 1, or the average grows and grows, or dies away.",
                  _of_ema(_AVERAGED, f"{ours} * old + {theirs} * new"))
          for ours, theirs in (("decay", "1"), ("1", "(1 - decay)"), ("decay", "decay"), 2 * ("(1 - decay)",))),
        Mistake("the sign is turned: the average runs away from the weights.",
                _of_ema(_AVERAGED, "old - (1 - decay) * (new - old)")),
        Mistake("the arrays are paired in another order. The first belongs to the first.",
                _of_ema("zip(average, weights, strict=True)", "zip(average, weights[::-1])")),
        *(Mistake("the arrays themselves are averaged: no squares, roots or logarithms, and no division afterwards.",
                  _of_ema(_AVERAGED, other)) for other in (
            f"({_AVERAGED}) / (1 - decay)", "np.sqrt(decay * old ** 2 + (1 - decay) * new ** 2)",
            "decay * old + (1 - decay) * new ** 2",
            "np.exp(decay * np.log(abs(old) + 1e-12) + (1 - decay) * np.log(abs(new) + 1e-12))")),
    ), hints=(
        "At the first step there is nothing to average: start with the weights themselves.",
        "Later, mix each array with its partner. How large are both shares, and what must they sum to?",
        "A list comprehension over `zip(average, weights)` makes new arrays; `np.array(weight)` makes a copy.",
    )),
    Exercise(identifier="9.5", reference=diagnose, cases=lambda: [()], observe=_first_wrong_reading, mistakes=(
        _misread("A", "healthy", "D gets far more right in batches of one kind than in mixed ones, though the points "
                 "are the same. What can it see in the one that it cannot see in the other?"),
        _misread("A", "mode collapse", "the band of the samples grows wider and wider. In a collapse it stays thin."),
        _misread("A", "vanishing gradient", "the generator's gradient is about as long at the end as at first."),
        _misread("A", "oscillation", "losses and samples drift one way, slowly; nothing comes and goes."),
        _misread("B", "healthy", "D gets nearly everything right, and the band of the samples has no width."),
        _misread("B", "vanishing gradient", "D is far ahead, but the generator's gradient has become longer, not "
                 "shorter: it has a slope to follow. How many different samples does it draw?"),
        _misread("B", "oscillation", "the centre wanders, but the losses have no waves. How wide is the band?"),
        _misread("C", "healthy", "D's loss has reached zero, and the samples have hardly moved from where they began."),
        _misread("C", "mode collapse", "the samples lie close together because they began so. Nothing has pulled them "
                 "there: they hardly move. What moves samples, and how long is it?"),
        _misread("C", "oscillation", "all curves go one way; nothing comes and goes."),
        _misread("D", "healthy", "the losses lie near 2 ln 2 and ln 2, but does the centre of the samples ever rest?"),
        _misread("D", "mode collapse", "the band of the samples stays wide all the time."),
        _misread("D", "vanishing gradient", "D is often wrong, and the generator's gradient keeps its length."),
        *(_misread(run, "leaking batch statistics", "both lines at the bottom lie on each other: to D, the "
                   "other samples of a batch make no difference.") for run in "BCD"),
    ), hints=(
        "In which run do two lines part that should lie on each other? Which has waves that never end?",
        "In two runs D is far ahead. Look there at the generator's gradient: does it still have a slope to follow?",
        "In a band without width, all latents give one sample. When the gradient shrinks, the generator stands still.",
    )),
)
