"""Lesson 3 · Training with Keras."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import ndimage, signal

from utils.exercises.engine import Exercise, Mistake
from utils.lesson_03.study import adam_update, convolve2d, count_parameters, train_step

# 3.1 --------------------------------------------------------------------------------------------------------

def _moments():
    """Return arguments of `adam_update`: one number, a vector, and gradients so small that epsilon matters."""
    random = np.random.default_rng(0)
    cases = [(0.5, 2.0, 0.3, 0.02, 2, 0.1, 0.9, 0.999, 1e-8),
             (np.array([1.0, -2.0, 0.5]), np.array([0.4, -3.0, 1.5]), np.array([-0.2, 0.1, 0.3]),
              np.array([0.05, 0.4, 0.01]), 3, 0.05, 0.8, 0.99, 1e-8)]
    for shape, size, step in (((2, 3), 1.0, 7), ((4,), 1e-7, 5)):
        parameter, gradient, mean = random.normal(size=(3, *shape))
        square = random.uniform(0.1, 1, shape) * size**2
        cases.append((parameter, size * gradient, size * mean, square, step, 0.1, 0.9, 0.95, 1e-8))
    return cases


def _adam(parameter, gradient, mean, square, step, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, *,
          power=lambda step: step, root=lambda square, epsilon: np.sqrt(square) + epsilon, sign=-1,
          keep=lambda beta: beta, squared=lambda gradient, mean: gradient**2,
          numerator=lambda corrected, gradient: corrected, correct=(True, True), returns_corrected=False):
    """Adam with its parts exchangeable, to make mistakes with."""
    mean = keep(beta_1) * mean + (1 - keep(beta_1)) * gradient
    square = keep(beta_2) * square + (1 - keep(beta_2)) * squared(gradient, mean)
    corrected = [average / (1 - beta**power(step)) if wanted else average
                 for average, beta, wanted in zip((mean, square), (beta_1, beta_2), correct)]
    step_taken = learning_rate * numerator(corrected[0], gradient) / root(corrected[1], epsilon)
    return (parameter + sign * step_taken, *(corrected if returns_corrected else (mean, square)))


def _adam_with(**parts):
    def update(*arguments):
        return _adam(*arguments, **parts)
    return update


def _adam_with_the_old_averages(parameter, gradient, mean, square, step, learning_rate, beta_1, beta_2, epsilon):
    moved = parameter - learning_rate * (mean / (1 - beta_1**step)) / (np.sqrt(square / (1 - beta_2**step)) + epsilon)
    return moved, beta_1 * mean + (1 - beta_1) * gradient, beta_2 * square + (1 - beta_2) * gradient**2


def _adam_with_betas_exchanged(in_averages=True, in_corrections=True):
    """Adam that takes each β where the other belongs: in the running averages, in their corrections, or in both."""
    def update(parameter, gradient, mean, square, step, learning_rate, beta_1, beta_2, epsilon):
        first, second = (beta_2, beta_1) if in_averages else (beta_1, beta_2)
        mean = first * mean + (1 - first) * gradient
        square = second * square + (1 - second) * gradient**2
        first, second = (beta_2, beta_1) if in_corrections else (beta_1, beta_2)
        corrected = mean / (1 - first**step), square / (1 - second**step)
        return parameter - learning_rate * corrected[0] / (np.sqrt(corrected[1]) + epsilon), mean, square
    return update


# 3.2 --------------------------------------------------------------------------------------------------------

def _images_and_kernels():
    random = np.random.default_rng(1)
    return [(np.arange(1.0, 10.0).reshape(3, 3), np.array([[1.0, 2.0], [-1.0, 0.5]])),
            (random.normal(size=(4, 6)), random.normal(size=(3, 3))),
            (random.normal(size=(7, 5)), random.normal(size=(2, 4)))]


def _padded(room_before, room_after):
    """Return a convolution of the image with zeros around it: so many before and after, for a kernel of each size."""
    def convolve(image, kernel):
        room = [(room_before(size), room_after(size)) for size in np.shape(kernel)]
        return convolve2d(np.pad(np.asarray(image), room), kernel)
    return convolve


def _zeros_beside(in_the_middle):
    """Return a convolution whose result is as large as the image, and zero where the kernel does not fit."""
    def convolve(image, kernel):
        room = [((size - 1) // 2, size // 2) if in_the_middle else (0, size - 1) for size in np.shape(kernel)]
        return np.pad(convolve2d(image, kernel), room)
    return convolve


def _mirrored(image, kernel):
    """Return the convolution as SciPy's `ndimage.correlate` does it: the image goes on beyond its edges, mirrored."""
    return ndimage.correlate(np.asarray(image, float), kernel)


