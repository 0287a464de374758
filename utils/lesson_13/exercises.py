"""Lesson 13 · Diffusion models."""

import functools
import itertools

import numpy as np
import tensorflow as tf
from keras import ops

from utils.exercises.comparing import Fact, as_numbers, equal
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.gradients import with_gradients
from utils.lesson_13.study import flow_matching_loss, heun_step, hide_pixels, masked_bound

_IN_GRAPH = Fact(
    "does it run in a graph?",
    "right when it is called at once, but in the graph of `fit` or a `tf.function` it stops: there, tensors have no "
    "values and a batch has no size. NumPy, `float`, `if`, `len` and loops over rows do not work there; `ops` does.")


def _runs_in_graph(function, right, *tensors):
    """Return whether the function gives the right answer in a graph that is built for batches of any size."""
    specs = [tf.TensorSpec([None, *each.shape[1:]] if each.shape.rank else (), each.dtype) for each in tensors]
    try:
        return equal(right, tf.function(function, specs, autograph=False)(*tensors))
    except Exception:
        return False


def _facts(found, *tables):
    """Return facts of all sentences in the tables: each holds, but for those that were found."""
    return {Fact(said, said): said not in found for said in itertools.chain(*tables)}


def _table(names, text):
    """Return {function of the names: sentence}. A line of text is "expression | another → what is wrong with them"."""
    rows = (row.split(" → ") for row in text.strip().replace("\n    ", " ").splitlines())
    return {eval(f"lambda {names}: {expression}", globals()): said for expressions, said in rows
            for expression in expressions.split(" | ")}


def _first(table, value, *given, otherwise):
    """Return the sentence of the first function in the table that gives this value."""
    return next((said for function, said in table.items() if equal(function(*given), value)), otherwise)


def _as_floats(*arrays):
    return tuple(np.array(array, np.float32) for array in arrays)


# 13.1: what may be wrong with a mask.
_OF_MASKS = (
    "other values than 0 and 1 come back. A pixel is visible, 1, or hidden, 0.",
    "two calls with the same scores hide other pixels. The scores are random already: nothing more is to be drawn.",
    "the same pixels are hidden whatever the scores are. They say which pixels of a row to hide.",
    "the same pixels are hidden in every row. Each row has scores of its own.",
    "as many pixels are hidden whatever `hidden` is. It says how many, for each row.",
    "one number of hidden pixels serves all rows. Each row has a number of its own.",
    "right, but not in a row where `hidden` is 0: there, all pixels stay visible.",
    "right, but not in a row where `hidden` is the number of all pixels: there, none stays visible.",
    "one pixel too many is hidden: the comparison is off by one. Which rank has the smallest score, 0 or 1?",
    "one pixel too few is hidden: the comparison is off by one. Which rank has the smallest score, 0 or 1?",
    "rows hide other numbers of pixels than `hidden` says. Ranks 0, 1, 2, … in a row leave nothing to chance.",
    "as many pixels are hidden as `hidden` says, but not those with the smallest scores of their row.",
)


def _scores_and_numbers():
    """Yield (scores, hidden) cases; the third and the fourth hide none or all in some rows; the last is a batch."""
    random = np.random.default_rng(0)
    yield np.array([[0.6, 0.1, 0.7, 0.3], [0.2, 0.5, 0.4, 0.9]], np.float32), np.array([1, 2], np.int32)
    for shape, hidden in (((4, 5), [3, 1, 4, 2]), ((5, 5), [0, 5, 3, 5, 0]), ((6, 9), [8, 0, 2, 9, 5, 1])):
        yield random.normal(size=shape).astype(np.float32), np.array(hidden, np.int32)
    yield random.random((200, 784)).astype(np.float32), np.arange(1, 801, 4, dtype=np.int32).clip(max=784)


