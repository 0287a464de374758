"""Lesson 3 · Training with Keras."""

import keras
import numpy as np
import tensorflow as tf

from utils.exercises.comparing import Fact
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.lesson_03.study import adam_update, convolve2d, count_parameters, train_step

_of_adam, _of_convolution = edits_of(adam_update), edits_of(convolve2d)
_of_step, _of_counts = edits_of(train_step), edits_of(count_parameters)
_APPLY = "optimizer.apply(gradients, model.trainable_variables)"


def _moments():
    """Return arguments of `adam_update`: one number, a vector, and gradients so small that epsilon matters."""
    random = np.random.default_rng(0)
    cases = [(*np.array([[0.5], [2.0], [0.3], [0.02]]), 2, 0.1, 0.9, 0.999, 1e-8),
             (np.array([1.0, -2.0, 0.5]), np.array([0.4, -3.0, 1.5]), np.array([-0.2, 0.1, 0.3]),
              np.array([0.05, 0.4, 0.01]), 3, 0.05, 0.8, 0.99, 1e-5)]
    for shape, size, step in (((2, 3), 1.0, 7), ((4,), 1e-7, 5)):
        parameter, gradient, mean = random.normal(size=(3, *shape))
        square = random.uniform(0.1, 1, shape) * size**2
        cases.append((parameter, size * gradient, size * mean, square, step, 0.1, 0.9, 0.95, 1e-8))
    return cases


def _images_and_kernels():
    """Return pairs of different shapes; on the last kernel, height and width can change places without an error."""
    random = np.random.default_rng(1)
    return [(np.arange(1.0, 13.0).reshape(3, 4), np.array([[1.0, 2.0], [-1.0, 0.5]])),
            *((random.normal(size=image), random.normal(size=kernel))
              for image, kernel in (((4, 6), (3, 3)), ((7, 5), (2, 4)), ((5, 4), (2, 1))))]


def _sums_of_the_right_size(function, image, kernel):
    """Return the sums; say what is wrong with their shape where it tells."""
    sums = function(image, kernel)
    smaller = np.subtract(image.shape, np.shape(sums)) if np.ndim(sums) == 2 else np.array([1, 0])
    for wrong, sentence in (
            (np.all(smaller == 0), "the result is as large as the image, as Keras makes it with `padding=\"same\"`. Here the "
             "kernel stays on the image: in how many places does a row of 2 fit on a row of 3?"),
            (np.all(smaller < 0), "the result is larger than the image: the kernel sticks out on all sides. Here it stays on "
             "the image."),
            (np.all(smaller == kernel.shape), "the last row and the last column are missing. In how many places does a row "
             "of 2 fit on a row of 3?")):
        if wrong:
            raise Unusable(sentence)
    return sums


_sums_of_the_right_size.plain = lambda function, image, kernel: function(image, kernel)


class _Log:
    """What was called, in order; no list itself, for Keras would take a copy of that."""

    def __init__(self):
        self.events = []


class _Network(keras.Sequential):
    """A network that writes down what it is called with, and what it gives."""

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        self.log.events.append(("network", inputs, training, outputs))
        return outputs


class _Optimizer(keras.optimizers.SGD):
    """One that writes down what it is given; it goes on where gradients are missing, or stand in the weights' place."""

    log = None

    def apply(self, gradients, weights=None):
        gradients, weights = list(gradients), list(self._trainable_variables if weights is None else weights)
        swapped = bool(weights) and all(isinstance(each, keras.Variable) for each in gradients)
        if swapped:
            gradients, weights = weights, gradients
        if self.log:
            self.log.events.append(("optimizer", gradients, weights, swapped))
        if any(each is not None for each in gradients):
            super().apply(gradients, weights)


class _Loss:
    """A loss that writes down what it is given; it goes on where labels and logits have changed places."""

    def __init__(self, loss, log):
        self.loss, self.log = loss, log

    def __call__(self, labels, logits):
        swapped = len(labels.shape) > len(logits.shape)
        if swapped:
            labels, logits = logits, labels
        value = self.loss(labels, logits)
        self.log.events.append(("loss", logits, value, swapped))
        return value