def _matrix_products(image, kernel):
    """Return sums over matrix products, which only square kernels allow."""
    image, (height, width) = np.asarray(image), np.shape(kernel)
    result = np.empty((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for row, column in np.ndindex(result.shape):
        result[row, column] = np.sum(image[row:row + height, column:column + width] @ kernel)
    return result


def _one_short(image, kernel):
    return convolve2d(np.asarray(image)[:-1, :-1], kernel)


# 3.3 --------------------------------------------------------------------------------------------------------

def _small_classifier(width, batch, reduction, learning_rate):
    """Return the arguments of `train_step` for a small network with batch normalisation, its weights seeded.

    A loss that is a sum has large gradients, which tell a step that clips them from one that does not.
    """
    def dense(units, seed):
        return layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed),
                            bias_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=seed + 1))

    model = keras.Sequential([keras.Input((5,)), dense(width, 1), layers.BatchNormalization(), layers.ReLU(),
                              dense(10, 3)])
    # Momentum remembers the step before. Not built: it takes any weights that it is given.
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.8)
    random = np.random.default_rng(batch)
    return (model, optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction),
            random.random((batch, 5)).astype(np.float32), random.integers(0, 10, batch))


def _after_a_step(function, model, optimizer, loss_function, images, labels):
    """Return the losses of two steps, and how far they moved the weights."""
    parts = ("did any gradient reach the optimiser? (1 yes, 0 no)", "losses of two steps",
             "change of the trainable weights", "change of the normalisation's averages")
    before = [np.array(weight) for weight in model.get_weights()]
    trainable = {id(variable) for variable in model.trainable_variables}
    try:
        losses = [function(model, optimizer, loss_function, tf.constant(images), tf.constant(labels))
                  for _ in range(2)]
    except ValueError as error:
        if "gradients" not in str(error):  # Keras says "No gradients provided for any variable"
            raise
        return dict.fromkeys(parts, 0.0)
    moved = {True: [], False: []}
    for variable, old in zip(model.weights, before, strict=True):
        moved[id(variable) in trainable].append(np.ravel(variable.numpy() - old))
    losses = None if losses[0] is None else np.asarray(losses, np.float64)
    return dict(zip(parts, (1.0, losses, np.concatenate(moved[True]), np.concatenate(moved[False])), strict=True))


def _step(model, optimizer, loss_function, images, labels, training=True, sign=1, before_loss=lambda logits: logits,
          variables=lambda model: model.trainable_variables):
    """A training step with its parts exchangeable, to make mistakes with."""
    with tf.GradientTape() as tape:
        loss = loss_function(labels, before_loss(model(images, training=training)))
    chosen = variables(model)
    optimizer.apply([sign * gradient for gradient in tape.gradient(loss, chosen)], chosen)
    return loss


def _step_with(**parts):
    def step(model, optimizer, loss_function, images, labels):
        return _step(model, optimizer, loss_function, images, labels, **parts)
    return step


def _step_outside_the_tape(model, optimizer, loss_function, images, labels):
    logits = model(images, training=True)
    with tf.GradientTape() as tape:
        loss = loss_function(labels, logits)
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return loss


def _step_never_applied(model, optimizer, loss_function, images, labels):
    with tf.GradientTape() as tape:
        loss = loss_function(labels, model(images, training=True))
    tape.gradient(loss, model.trainable_variables)
    return loss


def _step_without_the_optimizer(model, optimizer, loss_function, images, labels):
    with tf.GradientTape() as tape:
        loss = loss_function(labels, model(images, training=True))
    for gradient, variable in zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables):
        variable.assign_sub(gradient)
    return loss