def _mask_and_facts(function, scores, hidden):
    """Return the mask and, if it is wrong, what is; for four rows also whether a graph, which takes a while, has it."""
    scores, hidden, wrong, in_graph = tf.constant(scores), tf.constant(hidden), (), True
    visible = function(scores, hidden)
    mask, right = as_numbers(visible), np.asarray(hide_pixels(scores, hidden))
    if mask is not None and mask.shape == right.shape and len(mask) < 200:
        if not equal(right, mask):
            wrong = _wrong_in_mask(function, scores, hidden, mask, right)
        elif len(mask) == 4:
            in_graph = _runs_in_graph(function, right, scores, hidden)
    return _facts(wrong, _OF_MASKS) | {_IN_GRAPH: in_graph, "visible": visible}


def _wrong_in_mask(function, scores, hidden, mask, right):
    numbers, hides, pixels = hidden.numpy(), (mask == 0).sum(axis=1), mask.shape[1]
    probe, rows = tf.constant(np.random.default_rng(0).random((8, pixels), np.float32)), (mask != right).any(axis=1)
    none, steps, two, turned, opposite = (np.asarray(function(each, tf.constant(number, hidden.dtype)))
        for each, number in ((probe, [0] * 8), (probe, np.arange(8) % pixels), *(
            (each, [2] * 8) for each in (probe, ops.flip(probe, axis=1), 1 - probe))))
    return [said for said, wrong in zip(_OF_MASKS, (
        not np.isin(mask, (0, 1)).all(), not equal(mask, function(scores, hidden)),
        equal(two, turned) and equal(two, opposite), (two == two[0]).all(), equal(none, two),
        np.ptp((steps == 0).sum(axis=1)) == 0, np.array_equal(rows, numbers == 0),
        np.array_equal(rows, numbers == pixels), np.array_equal(hides, np.minimum(numbers + 1, pixels)),
        np.array_equal(hides, np.maximum(numbers - 1, 0)), not np.array_equal(hides, numbers), True),
        strict=True) if wrong][:1]


_sum = functools.partial(ops.sum, axis=-1)

# 13.2: what may be done with log-probabilities p, their sums s over k hidden and u over j visible ones of n pixels.
_BOUNDS = _table("p, h, s, k, u, j, n", """
-n * s / k → this is a loss, to be minimised: a cross-entropy. The bound itself is wanted.
s / k → this is the average log-probability of *one* hidden pixel. By which factor does it stand for all pixels?
-s / k → this is the average cross-entropy of one hidden pixel: the sign is turned, and one pixel has to stand for all.
s → the hidden pixels are added up as they are, few or many. Let them stand for all pixels.
-s → this is the cross-entropy of the hidden pixels, added up: turn the sign, and let them stand for all pixels.
n * s → the sum is multiplied by the number of all pixels, and never divided by that of the hidden ones.
s / n → you divide by the number of all pixels. The average is that of the *hidden* ones.
n * s / (k + 1) → 1 is added to the number of hidden pixels. It is never 0: divide by the number itself.
s * k / n → the factor is upside down. The fewer pixels are hidden, the more others each of them stands for.
n * s * k | s * k → you multiply by the number of hidden pixels, and should divide by it.
n * s / j → you divide by the number of *visible* pixels. The hidden ones were added up.
u | u / j | n * u / j | n * u / k | n * u → these are guesses of *visible* pixels, which are known. Judge the others.
_sum(p) | n * _sum(p) / k → the visible pixels are added up too. They were seen: only guesses of hidden ones count.
784 * s / k → 784 is typed in as the number of pixels. Take it from the images' shape.
len(p) * s / k → you multiply by the number of *images*. That of the pixels of one is wanted.
ops.mean(n * s / k) | -ops.mean(n * s / k) → you average over the batch as well. Each image has an estimate of its own.
n * ops.sum(s) / ops.sum(k) → the hidden pixels of the whole batch go into one average. Each image has its own.
n * s / ops.sum(k) | n * s / ops.mean(k) → you divide by the whole batch's hidden pixels. Each row has its own number.
h * p | -h * p | n * h * p → these are values of single pixels. Add them up, over the hidden pixels of each image.
n * ops.sum(h * p, 0) / ops.sum(h, 0) → you add up over the batch, for each pixel, not over the pixels of an image.
""")
_PIXELS = _table("x, l, h", """
h * (x * ops.sigmoid(l) - ops.softplus(ops.sigmoid(l))) → a sigmoid comes first. Take the logits as they come.
h * (x * ops.log(l) + (1 - x) * ops.log(1 - l)) | -h * ops.binary_crossentropy(x, l) → the logits are taken for
    probabilities. A logit is any number: the sigmoid of it is a probability.
h * (x * l - ops.softplus(-l)) → the softplus is taken of *minus* the logit: zeros and ones are mixed up in it.
h * ((1 - x) * l - ops.softplus(l)) → zeros and ones have changed places: this judges guesses of the negative.
h * x * ops.log_sigmoid(l) | h * (1 - x) * ops.log_sigmoid(-l) → pixels of one kind count alone, with or without ink.
-h * ops.square(x - ops.sigmoid(l)) → this is a squared error. The log-probability of a coin is wanted.
-h * ops.binary_crossentropy(x, tf.sigmoid(l)) → the probabilities are clipped: what should cost 90 nats costs 16.
h * x * l - ops.softplus(l) → the mask falls on x · l alone. The softplus of a visible pixel does not count either.
x * l * h - ops.softplus(l * h) → the *logits* are masked: a visible pixel then has a logit of 0 and costs 0.69 nats.
""")


