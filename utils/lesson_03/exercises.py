"""Lesson 3 · Training with Keras."""

from collections import deque
from itertools import takewhile

import keras
import numpy as np
import tensorflow as tf

from utils.exercises.comparing import Fact, as_numbers
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.lesson_03.study import adam_update, convolve2d, count_parameters, train_step

_of_adam, _of_convolution = edits_of(adam_update), edits_of(convolve2d)
_of_step, _of_counts = edits_of(train_step), edits_of(count_parameters)


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
    """Return the sums, or say what is wrong with their shape where it tells."""
    sums = function(image, kernel)
    smaller = np.subtract(image.shape, np.shape(sums)) if np.ndim(sums) == 2 else np.array([1, 0])
    for wrong, sentence in (
            (smaller == 0, "the result is as large as the image, as Keras makes it with `padding=\"same\"`. Here the "
             "kernel stays on the image: in how many places does a row of 2 fit on a row of 3?"),
            (smaller < 0, "the result is larger than the image: the kernel sticks out. Here it stays on the image."),
            (smaller == kernel.shape, "the last row and the last column are missing. In how many places does a row of "
             "2 fit on a row of 3?")):
        if np.all(wrong):
            raise Unusable(sentence)
    return sums


_sums_of_the_right_size.plain = lambda function, image, kernel: function(image, kernel)


class _Network(keras.Sequential):
    """A network that writes down what it is called with, and what it gives."""

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        self.events.append(("network", inputs, training, outputs))
        return outputs


class _Optimizer(keras.optimizers.SGD):
    """One that writes down what it is given, and bears gradients that are missing."""

    events = None

    def apply(self, grads, trainable_variables=None):
        gradients, weights = list(grads), list(trainable_variables or self._trainable_variables)
        if gradients and isinstance(gradients[0], keras.Variable):
            raise TypeError("gradients and weights have changed places: the gradients come first")
        if self.events is not None:
            self.events.append(("optimizer", gradients, weights))
        if any(each is not None for each in gradients):
            super().apply(gradients, weights)


def _small_classifier(width, batch, reduction, learning_rate):
    """Return the arguments of `train_step`; a loss that is a sum has gradients so large that clipping them shows."""
    def dense(units, seed):
        return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed),
                                  bias_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=seed + 1))

    def loss_function(y_true, y_pred):
        if len(y_true.shape) > len(y_pred.shape):
            raise TypeError("labels and logits have changed places: the labels come first")
        value = loss_function.loss(y_true, y_pred)
        events.append(("loss", y_pred, value))
        return value

    model = _Network([keras.Input((5,)), dense(width, 1), keras.layers.BatchNormalization(), keras.layers.ReLU(),
                      dense(10, 3)], name="network")
    # Momentum remembers the step before. Not built: it takes any weights that it is given.
    optimizer = _Optimizer(learning_rate, momentum=0.8, name="sgd")
    model.events = optimizer.events = events = deque()  # of a list, Keras would take a copy
    loss_function.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    random = np.random.default_rng(batch)
    return model, optimizer, loss_function, np.float32(random.random((batch, 5))), random.integers(0, 10, batch)


def _small_classifiers():
    yield _small_classifier(3, 4, "sum_over_batch_size", 0.3)
    yield _small_classifier(6, 16, "sum", 0.05)


def _flat(arrays):
    return np.concatenate([np.ravel(each) for each in arrays])


def _near(ours, theirs):
    """Return whether numbers agree; True where a graph is built, which has none."""
    one, other = as_numbers(ours), as_numbers(theirs)
    if one is None or other is None:
        return tf.is_tensor(theirs)
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(one).max(initial=0))


def _slopes(model, loss_function, images, labels):
    """Return the gradients of the loss, and leave no trace."""
    kept = model.get_weights()
    with tf.GradientTape() as tape:
        loss = loss_function.loss(labels, model(images, training=True))
    slopes = tape.gradient(loss, model.trainable_variables)
    model.set_weights(kept)
    model.events.clear()
    return slopes