def _small_classifier(width, batch, reduction, learning_rate):
    """Return the arguments of `train_step` for a small network with batch normalisation, its weights seeded.

    A loss that is a sum has large gradients, which tell a step that clips them from one that does not.
    """
    def dense(units, seed):
        return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed),
                                  bias_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=seed + 1))

    model = _Network([keras.Input((5,)), dense(width, 1), keras.layers.BatchNormalization(), keras.layers.ReLU(),
                      dense(10, 3)])
    # Momentum remembers the step before. Not built: it takes any weights that it is given.
    optimizer = _Optimizer(learning_rate, momentum=0.8)
    model.log = optimizer.log = log = _Log()
    loss = _Loss(keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction), log)
    random = np.random.default_rng(batch)
    return model, optimizer, loss, random.random((batch, 5)).astype(np.float32), random.integers(0, 10, batch)


_BY_HAND = Fact("is the step made by hand?", "`fit` or `train_on_batch` makes the step. Write it yourself: where two networks "
                "train each other, no `fit` will do it for you.")
_RUNS = Fact("does the network run?", "the network that was given never runs. Is a copy trained in its place?")
_WHOLE = Fact("does it see the whole batch?", "the network does not get the batch as it came: all images, in one call.")
_TRAINING = Fact("does it run in training mode?", "the model is called as if for testing. With `training=True` batch "
                 "normalisation uses the batch's own statistics and dropout drops.")
_ONCE = Fact("does it run once?", "the network runs more than once before the step, and the averages of its batch "
             "normalisation move each time. One run gives the logits, and the loss comes from them.")
_ASKED = Fact("is the loss that was given asked?", "`loss_function` is never called: another loss is built in. Use the one "
              "that is given.")
_LABELS_FIRST = Fact("do labels come first?", "labels and logits have changed places: the loss takes the labels first.")
_LOGITS = Fact("does the loss get logits?", "what goes into the loss is not what the network gave. Is there a softmax or a "
               "rounding on the way? It wants the logits as they are.")
_MOVED = Fact("have the weights moved?", "the weights have not moved. Who applies the gradients to them?")
_BY_OPTIMIZER = Fact("does the optimiser make the step?", "the weights move, but not by the `optimizer` that was given: its "
                     "learning rate and its memory, such as momentum or the averages of Adam, are lost. Let it make the "
                     "step.")
_ON_TAPE = Fact("does any gradient arrive?", "no gradient came out of the tape: it did not see how the loss was made. Call "
                "the model and compute the loss inside the `with` block, and keep tensors until then.")
_IN_PAIRS = Fact("do gradients come first?", "gradients and weights have changed places on their way to the optimiser.")
_ONE_STEP = Fact("is it one step?", "the optimiser is called more than once for one batch, and counts a step each time. Hand "
                 "it the gradients of all weights at once, and once.")
_ALL = Fact("do all weights move?", "only some of the weights move. Ask the tape for the gradients of all "
            "`model.trainable_variables`, and hand all of them to the optimiser.")
_DOWNHILL = Fact("does it go downhill?", "the step goes uphill. `optimizer.apply` subtracts already: hand it the gradients as "
                 "they are.")
_AS_LARGE = Fact("are the gradients as large as they were?", "all gradients are multiplied by a number, or divided by one, on "
                 "their way to the optimiser. Hand them over as they came from the tape: the loss knows how to average.")
_NOT_SIGNS = Fact("do sizes arrive?", "only the signs of the gradients reach the optimiser. Hand them over as they came from "
                  "the tape.")
_NOT_CLIPPED = Fact("do large gradients arrive?", "large gradients are clipped. Hand them over as they came from the tape.")
_OF_THE_LOSS = Fact("are they the gradients of the loss?", "the optimiser gets other gradients than those of the loss that "
                    "`loss_function` gives. Are they of something else, or is something added or changed?")
_BEFORE = Fact("is the loss measured before the step?", "the weights are right, but the loss that comes back is measured "
               "after the step. Return the one that the gradients belong to.")
_RETURNED = Fact("does the loss come back?", "the weights are right, but what comes back is not the loss that the gradients "
                 "belong to.")


def _flat(arrays):
    return np.concatenate([np.ravel(each) for each in arrays])