def _bound(use, value=lambda x, logits, h: x * logits - ops.softplus(logits)):
    """Return a mistaken bound, of other values of the pixels or by another use of them."""
    def mistaken(images, logits, visible):
        p, hidden = value(images, logits, 1 - visible), 1 - visible
        return use(p, hidden, _sum(hidden * p), _sum(hidden), _sum(visible * p), _sum(visible), images.shape[1])

    return mistaken


def _images_and_guesses():
    """Yield (images, logits, visible) cases; in the third a row is wholly hidden, and the fourth has large logits."""
    random = np.random.default_rng(1)
    yield _as_floats([[1, 0, 1, 0], [0, 0, 1, 1]], [[2.0, -1.0, -0.5, 0.7], [0.5, 1.5, 1.2, -0.8]],
                     [[1, 0, 0, 1], [0, 0, 1, 0]])
    for shape, size, hidden in (((4, 6), 1, [2, 5, 3, 1]), ((3, 5), 2, [5, 1, 3]), ((3, 5), 90, [4, 2, 3]),
                                ((200, 784), 2, 3 + np.arange(200))):
        visible = np.argsort(random.random(shape), axis=1) >= np.array(hidden)[:, None]
        yield _as_floats(random.random(shape) < 0.4, size * random.normal(size=shape), visible)


def _bound_and_gradients(function, *arrays):
    """Return what `with_gradients` does for the logits, in a graph for one case; of a whole batch only the value."""
    tensors = [tf.constant(array) for array in arrays]
    if len(arrays[0]) == 200:
        return function(*tensors)
    return with_gradients(function, tensors, by=slice(1, 2), dtype=tf.float32, in_graph=len(arrays[0]) == 4)


class _Velocity:
    """A curved velocity with weights, of points and their times or one time; it remembers what it was asked."""

    def __init__(self, size, of_one_time):
        self.weights = list(map(tf.Variable, _as_floats(*np.random.default_rng(size).normal(size=(2, size)))))
        self.of_one_time, self.asked = of_one_time, []

    def __call__(self, points, time):
        points, time = (ops.convert_to_tensor(each, "float32") for each in (points, time))
        if (points.shape.rank, time.shape.rank) != (2, 1 - self.of_one_time):
            wanted = "one time, a number," if self.of_one_time else "times of shape (batch,)"
            raise ValueError(f"velocity takes points of shape (batch, size) first, and {wanted} second, but is given "
                             f"shapes {tuple(points.shape)} and {tuple(time.shape)}")
        phase = time if self.of_one_time else time[:, None]
        found = ops.tanh(self.weights[0] * points + 2 * phase) + self.weights[1] * ops.cos(3 * phase)
        self.asked += [(points, time, found)] * (len(self.asked) < 12)
        return found

    def seen(self):
        """Return (points, time, velocity) of what it was asked first, as arrays; None for a graph's, without values."""
        asked, self.asked = self.asked, []
        hidden = any(map(tf.is_symbolic_tensor, itertools.chain(*asked)))
        return None if hidden else [tuple(map(np.asarray, each)) for each in asked]