def _about_a_step(events, model, images, true, moved, returned):
    """Yield what may be wrong with a step, in its order, and whether it is right."""
    before = list(takewhile(lambda event: event[0] != "optimizer", events))
    runs, losses = ([event[1:] for event in before if event[0] == name] for name in ("network", "loss"))
    steps = [event[1:] for event in events if event[0] == "optimizer"]
    yield "`fit` or `train_on_batch` makes the step. Write it by hand: two networks need more.", not model.compiled
    yield "the network that was given never runs. Is a copy trained in its place?", runs
    yield "the network does not get the whole batch in one call.", all(_near(images, each) for each, *_ in runs)
    yield ("the model is called as if for testing. With `training=True` batch normalisation uses the batch's own "
           "statistics and dropout drops.", all(training is True for _, training, _ in runs))
    yield "the network runs more than once before the step. Its averages move at each run in training.", len(runs) == 1
    yield "`loss_function` is never called: another loss is built in. Use the one that is given.", losses
    yield ("what goes into the loss is not what the network gave: it wants logits. Is there a softmax on the way?",
           all(_near(runs[0][-1], logits) for logits, _ in losses))
    yield "the weights have not moved. Who applies the gradients to them?", steps or moved
    yield ("the weights move, but not by the `optimizer` that was given: its learning rate and its memory, such as "
           "momentum or the averages of Adam, are lost. Let it make the step.", steps)
    slopes, weights = steps[0]
    yield ("no gradient came out of the tape: it did not see how the loss was made. Call the model and compute the "
           "loss inside the `with` block, and keep tensors until then.", any(slope is not None for slope in slopes))
    yield "the optimiser is called more than once for one batch, and counts a step each time.", len(steps) == 1
    yield ("only some of the weights move. Ask the tape for the gradients of all `model.trainable_variables`, and hand "
           "all of them to the optimiser.", len({id(weight) for weight in weights}) == len(true))
    by_weight = dict(zip(map(id, model.trainable_variables), true))
    true = [by_weight[id(weight)] for weight in weights]
    slopes = _flat(0 * ours if each is None else ours if as_numbers(each) is None else each  # a graph has no numbers
                   for ours, each in zip(true, slopes))
    true, largest = _flat(true), np.abs(slopes).max()
    same, along = _near(true, slopes), slopes @ true / max(np.linalg.norm(slopes) * np.linalg.norm(true), 1e-12)
    yield ("all gradients are multiplied by a number, or divided by one, on their way to the optimiser. Hand them over "
           "as they came from the tape: the loss knows how to average.", same or along < 0.999)
    yield "only the signs of the gradients reach the optimiser. It wants their sizes.", not _near(np.sign(true), slopes)
    yield "large gradients are clipped: it wants them all.", same or not _near(true.clip(-largest, largest), slopes)
    yield ("the optimiser gets other gradients than those of the loss that `loss_function` gives. Are they of "
           "something else, or is something added or changed?", same)
    right = _near(losses[0][-1], returned)
    yield ("the weights are right, but the loss that comes back is measured after the step. Return the one that the "
           "gradients belong to.", right or len(events) == len(before) + 1)
    yield "the weights are right, but what comes back is not the loss that the gradients belong to.", right


def _two_steps(function, model, optimizer, loss_function, images, labels):
    """Return facts about the first step, the losses of two, and how far they moved the weights."""
    def weights():
        return [_flat(some) for some in (model.trainable_weights, model.non_trainable_weights)]

    images, labels, facts = tf.constant(images), tf.constant(labels), {}
    true, before = _slopes(model, loss_function, images, labels), weights()
    losses = [function(model, optimizer, loss_function, images, labels)]
    moved = np.any(weights()[0] != before[0])
    for sentence, right in _about_a_step(list(model.events), model, images, true, moved, losses[0]):
        facts[Fact(sentence, sentence)] = bool(right)
        if not right:
            break
    if not model.compiled:
        losses.append(function(model, optimizer, loss_function, images, labels))
    trainable, averages = map(np.subtract, weights(), before)
    return {**facts, "losses of two steps": losses if right else [np.nan] * 2, "change of the weights": trainable,
            "change of the averages": averages}


