"""Lesson 3 · Training with Keras."""

import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage, signal

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.lesson_03.study import adam_update, convolve2d, count_parameters, train_step

_of_adam, _of_convolution = edits_of(adam_update), edits_of(convolve2d)
_of_step, _of_counts = edits_of(train_step), edits_of(count_parameters)
_APPLY = "optimizer.apply(gradients, model.trainable_variables)"


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


def _images_and_kernels():
    random = np.random.default_rng(1)
    return [(np.arange(1.0, 10.0).reshape(3, 3), np.array([[1.0, 2.0], [-1.0, 0.5]])),
            (random.normal(size=(4, 6)), random.normal(size=(3, 3))),
            (random.normal(size=(7, 5)), random.normal(size=(2, 4)))]


def _small_classifier(width, batch, reduction, learning_rate):
    """Return the arguments of `train_step` for a small network with batch normalisation, its weights seeded.

    A loss that is a sum has large gradients, which tell a step that clips them from one that does not.
    """
    def dense(units, seed):
        return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed),
                                  bias_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=seed + 1))

    model = keras.Sequential([keras.Input((5,)), dense(width, 1), keras.layers.BatchNormalization(),
                              keras.layers.ReLU(), dense(10, 3)])
    # Momentum remembers the step before. Not built: it takes any weights that it is given.
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.8)
    random = np.random.default_rng(batch)
    return (model, optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction),
            random.random((batch, 5)).astype(np.float32), random.integers(0, 10, batch))


def _after_a_step(function, model, optimizer, loss_function, images, labels):
    """Return the losses of two steps, and how far they moved the weights."""
    def weights():
        return [np.concatenate([np.ravel(each) for each in some])
                for some in (model.trainable_weights, model.non_trainable_weights)]

    parts = ("did any gradient reach the optimiser? (1 yes, 0 no)", "losses of two steps",
             "change of the trainable weights", "change of the normalisation's averages")
    before = weights()
    try:
        losses = [function(model, optimizer, loss_function, tf.constant(images), tf.constant(labels)) for _ in range(2)]
    except ValueError as error:
        if "gradients" not in str(error):  # Keras says "No gradients provided for any variable"
            raise
        return dict.fromkeys(parts, 0.0)
    losses = None if losses[0] is None else np.asarray(losses, np.float64)
    return dict(zip(parts, (1.0, losses, *map(np.subtract, weights(), before)), strict=True))