def _near(ours, theirs):
    """Return whether numbers agree; True where a graph is built, which has none."""
    try:
        ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    except NotImplementedError:
        return True
    except (TypeError, ValueError):
        return False
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(ours).max(initial=0))


def _slopes(model, loss_function, images, labels):
    """Return the gradients of the loss, and leave no trace."""
    averages = [weight.numpy() for weight in model.non_trainable_weights]
    with tf.GradientTape() as tape:
        loss = loss_function.loss(labels, model(images, training=True))
    slopes = tape.gradient(loss, model.trainable_variables)
    for weight, value in zip(model.non_trainable_weights, averages):
        weight.assign(value)
    model.log.events.clear()
    return slopes


def _about_a_step(events, model, images, true, moved, returned):
    """Return facts about one step, in its order."""
    names = [name for name, *_ in events]
    first = names.index("optimizer") if "optimizer" in names else len(events)
    runs = [event for event in events[:first] if event[0] == "network"]
    losses = [event for event in events[:first] if event[0] == "loss"]
    steps = [event for event in events if event[0] == "optimizer"]
    facts = {_BY_HAND: not model.compiled, _RUNS: bool(runs),
             _WHOLE: all(_near(images, inputs) for _, inputs, *_ in runs),
             _TRAINING: all(training is True for _, _, training, _ in runs), _ONCE: len(runs) < 2,
             _ASKED: bool(losses), _LABELS_FIRST: not any(swapped for *_, swapped in losses),
             _LOGITS: all(any(_near(gave, logits) for *_, gave in runs) for _, logits, *_ in losses),
             _MOVED: bool(steps) or moved, _BY_OPTIMIZER: bool(steps) or not moved}
    if not steps or not all(facts.values()):
        return facts
    _, slopes, weights, swapped = steps[0]
    facts |= {_ON_TAPE: any(slope is not None for slope in slopes), _IN_PAIRS: not swapped, _ONE_STEP: len(steps) == 1,
              _ALL: len({id(weight) for weight in weights}) == len(true)}
    if not all(facts.values()):
        return facts
    true = [dict(zip(map(id, model.trainable_variables), true))[id(weight)] for weight in weights]
    try:
        slopes, true = (_flat(0 * other if each is None else each for each, other in zip(some, true))
                        for some in (slopes, true))
    except NotImplementedError:  # a graph has no numbers
        slopes = true = np.zeros(1)
    same, largest = _near(true, slopes), np.abs(slopes).max()
    along = slopes @ true / max(np.linalg.norm(slopes) * np.linalg.norm(true), 1e-12)
    came = losses[0][2]
    return facts | {_DOWNHILL: along > -0.999, _AS_LARGE: same or along < 0.999,
                    _NOT_SIGNS: same or not _near(np.sign(true), slopes),
                    _NOT_CLIPPED: same or not _near(np.clip(true, -largest, largest), slopes), _OF_THE_LOSS: same,
                    _BEFORE: _near(came, returned) or len(events) == first + 1, _RETURNED: _near(came, returned)}


def _two_steps(function, model, optimizer, loss_function, images, labels):
    """Return facts about the first step, the losses of two, and how far they moved the weights."""
    def weights():
        return [_flat(some) for some in (model.trainable_weights, model.non_trainable_weights)]

    images, labels = tf.constant(images), tf.constant(labels)
    true, before = _slopes(model, loss_function, images, labels), weights()
    losses = [function(model, optimizer, loss_function, images, labels)]
    moved = np.any(weights()[0] != before[0])
    facts = _about_a_step(list(model.log.events), model, images, true, moved, losses[0])
    if model.compiled:
        return facts
    losses.append(function(model, optimizer, loss_function, images, labels))
    return {**facts, "losses of two steps": losses if facts.get(_RETURNED) else [np.nan] * 2, **dict(
        zip(("change of the trainable weights", "change of the normalisation's averages"),
            map(np.subtract, weights(), before)))}