_FOLLOW = "Follow height and width down from the image."
_PLACES = "you count a kernel, or a bias, for every place. One serves all places: that is the point of a convolution."
_MISCOUNTED = (  # layer, wrong counts, what to say
    (1, [200, 201], "the first convolution's biases are missing, or one serves all: each kernel has one."),
    (1, [26, 25], "the first convolution has eight kernels, and you count one."),
    (1, [48, 40, 80], "a kernel of the first convolution has 5 rows and 5 columns, and you count others."),
    (1, [608, 600], "the images have one channel, grey, and the first convolution's kernels one slice."),
    (1, [4808, 115_200, 115_208, 119_808], _PLACES),
    (2, [0, 8, 16, 24], "batch normalisation keeps more for each channel: `count_params` counts the averages too."),
    (2, [4, 9216, 18_432], "batch normalisation has its numbers once for each channel."),
    (2, [64], "batch normalisation stands behind the first convolution. How many channels come in?"),
    (3, [1, 4, 8, 32, 1152], "pooling takes the largest of four numbers. What would it have to learn?"),
    (4, [1152, 1153, 1160, 1280], "each kernel of the second convolution has one bias, and gives one channel."),
    (4, [160, 144], "the second convolution reads eight channels, and each of its kernels has a slice for every one."),
    (4, [400, 384, 3216, 3200], "a kernel of the second convolution has 3 rows and 3 columns, and you count others."),
    (4, [165_888, 168_192, 165_904], _PLACES),
    (5, [2304], "`Flatten` passes on 2304 numbers, and keeps none of them."),
    (6, [23_040, 23_041], "the dense layer's biases are missing, or there is one for all: each unit has one."),
    (6, [31_370, 31_360], f"the first convolution is \"valid\", so its output is smaller than the image. {_FOLLOW}"),
    (6, [92_170, 92_160], f"the dense layer has as many weights as if nothing had been pooled. {_FOLLOW}"),
    (6, [46_090, 46_080], f"the pooling halves height and width, and you halve one of them. {_FOLLOW}"),
    (6, [16_010, 16_000], "the second convolution is \"same\": it leaves height and width as they are."),
    (6, [19_370, 27_050], f"a \"valid\" kernel of 5 fits on a row of 28 in another number of places. {_FOLLOW}"),
    (6, [1450, 1440, 11_530, 11_520], "the dense layer reads all 16 channels of each place."),
    (6, [170, 160], f"the dense layer reads every number of the last map, not one per channel. {_FOLLOW}"),
    (6, [2314], "the dense layer has a weight for every pair of a number that it reads and a unit: multiply."),
)


def _about_the_counts(function):
    """Return facts about each layer's count, but no count: a wrong answer must not be answered with the right one."""
    counts, right = np.asarray(function()), count_parameters()
    if counts.shape != (6,):
        raise Unusable("six counts are wanted, one for each layer, also for those that hold nothing.")
    return {Fact(f"layer {layer}: {wrong}", sentence): counts[layer - 1] not in wrong
            for layer, wrong, sentence in _MISCOUNTED} | {
        Fact(f"layer {layer}", f"layer {layer} is not right yet, counted from the top."): counts[layer - 1] == count
        for layer, count in enumerate(right, start=1)}