# 13.3: where the velocity is asked, for images x, noise e and times t; what it is compared with; the error of d.
_POINTS = _table("x, e, t", """
(1 - t) * x + t * e → time runs the other way in your points: at time 0 a path is at its noise, at 1 at its image.
x | e → the velocity is asked at one end of the paths. How far has each come from noise to image? The times say it.
t**0.5 * x + (1 - t)**0.5 * e | t * x + (1 - t**2)**0.5 * e → the *squares* of your shares add up to 1. They should.
t * x | (1 - t) * x | t * e | (1 - t) * e → your points hold only noise, or only the image. Both are on the way.
t * x + e | x + t * e | x + (1 - t) * e | x + e | t * x + t * e → the two shares in your points do not add up to 1.
t * x - (1 - t) * e → the noise is subtracted in your points. Both shares are positive, and add up to 1.
e + t * (e - x) → your paths lead away from the images: a sign is turned.
x + t * (x - e) → your paths begin at the images, and lead on beyond them. Begin at the noise.
(x + e) / 2 | t.mean() * x + (1 - t.mean()) * e → all points lie at one time of their paths. Each has a time of its own.
t.T * x + (1 - t.T) * e if len(x) == len(x.T) else x * np.nan → the times run along the wrong axis: each
    *entry* has one. Each *point* has one, for all of its entries.
""")
_TARGETS = _table("x, e, t", """
x - e → the target is right.
e - x → the target is turned round: ε − x leads from the image to the noise. Time runs from noise to image.
x → the target is the image, where the path ends. How fast, and which way, does it lead there?
e → the target is the noise, as where a network guesses the noise. Here it guesses the path's velocity.
t * x + (1 - t) * e → the target is the point itself. How fast does it move?
(1 - t) * (x - e) | t * (x - e) → the target is a part of the way. A straight path has the same velocity at all times.
x + e → the target is the sum of image and noise. A way is a difference: of where it ends and where it begins.
0 * x → there is no target: this is the size of the velocity itself.
""")
_ERRORS = _table("d", """
np.mean(d**2) → the error is right.
np.sum(d**2) → the squared errors are added up. Average them, over the batch and over the entries of a point.
np.sum(d**2) / len(d) | np.sum(d**2) / len(d.T) → the squared errors are added up along one axis. Average along both.
np.mean(abs(d)) → these are absolute errors. Squared ones are wanted, whose mean is smallest for the mean velocity.
np.mean(d**2)**0.5 → this is the root of the mean squared error. The mean itself is wanted.
np.mean(d) | np.mean(d)**2 | abs(np.mean(d)) → the errors are averaged with their signs, and cancel. Square each first.
np.sum(d**2, 1)**0.5 | np.mean(np.sum(d**2, 1)**0.5) | np.sum(d**2)**0.5 → this is the length of the error. The mean of
    its squared entries is wanted, without a root.
np.mean(d**2) / 2 → a factor ½ stands before the mean squared error. Leave it as it is.
-np.mean(d**2) → the sign is turned: a loss grows with the error.
np.mean(d**2, 1) | np.mean(d**2, 0) | d**2 → several numbers come back. Average over the batch *and* over the entries.
""")
_UNASKED = "the velocity is never asked. Ask it at the points, by calling it."
_OFF_PATH = "the velocity is asked at points that do not lie, at their times, on straight paths from noise to image."
_OTHER_TIMES = "the velocity is told other times than those at which its points lie. Hand it `times` as they are."
_OTHER_LOSS = "the velocity is asked where and when it should be. What is wrong comes after that: target or average."
_OF_LOSS = (_POINTS.values(), _TARGETS.values(), _ERRORS.values(), (
    _UNASKED, _OFF_PATH, _OTHER_TIMES, _OTHER_LOSS))