def _step_with_its_rate_alone(model, optimizer, loss_function, images, labels):
    with tf.GradientTape() as tape:
        loss = loss_function(labels, model(images, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        variable.assign(variable - optimizer.learning_rate * gradient)
    return loss


def _step_that_clips(clip):
    """Return a step that makes gradients smaller before they are applied."""
    def step(model, optimizer, loss_function, images, labels):
        with tf.GradientTape() as tape:
            loss = loss_function(labels, model(images, training=True))
        optimizer.apply(clip(tape.gradient(loss, model.trainable_variables)), model.trainable_variables)
        return loss
    return step


def _step_and_loss_after_it(model, optimizer, loss_function, images, labels):
    train_step(model, optimizer, loss_function, images, labels)
    return loss_function(labels, model(images))


# 3.4 --------------------------------------------------------------------------------------------------------

def _which_counts_are_right(function):
    """Return flags before the counts themselves: a wrong answer must not be answered with the right one."""
    counts = tuple(function())
    if len(counts) != 6:
        raise ValueError(f"six counts are wanted, such as (1, 2, 3, 4, 5, 6), but {len(counts)} came back")
    return {"layer right (1) or not (0), from top to bottom": np.equal(counts, count_parameters()).astype(float),
            "counts": np.array(counts, float)}


EXERCISES = (
    Exercise(
        identifier="3.1",
        reference=adam_update,
        cases=_moments,
        tolerance=1e-7,
        mistakes=(
            Mistake("the averages are used as they are. They began at zero, so that after a few steps they are still "
                    "too small: the correction for that is missing.",
                    _adam_with(correct=(False, False))),
            Mistake("only the average of the gradient is corrected. That of its square began at zero too.",
                    _adam_with(correct=(True, False))),
            Mistake("only the average of the square is corrected. That of the gradient began at zero too.",
                    _adam_with(correct=(False, True))),
            Mistake("you count one step too few. `step` is 1 for the first step, so it can be used as it is.",
                    _adam_with(power=lambda step: step - 1)),
            Mistake("you count one step too many. `step` is 1 for the first step, so it can be used as it is.",
                    _adam_with(power=lambda step: step + 1)),
            Mistake("the correction divides by 1 - β at every step, which is right for the first one only. What is "
                    "left of the zero with which an average began after two steps, after three?",
                    _adam_with(power=lambda step: 1)),
            Mistake("the square root is missing: you divide by the average of the square, which is measured in "
                    "another unit than the gradient.",
                    _adam_with(root=lambda square, epsilon: square + epsilon)),
            Mistake("epsilon stands inside the square root. The paper adds it to the root, which matters where "
                    "gradients are small.",
                    _adam_with(root=lambda square, epsilon: np.sqrt(square + epsilon))),
            Mistake("epsilon is missing: where all gradients were zero, you divide by zero.",
                    _adam_with(root=lambda square, epsilon: np.sqrt(square))),
            Mistake("the sign is turned: this step goes uphill.",
                    _adam_with(sign=1)),
            Mistake("beta and 1 - beta have changed places: most of each average should be kept.",
                    _adam_with(keep=lambda beta: 1 - beta)),
            Mistake("β₁ and β₂ have changed places: β₁ belongs to the average of the gradient, β₂ to that of its "
                    "square.",
                    _adam_with_betas_exchanged()),
            Mistake("β₁ and β₂ have changed places in the running averages: β₁ belongs to that of the gradient.",
                    _adam_with_betas_exchanged(in_corrections=False)),
            Mistake("the averages are right, but each is corrected with the β of the other.",
                    _adam_with_betas_exchanged(in_averages=False)),
            Mistake("the second average takes in the square of the mean. It is the average of the gradient's square.",
                    _adam_with(squared=lambda gradient, mean: mean**2)),
            Mistake("the second average takes in the gradient itself, not its square.",
                    _adam_with(squared=lambda gradient, mean: np.abs(gradient))),
            Mistake("the step follows the present gradient. Adam follows the corrected average of gradients.",
                    _adam_with(numerator=lambda corrected, gradient: gradient)),
            Mistake("the step is right, but the corrected averages come back. They would be corrected again in the "
                    "next step: return the averages as they were before that.",
                    _adam_with(returns_corrected=True)),
            Mistake("the parameter moves by the averages of the step before. Take in the new gradient first.",
                    _adam_with_the_old_averages),
        ),
        hints=(
            "Four steps in this order: two running averages, their corrections, one subtraction. All of them work on "
            "arrays, element by element.",
            "A running average keeps `beta` of the old value and takes in `1 - beta` of the new: `beta_1` for the "
            "gradient, `beta_2` for its square. Divide each by `1 - beta**step`, in a variable of its own.",
            "Three values come back: the new parameter, and both averages as they were before the correction.",
        ),
    ),
    Exercise(
        identifier="3.2",
        reference=convolve2d,
        cases=_images_and_kernels,
        mistakes=(
            Mistake("the result is as large as the image: zeros were put around it, which Keras calls "
                    "`padding=\"same\"`. Here the kernel stays on the image.",
                    _padded(lambda size: (size - 1) // 2, lambda size: size // 2)),
            Mistake("the result is as large as the image: zeros were put around it. Here the kernel stays on the "
                    "image.",
                    _padded(lambda size: size // 2, lambda size: (size - 1) // 2)),
            Mistake("the result is as large as the image: zeros were put below it and on its right. Here the kernel "
                    "stays on the image.",
                    _padded(lambda size: 0, lambda size: size - 1)),
            Mistake("the result is as large as the image: zeros were put above it and on its left. Here the kernel "
                    "stays on the image.",
                    _padded(lambda size: size - 1, lambda size: 0)),
            Mistake("half a kernel of zeros was put on every side of the image, so that the result is as large as the "
                    "image, or larger. Here the kernel stays on the image.",
                    _padded(lambda size: size // 2, lambda size: size // 2)),
            Mistake("the sums are right, but the result is as large as the image, and what is left of it stays zero. "
                    "In how many places does a row of 2 fit on a row of 3?",
                    _zeros_beside(in_the_middle=False)),
            Mistake("the sums are right, but there is an edge of zeros around them. The result has a place for each "
                    "patch and no others.",
                    _zeros_beside(in_the_middle=True)),
            Mistake("the result is as large as the image, which was continued beyond its edges. Here the kernel stays "
                    "on the image.",
                    _mirrored),
            Mistake("the kernel is flipped in both directions. That is what mathematics calls a convolution; deep "
                    "learning lays the kernel on as it is.",
                    lambda image, kernel: convolve2d(image, np.asarray(kernel)[::-1, ::-1])),
            Mistake("the result is larger than the image: the kernel sticks out on all sides, and it is flipped as "
                    "well. That is the \"full\" convolution of signal processing; here it stays on the image as it is.",
                    signal.convolve2d),
            Mistake("the result is larger than the image: the kernel sticks out on all sides. It stays on the image "
                    "here.",
                    _padded(lambda size: size - 1, lambda size: size - 1)),
            Mistake("the kernel moves by two pixels at a time, a stride of 2. Move it by one.",
                    lambda image, kernel: convolve2d(image, kernel)[::2, ::2]),
            Mistake("the last row and the last column are missing. How many places are there for a kernel of 2 on a "
                    "row of 3 pixels?",
                    _one_short),
            Mistake("the kernel is transposed: its rows lie along the image's columns.",
                    lambda image, kernel: convolve2d(image, np.transpose(kernel))),
            Mistake("you average the products. A convolution is a weighted sum.",
                    lambda image, kernel: convolve2d(image, kernel) / np.size(kernel)),
            Mistake("rows and columns of the result are exchanged.",
                    lambda image, kernel: convolve2d(image, kernel).T),
            Mistake("you multiply patch and kernel as matrices. Each number of the patch belongs to one number of the "
                    "kernel: multiply element by element.",
                    _matrix_products),
        ),
        hints=(
            "First the size of the result: in how many places does a row of 2 fit on a row of 3? Make an array of "
            "that shape.",
            "Two loops, over the rows and columns of the *result*. The patch that belongs to a place begins at that "
            "place of the image and has the kernel's shape.",
            "`image[row:row + …, column:column + …]` is the patch; `*` multiplies it with the kernel element by "
            "element, and `np.sum` adds all of it.",
        ),
    ),
    Exercise(
        identifier="3.3",
        reference=train_step,
        cases=lambda: [_small_classifier(3, 4, "sum_over_batch_size", 0.3), _small_classifier(6, 100, "sum", 0.01)],
        observe=_after_a_step,
        tolerance=1e-4,
        seconds=30.0,
        mistakes=(
            Mistake("the model is called as if for testing. With `training=True` batch normalisation uses the batch's "
                    "own statistics and dropout drops.",
                    _step_with(training=False)),
            Mistake("no gradient came out of the tape: it did not see how the loss was made. Call the model and "
                    "compute the loss inside the `with` block.",
                    _step_outside_the_tape),
            Mistake("the weights have not moved. Who applies the gradients to them?",
                    _step_never_applied),
            Mistake("the step goes uphill. `optimizer.apply` subtracts already: hand it the gradients as they are.",
                    _step_with(sign=-1)),
            Mistake("you subtract the gradients yourself, with a learning rate of 1. The optimiser knows the learning "
                    "rate and the rule.",
                    _step_without_the_optimizer),
            Mistake("you take the learning rate from the optimiser and step yourself: its momentum, or the averages of "
                    "Adam, are lost. Let `optimizer.apply` make the step.", _step_with_its_rate_alone),
            Mistake("the loss gets probabilities where it wants logits. Leave out the softmax.",
                    _step_with(before_loss=tf.nn.softmax)),
            Mistake("the weights are right, but the loss that comes back is measured after the step. Return the one "
                    "that the gradients belong to.",
                    _step_and_loss_after_it),
            *(Mistake("large gradients are clipped. Hand them to the optimiser as they came from the tape.",
                      _step_that_clips(clip))
              for clip in (lambda gradients: [tf.clip_by_value(each, -1, 1) for each in gradients],
                           lambda gradients: [tf.clip_by_norm(each, 1) for each in gradients],
                           lambda gradients: tf.clip_by_global_norm(gradients, 1)[0],
                           lambda gradients: tf.clip_by_global_norm(gradients, 5)[0])),
            Mistake("only the last layer moves. Ask the tape for the gradients of all `trainable_variables`.",
                    _step_with(variables=lambda model: model.trainable_variables[-2:])),
        ),
        hints=(
            "Four lines: a tape with the loss under it, `tape.gradient(loss, variables)`, `optimizer.apply(gradients, "
            "variables)`, and the return.",
            "`tf.GradientTape()` records what happens inside its `with` block; the variables that may move are "
            "`model.trainable_variables`.",
            "Inside the block: `model(images, training=True)` gives logits, and `loss_function` takes the labels "
            "first. The other lines stand outside the block.",
        ),
    ),
    Exercise(
        identifier="3.4",
        reference=count_parameters,
        cases=lambda: [()],
        observe=_which_counts_are_right,
        mistakes=(
            Mistake("the biases are missing: one for each kernel of a convolution, one for each unit of a dense "
                    "layer.",
                    lambda: (200, 32, 0, 1152, 0, 23040)),
            Mistake("the second convolution reads eight channels, and each of its kernels has a slice for every one.",
                    lambda: (208, 32, 0, 160, 0, 23050)),
            Mistake("you count a kernel for every place of the image. One kernel is used in all places: that is the "
                    "point of a convolution.",
                    lambda: (208 * 576, 32, 0, 1168 * 144, 0, 23050)),
            Mistake("you count a bias for every place. One is shared by the whole channel, as the kernel is.",
                    lambda: (200 + 8 * 576, 32, 0, 1152 + 16 * 144, 0, 23050)),
            Mistake("batch normalisation holds more than the two that are learnt: it also keeps two running averages "
                    "for each channel, and `count_params` counts them.",
                    lambda: (208, 16, 0, 1168, 0, 23050)),
            Mistake("batch normalisation has its four numbers for each channel.",
                    lambda: (208, 4, 0, 1168, 0, 23050)),
            Mistake("pooling takes the largest of four numbers. What would it have to learn?",
                    lambda: (208, 32, 32, 1168, 0, 23050)),
            Mistake("the first convolution is \"valid\", so its output is smaller than the image: follow the size "
                    "down to the dense layer.",
                    lambda: (208, 32, 0, 1168, 0, (14 * 14 * 16 + 1) * 10)),
            Mistake("the dense layer has as many weights as if nothing had been pooled. What does `MaxPooling2D(2)` do "
                    "to height and width?",
                    lambda: (208, 32, 0, 1168, 0, (24 * 24 * 16 + 1) * 10)),
            Mistake("the dense layer has as many weights as if the map were still as large as the image. Two layers "
                    "make it smaller: which?",
                    lambda: (208, 32, 0, 1168, 0, (28 * 28 * 16 + 1) * 10)),
            Mistake("the dense layer reads all 16 channels of each place, and you give it one.",
                    lambda: (208, 32, 0, 1168, 0, (12 * 12 + 1) * 10)),
            Mistake("the dense layer reads every number of the last map, not one a channel. Follow the size down.",
                    lambda: (208, 32, 0, 1168, 0, 170)),
        ),
        hints=(
            "A kernel of a convolution has height × width × channels that it reads, plus one bias. How many kernels "
            "has a layer that gives eight channels?",
            "Sizes: 28 becomes 28 - 5 + 1 after the first convolution, half of that after pooling, and \"same\" keeps "
            "it. Flattened, the dense layer reads height × width × channels.",
            "Batch normalisation: a scale, a shift, a running mean and a running variance for each channel. Two of the "
            "six layers hold nothing.",
        ),
    ),
)