EXERCISES = (
    Exercise(identifier="3.1", reference=adam_update, cases=_moments, tolerance=1e-7, mistakes=(
        Mistake("the averages are used as they are. They began at zero, and are too small without their correction.",
                _of_adam("/ (1 - beta_1 ** step)", "", "/ (1 - beta_2 ** step)", "")),
        *(Mistake(f"you count one step too {much}. `step` is 1 for the first step, so it can be used as it is.",
                  _of_adam("beta_1 ** step", f"beta_1 ** {step}", "beta_2 ** step", f"beta_2 ** {step}"))
          for much, step in (("few", "(step - 1)"), ("many", "(step + 1)"))),
        Mistake("the correction divides by 1 - β at every step, which is right for the first one only. What share of "
                "an average still comes from the zero at which it began, after two steps, or after three?",
                _of_adam("beta_1 ** step", "beta_1", "beta_2 ** step", "beta_2")),
        Mistake("the correction multiplies β by the number of the step. It needs a power of β.",
                _of_adam("beta_1 ** step", "beta_1 * step", "beta_2 ** step", "beta_2 * step")),
        Mistake("the correction makes the averages smaller. They began at zero and are too small already: divide.",
                _of_adam("mean / (1 -", "mean * (1 -", "square / (1 -", "square * (1 -")),
        Mistake("the root is taken first, and the correction comes after it. Correct the average square first.",
                _of_adam("np.sqrt(corrected_square)", "np.sqrt(square) / (1 - beta_2 ** step)")),
        Mistake("epsilon stands inside the square root. The paper adds it to the root, which matters where gradients "
                "are small.", _of_adam("np.sqrt(corrected_square) + epsilon", "np.sqrt(corrected_square + epsilon)")),
        Mistake("the step is not divided by the root of the average square: this is momentum. Adam measures the step "
                "in units of the gradient's own size.", _of_adam("/ (np.sqrt(corrected_square) + epsilon)", "")),
        Mistake("the sign is turned: this step goes uphill.", _of_adam("parameter - ", "parameter + ")),
        Mistake("beta and 1 - beta have changed places: most of each average should be kept.",
                _of_adam("beta_1 * mean + (1 - beta_1) *", "(1 - beta_1) * mean + beta_1 *",
                         "beta_2 * square + (1 - beta_2) *", "(1 - beta_2) * square + beta_2 *")),
        Mistake("all numbers of the array share one average of squares. Each has its own, and its own step length.",
                _of_adam("gradient ** 2", "np.mean(gradient ** 2)")),
        Mistake("you average the gradient's size, not its square.", _of_adam("gradient ** 2", "np.abs(gradient)")),
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
    ), hints=(
        "First the size of the result: in how many places does a row of 2 fit on a row of 3? Make an array of "
        "that shape.",
        "Two loops, over the rows and columns of the *result*. The patch that belongs to a place begins at that "
        "place of the image and has the kernel's shape.",
        "`image[row:row + …, column:column + …]` is the patch; `*` multiplies it with the kernel element by "
        "element, and `np.sum` adds all of it.",
    )),
    Exercise(identifier="3.3", reference=train_step,
             cases=_small_classifiers, observe=_two_steps, tolerance=1e-4, mistakes=(
        Mistake("the step goes uphill. `optimizer.apply` subtracts already: hand it the gradients as they are.",
                _of_step("apply(gradients", "apply([-each for each in gradients]")),
        Mistake("the weights have not moved. Who applies the gradients to them?",
                _of_step("optimizer.apply(gradients, model.trainable_variables)", "")),
    ), hints=(
        "Four lines: a tape with the loss under it, `tape.gradient(loss, variables)`, `optimizer.apply(gradients, "
        "variables)`, and the return.",
        "`tf.GradientTape()` records what happens inside its `with` block; the variables that may move are "
        "`model.trainable_variables`.",
        "Inside the block: `model(images, training=True)` gives logits, and `loss_function` takes the labels "
        "first. The other lines stand outside the block.",
    )),
    Exercise(identifier="3.4", reference=count_parameters, cases=lambda: [()], observe=_about_the_counts, mistakes=(
        Mistake("the biases are missing: one for each kernel of a convolution, one for each unit of a dense layer.",
                _of_counts("1 + 1", "1", "8 + 1", "8", "16 + 1", "16")),
        Mistake("these are the numbers that each layer gives. How many does it keep, to compute them?",
                lambda: (24 * 24 * 8, 24 * 24 * 8, 12 * 12 * 8, 12 * 12 * 16, 12 * 12 * 16, 10)),
        Mistake("these are running totals. Each layer's own count is wanted.", lambda: np.cumsum(count_parameters())),
        Mistake("the layers stand upside down: the first convolution comes first.", lambda: count_parameters()[::-1]),
    ), hints=(
        "A kernel of a convolution has height × width × channels that it reads, plus one bias. How many kernels "
        "has a layer that gives eight channels?",
        "Sizes: 28 becomes 28 - 5 + 1 after the first convolution, half of that after pooling, and \"same\" keeps "
        "it. Flattened, the dense layer reads height × width × channels.",
        "Batch normalisation: a scale, a shift, a running mean and a running variance for each channel. Two of the "
        "six layers hold nothing.",
    )),
)