def _images_noise_and_times():
    """Yield (velocity, images, noise, times) cases; the first has as many points as entries; the last is a batch."""
    for batch, size in ((3, 3), (4, 2), (5, 7), (200, 784)):
        random = np.random.default_rng(batch)
        yield _Velocity(size, of_one_time=False), *_as_floats(
            random.uniform(-1, 1, (batch, size)), random.normal(size=(batch, size)), random.uniform(0.1, 0.9, batch))


def _loss_and_facts(function, velocity, *arrays):
    """Return the loss, its gradients by the velocity's weights, and facts; of a whole batch only the loss."""
    velocity.seen()
    tensors, wrong = [tf.constant(array) for array in arrays], ()
    loss, asked = function(velocity, *tensors), velocity.seen()
    if len(arrays[0]) == 200:
        return loss
    if as_numbers(loss) is not None and not equal(flow_matching_loss(velocity, *tensors), loss):
        wrong = _wrong_in_loss(loss, asked, *arrays)
    return _facts(wrong, *_OF_LOSS) | with_gradients(
        lambda *given: function(velocity, *given), tensors, velocity.weights, "loss",
        "its gradients by the network's weights", dtype=tf.float32, in_graph=len(arrays[0]) == 4)


def _wrong_in_loss(loss, asked, images, noise, times):
    if not asked:
        return () if asked is None else {_UNASKED}
    points, told, found = (np.concatenate(parts) for parts in zip(*asked))
    given = images, noise, times[:, None]
    if not equal(times[:, None] * images + (1 - times[:, None]) * noise, points):
        return {_first(_POINTS, points, *given, otherwise=_OFF_PATH)}
    if not equal(times, told):
        return {_OTHER_TIMES}
    pairs = itertools.product(_TARGETS.items(), _ERRORS.items())
    return next(({target, error} for (goal, target), (of, error) in pairs if equal(of(found - goal(*given)), loss)),
                {_OTHER_LOSS}) - {"the target is right.", "the error is right."}


# 13.4: where the velocity is asked, for points x, times s and e, d = e - s and the first velocity v; and the step.
_TRIALS = _table("x, s, e, d, v", """
x → the second velocity is that of the *original* points. Take it a whole step further, by the first velocity.
x + d / 2 * v → the trial points lie half a step away: that is another method. Heun's go a whole step.
x - d * v → the trial points lie behind: a sign is turned.
x + v | x + e * v | x + s * v → the trial points lie another way off than that from `start` to `end`: how long is it?
d * v | v → the second velocity is asked at a *velocity*, or at a way. Points are wanted, moved on by that way.
""")
_STEPS = _table("x, s, e, d, v, w", """
x + d * v → this is Euler's step, with the first velocity alone. Average it with a second one, at the trial points.
x + d * w → the step is made with the second velocity alone. The mean of both is wanted.
x + d * (v + w) → the velocities are added up: so the step is twice as long as it should be.
x + d / 4 * (v + w) → the step is halved twice.
x - d / 2 * (v + w) | x - d * (v + w) | x - d * v → the step goes backwards: a sign is turned.
x + d / 2 * (v - w) | x + d / 2 * (w - v) → one velocity is subtracted from the other. Their mean is wanted.
x + (v + w) / 2 | x + v + w | x + v → the length of the step is missing: the points move as if a unit of time went by.
x + e / 2 * (v + w) | x + (s + e) / 2 * (v + w) → the step is as long as the times say. How long is it to `end`?
x + d * v + d / 2 * (v + w) → the step begins at the trial points. They only serve to ask: begin at the given points.
d / 2 * (v + w) | (v + w) / 2 → this is a way, or a velocity. Where are the points after it?
x + d * (v / 2 + w) | x + d * (v + w / 2) | x + d / 2 * v + w / 2 | x + v / 2 + d / 2 * w → the ½, or the length of the
    step, falls on one velocity alone. Both belong to both.
""")
_BEGINNING = "the first velocity is not that of the given points at the time `start`."
_ELSEWHERE = "the second velocity is not that of the trial points, a whole step away by the first velocity."
_OTHER_TIME = "the second velocity is taken at another time than `end`. The trial points lie at the end of the step."
_OTHER_STEP = "the velocity is asked where and when it should be. What is wrong is the step that is made with both."
_OFTEN = "the velocity is asked more than twice, and each time a network runs. Twice is enough: keep what it says."
_OF_STEP = (_TRIALS.values(), _STEPS.values(), (
    _UNASKED, _BEGINNING, _ELSEWHERE, _OTHER_TIME, _OTHER_STEP, _OFTEN))