_FLATTENED = "Follow height and width down from the image"
_MISCOUNTED = (  # layer, wrong counts, what to say
    (1, [200], "the first convolution's biases are missing: one for each of its kernels."),
    (1, [201], "the first convolution has one bias for each of its kernels, not one for all."),
    (1, [26, 25], "the first convolution has eight kernels, and you count one."),
    (1, [48, 40], "a kernel of the first convolution has 5 rows and 5 columns: is a 5 missing?"),
    (1, [80], "a kernel of the first convolution has the size 5, and you count one of another size."),
    (1, [608, 600], "the images have one channel, grey, and the first convolution's kernels one slice."),
    (1, [4808, 115_200, 115_208, 119_808], "you count a kernel, or a bias, for every place of the image. One serves all places: that "
     "is the point of a convolution."),
    (1, [4608], "these are the numbers that the first convolution gives, not those that it keeps."),
    (2, [0], "batch normalisation keeps something too: it learns a scale and a shift, and remembers two averages."),
    (2, [16], "batch normalisation holds more than the two that are learnt: it also keeps two running averages for each "
     "channel, and `count_params` counts them."),
    (2, [4], "batch normalisation has its numbers for each channel, not once for all."),
    (2, [8, 24], "batch normalisation keeps more for each channel than you count: what it learns, and both averages of what "
     "came in."),
    (2, [64], "batch normalisation stands behind the first convolution. How many channels come in?"),
    (2, [4 * 4608, 2 * 4608], "batch normalisation has its numbers for each channel, not for each place."),
    (3, [1, 4, 8, 32, 1152], "pooling takes the largest of four numbers. What would it have to learn?"),
    (4, [1152], "the second convolution's biases are missing: one for each of its kernels."),
    (4, [1153, 1160, 1280], "the second convolution has one bias for each kernel, so one for each channel that it gives."),
    (4, [160, 144], "the second convolution reads eight channels, and each of its kernels has a slice for every one."),
    (4, [73, 72], "the second convolution has sixteen kernels, and you count one."),
    (4, [400, 384], "a kernel of the second convolution has 3 rows and 3 columns: is a 3 missing?"),
    (4, [3216, 3200], "a kernel of the second convolution has the size 3, and you count one of another size."),
    (4, [165_888, 168_192, 165_904], "you count weights for every place. One kernel serves all places: that is the point of a "
     "convolution."),
    (5, [2304], "`Flatten` passes on 2304 numbers, and keeps none of them."),
    (6, [23_040], "the dense layer's biases are missing: one for each unit."),
    (6, [23_041], "the dense layer has one bias for each unit, not one for all."),
    (6, [31_370, 31_360], f"the first convolution is \"valid\", so its output is smaller than the image. {_FLATTENED}."),
    (6, [92_170, 92_160], f"the dense layer has as many weights as if nothing had been pooled. {_FLATTENED}."),
    (6, [46_090, 46_080], f"the pooling halves height and width, and you halve one of them. {_FLATTENED}."),
    (6, [125_450, 125_440], "the dense layer has as many weights as if the map were still as large as the image. Two layers "
     "make it smaller: which?"),
    (6, [16_010, 16_000], "the second convolution is \"same\": it leaves height and width as they are."),
    (6, [19_370, 19_360, 27_050, 27_040], f"a \"valid\" kernel of 5 fits on a row of 28 in another number of places. "
     f"{_FLATTENED}."),
    (6, [1450, 1440, 11_530, 11_520], "the dense layer reads all 16 channels of each place."),
    (6, [170, 160], f"the dense layer reads every number of the last map, not one a channel. {_FLATTENED}."),
    (6, [2314], "the dense layer has a weight for every pair of a number that it reads and a unit: multiply."),
    (6, [2304, 2305], "the dense layer has ten units, and you count one."),
)
_LAYERS = {Fact(f"layer {layer}: not {', '.join(map(str, wrong))}", sentence): (layer - 1, wrong)
           for layer, wrong, sentence in _MISCOUNTED}
_OTHERWISE = [Fact(f"layer {layer}", f"layer {layer} is not right yet, counted from the top.") for layer in range(1, 7)]