def _which_counts_are_right(function):
    """Return flags before the counts themselves: a wrong answer must not be answered with the right one."""
    counts = tuple(function())
    if len(counts) != 6:
        raise ValueError(f"six counts are wanted, such as (1, 2, 3, 4, 5, 6), but {len(counts)} came back")
    return {"layer right (1) or not (0), from top to bottom": np.equal(counts, count_parameters()).astype(float),
            "counts": np.array(counts, float)}


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
        Mistake("the square root is missing: you divide by the average of the square, which is measured in "
                "another unit than the gradient.", _of_adam("np.sqrt(corrected_square)", "corrected_square")),
        Mistake("epsilon stands inside the square root. The paper adds it to the root, which matters where gradients "
                "are small.", _of_adam("np.sqrt(corrected_square) + epsilon", "np.sqrt(corrected_square + epsilon)")),
        Mistake("epsilon is missing: where all gradients were zero, you divide by zero.", _of_adam("+ epsilon", "")),
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
        Mistake("the second average takes in the gradient itself, not its square.",
                _of_adam("gradient ** 2", "np.abs(gradient)")),
        Mistake("the step follows the present gradient. Adam follows the corrected average of gradients.",
                _of_adam("* corrected_mean", "* gradient")),
        Mistake("the step is right, but the corrected averages come back. They would be corrected again in the "
                "next step: return the averages as they were before that.",
                _of_adam("mean, square)", "corrected_mean, corrected_square)")),
        Mistake("the parameter moves by the averages of the step before. Take in the new gradient first.",
                _of_adam("    mean = beta_1", "    new_mean = beta_1", "    square = beta_2",
                           "    new_square = beta_2", "mean, square)", "new_mean, new_square)")),
    ), hints=(
        "Four steps in this order: two running averages, their corrections, one subtraction. All of them work on "
        "arrays, element by element.",
        "A running average keeps `beta` of the old value and takes in `1 - beta` of the new: `beta_1` for the "
        "gradient, `beta_2` for its square. Divide each by `1 - beta**step`, in a variable of its own.",
        "Three values come back: the new parameter, and both averages as they were before the correction.",
    )),
    Exercise(identifier="3.2", reference=convolve2d, cases=_images_and_kernels, mistakes=(
        Mistake("the result is as large as the image: zeros were put around it, which Keras calls "
                "`padding=\"same\"`. Here the kernel stays on the image.",
                lambda image, kernel: convolve2d(
                    np.pad(image, [((size - 1) // 2, size // 2) for size in kernel.shape]), kernel)),
        Mistake("the result is as large as the image: zeros were put around it. Here the kernel stays on the "
                "image.", lambda image, kernel: ndimage.correlate(image, kernel, mode="constant")),
        Mistake("the result is as large as the image: zeros were put below it and on its right. Here the kernel "
                "stays on the image.",
                lambda image, kernel: convolve2d(np.pad(image, [(0, size - 1) for size in kernel.shape]), kernel)),
        Mistake("the result is as large as the image: zeros were put above it and on its left. Here the kernel "
                "stays on the image.",
                lambda image, kernel: convolve2d(np.pad(image, [(size - 1, 0) for size in kernel.shape]), kernel)),
        Mistake("half a kernel of zeros was put on every side of the image, so that the result is as large as the "
                "image, or larger. Here the kernel stays on the image.",
                lambda image, kernel: convolve2d(np.pad(image, [[size // 2] for size in kernel.shape]), kernel)),
        Mistake("the sums are right, but the result is as large as the image, and what is left of it stays zero. "
                "In how many places does a row of 2 fit on a row of 3?",
                lambda image, kernel: np.pad(convolve2d(image, kernel), [(0, size - 1) for size in kernel.shape])),
        Mistake("the sums are right, but there is an edge of zeros around them. The result has a place for each "
                "patch and no others.",
                lambda image, kernel: np.pad(
                    convolve2d(image, kernel), [((size - 1) // 2, size // 2) for size in kernel.shape])),
        Mistake("the result is as large as the image, which was continued beyond its edges. Here the kernel stays "
                "on the image.", ndimage.correlate),
        Mistake("the kernel is flipped in both directions. That is what mathematics calls a convolution; deep learning "
                "lays the kernel on as it is.", lambda image, kernel: convolve2d(image, kernel[::-1, ::-1])),
        Mistake("the result is larger than the image: the kernel sticks out on all sides, and it is flipped as "
                "well. That is the \"full\" convolution of signal processing; here it stays on the image as it is.",
                signal.convolve2d),
        Mistake("the result is larger than the image: the kernel sticks out on all sides. It stays on the image "
                "here.", signal.correlate2d),
        Mistake("the kernel moves by two pixels at a time, a stride of 2. Move it by one.",
                lambda image, kernel: convolve2d(image, kernel)[::2, ::2]),
        Mistake("the last row and the last column are missing. How many places are there for a kernel of 2 on a "
                "row of 3 pixels?", lambda image, kernel: convolve2d(image[:-1, :-1], kernel)),
        Mistake("the kernel is transposed: its rows lie along the image's columns.",
                lambda image, kernel: convolve2d(image, kernel.T)),
        Mistake("you average the products. A convolution is a weighted sum.", _of_convolution("np.sum", "np.mean")),
        Mistake("rows and columns of the result are exchanged.", lambda image, kernel: convolve2d(image, kernel).T),
        Mistake("you multiply patch and kernel as matrices. Each number of the patch belongs to one number of the "
                "kernel: multiply element by element.", _of_convolution("* kernel)", "@ kernel)")),
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
                            _small_classifier(6, 100, "sum", 0.01)],
             observe=_after_a_step, tolerance=1e-4, seconds=30.0, mistakes=(
        Mistake("the model is called as if for testing. With `training=True` batch normalisation uses the batch's "
                "own statistics and dropout drops.", _of_step("training=True", "training=False")),
        Mistake("no gradient came out of the tape: it did not see how the loss was made. Call the model and "
                "compute the loss inside the `with` block.",
                _of_step("model(images, training=True)", "logits",
                           "with tf", "logits = model(images, training=True)\n    with tf")),
        Mistake("the weights have not moved. Who applies the gradients to them?", _of_step(_APPLY, "")),
        Mistake("the step goes uphill. `optimizer.apply` subtracts already: hand it the gradients as they are.",
                _of_step("apply(gradients", "apply([-gradient for gradient in gradients]")),
        Mistake("you subtract the gradients yourself, with a learning rate of 1. The optimiser knows the learning "
                "rate and the rule.",
                _of_step(_APPLY, "for weight, slope in zip(model.trainable_variables, gradients):\n"
                                   "        weight.assign_sub(slope)")),
        Mistake("you take the learning rate from the optimiser and step yourself: its momentum, or the averages of "
                "Adam, are lost. Let `optimizer.apply` make the step.",
                _of_step(_APPLY, "for weight, slope in zip(model.trainable_variables, gradients):\n"
                                   "        weight.assign_sub(optimizer.learning_rate * slope)")),
        Mistake("the loss gets probabilities where it wants logits. Leave out the softmax.",
                _of_step("model(images, training=True)", "tf.nn.softmax(model(images, training=True))")),
        Mistake("the weights are right, but the loss that comes back is measured after the step. Return the one that "
                "the gradients belong to.", _of_step("return loss", "return loss_function(labels, model(images))")),
        *(Mistake("large gradients are clipped. Hand them to the optimiser as they came from the tape.",
                  _of_step("apply(gradients", f"apply({clipped}"))
          for clipped in ("[tf.clip_by_value(each, -1, 1) for each in gradients]",
                          "[tf.clip_by_norm(each, 1) for each in gradients]",
                          "tf.clip_by_global_norm(gradients, 1)[0]", "tf.clip_by_global_norm(gradients, 5)[0]")),
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
    Exercise(identifier="3.4", reference=count_parameters, cases=lambda: [()], observe=_which_counts_are_right,
             mistakes=(
        Mistake("the biases are missing: one for each kernel of a convolution, one for each unit of a dense "
                "layer.", _of_counts("1 + 1", "1", "8 + 1", "8", "16 + 1", "16")),
        Mistake("the second convolution reads eight channels, and each of its kernels has a slice for every one.",
                _of_counts("3 * 3 * 8", "3 * 3")),
        Mistake("you count a kernel for every place of the image. One kernel is used in all places: that is the point "
                "of a convolution.", _of_counts("+ 1) * 8", "+ 1) * 8 * 24 * 24", "+ 1) * 16", "+ 1) * 16 * 12 * 12")),
        Mistake("you count a bias for every place. One is shared by the whole channel, as the kernel is.",
                _of_counts("1 + 1) * 8", "1 + 24 * 24) * 8", "8 + 1)", "8 + 12 * 12)")),
        Mistake("batch normalisation holds more than the two that are learnt: it also keeps two running averages "
                "for each channel, and `count_params` counts them.", _of_counts("4 * 8", "2 * 8")),
        Mistake("batch normalisation has its four numbers for each channel.", _of_counts("4 * 8", "4")),
        Mistake("pooling takes the largest of four numbers. What would it have to learn?",
                _of_counts("4 * 8, 0", "4 * 8, 4 * 8")),
        Mistake("the first convolution is \"valid\", so its output is smaller than the image: follow the size "
                "down to the dense layer.", _of_counts("12 * 12", "14 * 14")),
        Mistake("the dense layer has as many weights as if nothing had been pooled. What does `MaxPooling2D(2)` do "
                "to height and width?", _of_counts("12 * 12", "24 * 24")),
        Mistake("the dense layer has as many weights as if the map were still as large as the image. Two layers "
                "make it smaller: which?", _of_counts("12 * 12", "28 * 28")),
        Mistake("the dense layer reads all 16 channels of each place, and you give it one.",
                _of_counts("12 * 12 * 16", "12 * 12")),
        Mistake("the dense layer reads every number of the last map, not one a channel. Follow the size down.",
                _of_counts("12 * 12 * 16", "16")),
    ), hints=(
        "A kernel of a convolution has height × width × channels that it reads, plus one bias. How many kernels "
        "has a layer that gives eight channels?",
        "Sizes: 28 becomes 28 - 5 + 1 after the first convolution, half of that after pooling, and \"same\" keeps "
        "it. Flattened, the dense layer reads height × width × channels.",
        "Batch normalisation: a scale, a shift, a running mean and a running variance for each channel. Two of the "
        "six layers hold nothing.",
    )),
)