def _points_and_times():
    """Yield (velocity, points, start, end) cases: forwards and back, with numbers and tensors as times."""
    for shape, *times in ((2, 3), 0.2, 0.5), ((4, 2), *map(tf.constant, (0.9, 0.15))), ((5, 5), 0.35, 1.0), (
            (500, 784), 0.5, 0.7):
        points = np.random.default_rng(shape).normal(size=shape)
        yield _Velocity(shape[1], of_one_time=True), *_as_floats(points), *times


def _points_and_facts(function, velocity, points, start, end):
    """Return the new points, and facts on where the velocity was asked and on the step; for one case, of a graph."""
    velocity.seen()
    points, wrong, in_graph = tf.constant(points), (), True
    found, asked = function(velocity, points, start, end), velocity.seen()
    right = heun_step(velocity, points, start, end)
    if as_numbers(found) is not None and np.shape(found) == right.shape and len(points) < 500:
        wrong = _wrong_in_step(found, asked, right, *(np.asarray(each, np.float32) for each in (points, start, end)))
        if len(points) == 4 and equal(right, found):
            in_graph = _runs_in_graph(lambda *given: function(velocity, *given), right, points, start, end)
    return _facts(wrong, *_OF_STEP) | {_IN_GRAPH: in_graph, "points": found}


def _wrong_in_step(found, asked, right, points, start, end):
    if equal(right, found) or not asked:
        return {_OFTEN} if asked and len(asked) > 2 else () if asked or asked is None else {_UNASKED}
    (place, time, first), step = asked[0], end - start
    others = [each for each in asked if not (equal(place, each[0]) and equal(time, each[1]))]
    if len(asked) > 2 and others:
        return {_OFTEN}
    if not (equal(points, place) and equal(start, time)):
        return {_BEGINNING}
    place, time, second = others[0] if others else (points + step * first, end, first + np.nan)
    if not equal(points + step * first, place):
        return {_first(_TRIALS, place, points, start, end, step, first, otherwise=_ELSEWHERE)}
    if not equal(end, time):
        return {_OTHER_TIME}
    return {_first(_STEPS, found, points, start, end, step, first, second, otherwise=_OTHER_STEP)}


def _plain(function, *arguments):
    """Call the function for its value, as experiments do; they have no time for a whole batch."""
    if len(arguments[1]) >= 200:
        raise ValueError("too many at once")
    return function(*(tf.constant(each) if isinstance(each, np.ndarray) else each for each in arguments))


for _observe in _mask_and_facts, _bound_and_gradients, _loss_and_facts, _points_and_facts:
    _observe.plain = _plain

_of_mask, _of_loss, _of_step = map(edits_of, (hide_pixels, flow_matching_loss, heun_step))
_RANKS, _NUMBER = "ops.argsort(ops.argsort(scores, axis=-1), axis=-1)", "ops.cast(hidden, ranks.dtype)[:, None]"
_MIX = "share * images + (1 - share) * noise"