def _about_the_counts(function):
    """Return facts about each layer's count, but no count: a wrong answer must not be answered with the right one."""
    counts, right = np.asarray(function()), count_parameters()
    if counts.shape != (6,):
        raise Unusable("six counts are wanted, one for each layer, also for those that hold nothing.")
    told = {Fact("one by one?", "these are running totals. Each layer's own count is wanted."):
            not np.array_equal(counts, np.cumsum(right)),
            Fact("from the top?", "the layers stand upside down: the first convolution comes first."):
            not np.array_equal(counts, right[::-1])}
    told |= {fact: counts[place] not in wrong for fact, (place, wrong) in _LAYERS.items()}
    return told | dict(zip(_OTHERWISE, np.equal(counts, right)))


EXERCISES = (
    Exercise(identifier="3.1", reference=adam_update, cases=_moments, tolerance=1e-7, mistakes=(
        Mistake("the averages are used as they are. They began at zero, so that after a few steps they are still "
                "too small: the correction for that is missing.",
                _of_adam("/ (1 - beta_1 ** step)", "", "/ (1 - beta_2 ** step)", "")),
        Mistake("only the average of the gradient is corrected. That of its square began at zero too.",
                _of_adam("/ (1 - beta_2 ** step)", "")),
        Mistake("only the average of the square is corrected. That of the gradient began at zero too.",
                _of_adam("/ (1 - beta_1 ** step)", "")),
        Mistake("you count one step too few. `step` is 1 for the first step, so it can be used as it is.",
                _of_adam("beta_1 ** step", "beta_1 ** (step - 1)", "beta_2 ** step", "beta_2 ** (step - 1)")),
        Mistake("you count one step too many. `step` is 1 for the first step, so it can be used as it is.",
                _of_adam("beta_1 ** step", "beta_1 ** (step + 1)", "beta_2 ** step", "beta_2 ** (step + 1)")),
        Mistake("the correction divides by 1 - β at every step, which is right for the first one only. What is "
                "left of the zero with which an average began after two steps, after three?",
                _of_adam("beta_1 ** step", "beta_1", "beta_2 ** step", "beta_2")),
        Mistake("the correction multiplies β by the number of the step. Of the zero at the start, β is left after one "
                "step, and β of that after the next: that is a power.",
                _of_adam("beta_1 ** step", "beta_1 * step", "beta_2 ** step", "beta_2 * step")),
        Mistake("the correction makes the averages smaller. They began at zero and are too small already: divide.",
                _of_adam("mean / (1 -", "mean * (1 -", "square / (1 -", "square * (1 -")),
        Mistake("the root is taken first, and the correction comes after it. Correct the average square, then take "
                "the root of that.",
                _of_adam("np.sqrt(corrected_square)", "np.sqrt(square) / (1 - beta_2 ** step)")),
        Mistake("the square root is missing: you divide by the average of the square, which is measured in "
                "another unit than the gradient.", _of_adam("np.sqrt(corrected_square)", "corrected_square")),
        Mistake("epsilon stands inside the square root. The paper adds it to the root, which matters where gradients "
                "are small.", _of_adam("np.sqrt(corrected_square) + epsilon", "np.sqrt(corrected_square + epsilon)")),
        Mistake("epsilon is missing: where all gradients were zero, you divide by zero.", _of_adam("+ epsilon", "")),
        Mistake("the step is not divided by the root of the average square: this is momentum. Adam measures the step in "
                "units of the gradient's own size.", _of_adam("/ (np.sqrt(corrected_square) + epsilon)", "")),
        Mistake("the sign is turned: this step goes uphill.", _of_adam("parameter - ", "parameter + ")),
        Mistake("beta and 1 - beta have changed places: most of each average should be kept.",
                _of_adam("beta_1 * mean + (1 - beta_1) *", "(1 - beta_1) * mean + beta_1 *",
                         "beta_2 * square + (1 - beta_2) *", "(1 - beta_2) * square + beta_2 *")),
        Mistake("β₁ and β₂ have changed places: β₁ belongs to the average of the gradient, β₂ to that of its "
                "square.", _of_adam("beta_1=0.9, beta_2=0.999", "beta_2=0.999, beta_1=0.9")),
        Mistake("β₁ and β₂ have changed places in the running averages: β₁ belongs to that of the gradient.",
                _of_adam("beta_1 * mean + (1 - beta_1) *", "beta_2 * mean + (1 - beta_2) *",
                         "beta_2 * square + (1 - beta_2) *", "beta_1 * square + (1 - beta_1) *")),
        Mistake("the averages are right, but each is corrected with the β of the other.",
                _of_adam("mean / (1 - beta_1 **", "mean / (1 - beta_2 **",
                         "square / (1 - beta_2 **", "square / (1 - beta_1 **")),
        Mistake("the second average takes in the square of the mean. It is the average of the gradient's square.",
                _of_adam("gradient ** 2", "mean ** 2")),
        Mistake("the second average takes in the size of the gradient, not its square.",
                _of_adam("gradient ** 2", "np.abs(gradient)")),
        Mistake("the second average takes in how far the gradient lies from its mean, as a variance does. It is the "
                "average of the gradient's own square.", _of_adam("gradient ** 2", "(gradient - mean) ** 2")),
        Mistake("all numbers of the array share one average of squares. Each has its own, and so a step length of its "
                "own.", _of_adam("gradient ** 2", "np.mean(gradient ** 2)")),
        Mistake("the step follows the present gradient. Adam follows the corrected average of gradients.",
                _of_adam("* corrected_mean", "* gradient")),
        Mistake("the parameter moves by the averages of the step before. Take in the new gradient first.",
                _of_adam("    mean = beta_1", "    new_mean = beta_1", "    square = beta_2",
                         "    new_square = beta_2", "mean, square)", "new_mean, new_square)")),
        Mistake("the corrected averages come back. They would be corrected again in the next step: return the averages "
                "as they were before that.", _of_adam("mean, square)", "corrected_mean, corrected_square)")),
        Mistake("the averages come back in the wrong order: that of the gradient first, then that of its square.",
                _of_adam("mean, square)", "square, mean)")),
        Mistake("the parameter is right, but the old averages come back. The next step goes on from the new ones.",
                _of_adam("    mean = beta_1", "    new = beta_1", "mean / (1 -", "new / (1 -",
                         "    square = beta_2", "    new_square = beta_2", "square / (1 -", "new_square / (1 -")),
    ), hints=(
        "Four steps in this order: two running averages, their corrections, one subtraction. All of them work on "
        "arrays, element by element.",
        "A running average keeps `beta` of the old value and takes in `1 - beta` of the new: `beta_1` for the "
        "gradient, `beta_2` for its square. Divide each by `1 - beta**step`, in a variable of its own.",
        "Three values come back: the new parameter, and both averages as they were before the correction.",
    )),
    Exercise(identifier="3.2", reference=convolve2d, cases=_images_and_kernels, observe=_sums_of_the_right_size,
             mistakes=(
        Mistake("the kernel is flipped in both directions. That is what mathematics calls a convolution; deep learning "
                "lays the kernel on as it is.", lambda image, kernel: convolve2d(image, kernel[::-1, ::-1])),
        Mistake("the kernel moves by two pixels at a time, a stride of 2. Move it by one.",
                lambda image, kernel: convolve2d(image, kernel)[::2, ::2]),
        Mistake("the kernel moves on by its own size, so that patches do not overlap. Move it by one pixel.",
                lambda image, kernel: convolve2d(image, kernel)[::len(kernel), ::len(kernel.T)]),
        Mistake("the last row and the last column stay as they were made: the loops stop one place too early.",
                lambda image, kernel: np.pad(convolve2d(image, kernel)[:-1, :-1], [(0, 1), (0, 1)])),
        Mistake("height and width of the kernel have changed places.",
                _of_convolution("height, width = kernel.shape", "width, height = kernel.shape")),
        Mistake("the last row and the last column of the kernel are left out.",
                lambda image, kernel: convolve2d(image[:-1, :-1], kernel[:-1, :-1])),
        Mistake("the place in the kernel is subtracted from the place in the image. Go on from there, to the right and "
                "down: add it.", lambda image, kernel: convolve2d(
                    np.roll(image, (len(kernel) - 1, len(kernel.T) - 1), (0, 1)), kernel[::-1, ::-1])),
        Mistake("each product takes the place of the one before, so that only the last is left. Add them up.",
                lambda image, kernel: convolve2d(image[len(kernel) - 1:, len(kernel.T) - 1:], kernel[-1:, -1:])),
        Mistake("the sum goes on growing from patch to patch. Begin each with 0.",
                lambda image, kernel: np.cumsum(convolve2d(image, kernel)).reshape(convolve2d(image, kernel).shape)),
        Mistake("you multiply patch and kernel as matrices. Each number of the patch belongs to one number of the "
                "kernel: multiply element by element.", _of_convolution("* kernel)", "@ kernel)")),
        Mistake("you add patch and kernel. A convolution multiplies them, and adds up the products.",
                _of_convolution("* kernel)", "+ kernel)")),
        Mistake("the sum of the patch is multiplied by the sum of the kernel. Multiply number by number, and add up "
                "then.", _of_convolution("* kernel)", ") * np.sum(kernel)")),
        Mistake("the largest product is kept. All of them are added up.", _of_convolution("np.sum", "np.max")),
        Mistake("the sums are cut off at 0 and 1. A map of features is no image: any number may stand in it.",
                lambda image, kernel: np.clip(convolve2d(image, kernel), 0, 1)),
        Mistake("the mean is taken off each patch first. The kernel lies on the pixels as they are.",
                lambda image, kernel: convolve2d(image, kernel - kernel.mean())),
        Mistake("the sums are divided by the size of the kernel's weights. They are wanted as they are.",
                lambda image, kernel: convolve2d(image, kernel / np.sum(np.abs(kernel)))),
    ), hints=(
        "First the size of the result: in how many places does a row of 2 fit on a row of 3? Make an array of "
        "that shape.",
        "Two loops, over the rows and columns of the *result*. The patch that belongs to a place begins at that "
        "place of the image and has the kernel's shape.",
        "`image[row:row + …, column:column + …]` is the patch; `*` multiplies it with the kernel element by "
        "element, and `np.sum` adds all of it.",
    )),
    Exercise(identifier="3.3", reference=train_step,
             cases=lambda: [_small_classifier(3, 4, "sum_over_batch_size", 0.3),
                            _small_classifier(6, 30, "sum", 0.03)],
             observe=_two_steps, tolerance=1e-4, mistakes=(
        Mistake("you subtract the gradients yourself, with a learning rate of 1. The optimiser knows the learning "
                "rate and the rule.",
                _of_step(_APPLY, "for weight, slope in zip(model.trainable_variables, gradients):\n"
                                 "        weight.assign_sub(slope)")),
        Mistake("only the last layer moves. Ask the tape for the gradients of all `trainable_variables`.",
                _of_step("(loss, model.trainable_variables", "(loss, model.trainable_variables[-2:]",
                         "(gradients, model.trainable_variables", "(gradients, model.trainable_variables[-2:]")),
    ), hints=(
        "Four lines: a tape with the loss under it, `tape.gradient(loss, variables)`, `optimizer.apply(gradients, "
        "variables)`, and the return.",
        "`tf.GradientTape()` records what happens inside its `with` block; the variables that may move are "
        "`model.trainable_variables`.",
        "Inside the block: `model(images, training=True)` gives logits, and `loss_function` takes the labels "
        "first. The other lines stand outside the block.",
    )),
    Exercise(identifier="3.4", reference=count_parameters, cases=lambda: [()], observe=_about_the_counts, mistakes=(
        Mistake("the biases are missing: one for each kernel of a convolution, one for each unit of a dense "
                "layer.", _of_counts("1 + 1", "1", "8 + 1", "8", "16 + 1", "16")),
        Mistake("these are the numbers that each layer gives. How many does it keep, to compute them?",
                lambda: (24 * 24 * 8, 24 * 24 * 8, 12 * 12 * 8, 12 * 12 * 16, 12 * 12 * 16, 10)),
    ), hints=(
        "A kernel of a convolution has height × width × channels that it reads, plus one bias. How many kernels "
        "has a layer that gives eight channels?",
        "Sizes: 28 becomes 28 - 5 + 1 after the first convolution, half of that after pooling, and \"same\" keeps "
        "it. Flattened, the dense layer reads height × width × channels.",
        "Batch normalisation: a scale, a shift, a running mean and a running variance for each channel. Two of the "
        "six layers hold nothing.",
    )),
)