EXERCISES = (
    Exercise(identifier="13.1", reference=hide_pixels, cases=_scores_and_numbers, observe=_mask_and_facts, seconds=8.0,
             calls=1000, mistakes=(
        Mistake("visible and hidden have changed places: 0 hides a pixel.", _of_mask(">=", "<")),
        Mistake("the pixels with the *largest* scores are hidden.", _of_mask("argsort(scores", "argsort(-scores")),
        Mistake("as many pixels as `hidden` says stay *visible*.", _of_mask(_NUMBER, f"ranks.shape[1] - {_NUMBER}")),
        Mistake("one `argsort` gives places: where the smallest score stands, then where the next does. Which rank has "
                "each place?", _of_mask(_RANKS, "ops.argsort(scores, axis=-1)")),
        Mistake("you rank within each column. A row is an image: rank within it.",
                _of_mask(_RANKS, "ops.argsort(ops.argsort(scores, axis=0), axis=0)")),
        Mistake("the whole batch is ranked together. Rank each row by itself.", _of_mask(
            _RANKS, "ops.reshape(ops.argsort(ops.argsort(ops.reshape(scores, (-1,)))), ops.shape(scores))")),
        *(Mistake(said, lambda scores, hidden, most=most: ops.cast(
            scores >= ops.cast(hidden, "float32")[:, None] / most(scores), "float32")) for said, most in (
            ("the scores themselves are compared with the number. Their ranks count up to it: 0, 1, 2, …", lambda _: 1),
            ("the scores are compared with the share of pixels to hide. That hides so many on average only.",
             lambda scores: scores.shape[1]))),
    ), hints=(
        "Give each score its rank in its row: the smallest has the rank 0. Which ranks are hidden?",
        "`ops.argsort` of a row says which place comes first, second, …: an order of places. A place's rank is where "
        "it stands in that order; sorting the order itself tells.",
        "`hidden[:, None]` has the shape (batch, 1): each row meets its own number. `ops.cast` turns types.",
    )),
    Exercise(identifier="13.2", reference=masked_bound, cases=_images_and_guesses, observe=_bound_and_gradients,
             tolerance=1e-4, seconds=8.0, calls=1000, mistakes=(
        *(Mistake(said, _bound(use)) for use, said in _BOUNDS.items()), *(Mistake(
            said, _bound(lambda p, h, s, k, u, j, n: n * _sum(p) / k, value)) for value, said in _PIXELS.items())
    ), hints=(
        "Take each pixel's log-probability, as in lesson 4; average over the hidden ones; let them stand for all.",
        "An average over some: multiply by a mask that is 1 for them, add up, divide by the sum of the mask. `visible` "
        "is the mask of the others.",
        "With 2 of 6 pixels hidden, at −0.3 and −0.5 nats, the average is −0.4 and the estimate −2.4 nats.",
    )),
    Exercise(identifier="13.3", reference=flow_matching_loss, cases=_images_noise_and_times, observe=_loss_and_facts,
             tolerance=1e-4, seconds=8.0, calls=1000, mistakes=(
        Mistake("your time runs from the image to the noise, in points and target. Here 0 is noise and 1 the image.",
                _of_loss(_MIX, "share * noise + (1 - share) * images", "(images - noise)", "(noise - images)")),
        Mistake("this is the loss of a network that guesses the noise, with roots as shares. A straight path has the "
                "shares t and 1 − t, and the target is its velocity.",
                _of_loss(_MIX, "share**0.5 * images + (1 - share)**0.5 * noise", "(images - noise)", "noise")),
    ), hints=(
        "Where is each path at its time? Ask the velocity there. How fast does each path move? That is the target.",
        "`times[:, None]`, of shape (batch, 1), gives each point one share; the velocity wants `times` as they are.",
        "Square the difference of what the velocity says and the target, and average over everything with `ops.mean`.",
    )),
    Exercise(identifier="13.4", reference=heun_step, cases=_points_and_times, observe=_points_and_facts, seconds=8.0,
             calls=1000, mistakes=(
        *(Mistake(said, _of_step("points + (end - start) * first, end", at, "/ 2 * (first + second)", step))
          for said, at, step in (
            ("this is the midpoint method: one velocity, that of half a step. Heun's averages those of both ends.",
             "points + (end - start) / 2 * first, (start + end) / 2", "* second"),
            ("this is Ralston's method, with velocities two thirds of a step apart. Heun's takes those of both ends.",
             "points + (end - start) * 2 / 3 * first, (start + 2 * end) / 3", "/ 4 * (first + 3 * second)"))),
    ), hints=(
        "Ask the velocity at the points, and go a whole step with it, as Euler does: these are only trial points.",
        "Ask it again, at the trial points and at the time `end`. Keep what it said both times.",
        "The step from the *original* points is as long as before, with the mean of both velocities.",
    )),
)
