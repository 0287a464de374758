"""What only lesson 13 computes: hidden pixels and their bound, velocities and the steps along them."""

import functools
import json
import time

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.stats import norm

from utils.assets import asset


def hide_pixels(scores, hidden):
    """Return 0 for the pixels with the smallest scores of each row, 1 for the rest.

    0 stands for hidden, 1 for visible.

    Scores drawn at random and independently hide each set of `hidden` pixels with the same probability.

    Args:
        scores: tensor of shape (batch, pixels), no two alike in a row.
        hidden: integers of shape (batch,), how many pixels to hide in each row, from 0 to all.

    Returns:
        float32 tensor of shape (batch, pixels).
    """
    if len(scores.shape) != 2 or len(hidden.shape) != 1:
        raise ValueError("hide_pixels wants scores of shape (batch, pixels) and one number of hidden pixels per row, "
                         f"(batch,), but got {tuple(scores.shape)} and {tuple(hidden.shape)}.")
    _require_range("hide_pixels", "numbers of hidden pixels", hidden, 0, scores.shape[1])
    ranks = ops.argsort(ops.argsort(scores, axis=-1), axis=-1)  # 0 for the smallest score of its row
    return ops.cast(ranks >= ops.cast(hidden, ranks.dtype)[:, None], "float32")


def masked_bound(images, logits, visible):
    """Return an estimate of the bound on log p(x) of each image, in nats.

    The mean log-probability of the hidden pixels, times the number of all pixels. Over a number of hidden pixels that
    is uniform from 1 to all, and over which ones they are, its mean is the bound.

    Args:
        images: tensor of shape (batch, pixels) of zeros and ones.
        logits: tensor of the same shape, guessed from the visible pixels alone.
        visible: tensor of the same shape, 1 where a pixel is visible and 0 where it is hidden; a row without a hidden
            pixel has no estimate.

    Returns:
        Tensor of shape (batch,).

    Source: Uria, Murray and Larochelle (2014).
    """
    if not tuple(images.shape) == tuple(logits.shape) == tuple(visible.shape) or len(images.shape) != 2:
        raise ValueError("masked_bound wants images, logits and visible of one shape (batch, pixels), but got "
                         f"{tuple(images.shape)}, {tuple(logits.shape)} and {tuple(visible.shape)}.")
    if hasattr(visible, "numpy") and np.any(np.min(visible, axis=-1) == 1):  # in a graph no values are known yet
        raise ValueError("masked_bound wants at least one hidden pixel in each row, but a row of `visible` holds no 0.")
    log_probabilities = images * logits - ops.softplus(logits)
    hidden = 1 - visible
    return images.shape[1] * ops.sum(hidden * log_probabilities, axis=-1) / ops.sum(hidden, axis=-1)


def flow_matching_loss(velocity, images, noise, times):
    """Return the mean squared error of a velocity on straight paths to images.

    At time t the path to an image x that begins at the noise ε has come to t x + (1 - t) ε; its velocity is x - ε.

    Args:
        velocity: function of points (batch, size) and times (batch,) that returns a velocity for each, (batch, size).
        images, noise: tensors of shape (batch, size).
        times: tensor of shape (batch,) in [0, 1]; 0 is noise, 1 is the image.

    Returns:
        A scalar: the squared error, averaged over the batch and over the entries of a point.

    Source: Lipman, Chen, Ben-Hamu, Nickel and Le (2023); Liu, Gong and Liu (2023).
    """
    if tuple(images.shape) != tuple(noise.shape) or len(images.shape) != 2 or len(times.shape) != 1:
        raise ValueError("flow_matching_loss wants images and noise of one shape (batch, size) and times of shape "
                         f"(batch,), but got {tuple(images.shape)}, {tuple(noise.shape)} and {tuple(times.shape)}.")
    _require_range("flow_matching_loss", "times", times, 0, 1)
    share = times[:, None]
    points = share * images + (1 - share) * noise
    return ops.mean(ops.square(velocity(points, times) - (images - noise)))


def heun_step(velocity, points, start, end):
    """Return where the points are at time `end`, by one step of Heun's method.

    The velocity at the beginning leads to a trial point; the step is made with the mean of it and the velocity there.

    Args:
        velocity: function of points (batch, size) and one time that returns a velocity for each point, (batch, size).
        points: tensor of shape (batch, size), at time `start`.
        start, end: two times.

    Returns:
        Tensor of shape (batch, size).

    Source: Heun (1900).
    """
    if len(points.shape) != 2:
        raise ValueError(f"heun_step wants points of shape (batch, size), but got {tuple(points.shape)}.")
    first = velocity(points, start)
    second = velocity(points + (end - start) * first, end)
    return points + (end - start) / 2 * (first + second)


def _require_range(caller, what, values, low, high):
    """Refuse values outside [low, high]; in a graph, where no values are known yet, nothing is asked."""
    if not (tf.is_tensor(values) and not hasattr(values, "numpy")):
        smallest, largest = float(np.min(values)), float(np.max(values))
        if not low <= smallest <= largest <= high:
            raise ValueError(f"{caller} wants {what} from {low} to {high}, but got {smallest:g} to {largest:g}.")


class OneNetwork(keras.Model):
    """A Keras model around one network, with random numbers of its own and an average of what it reports."""

    def __init__(self, network, seed=0):
        super().__init__()
        self.network = network
        self.random = keras.random.SeedGenerator(seed)
        self.average = keras.metrics.Mean("average")
        self.built = True  # the network is: Keras can back up its weights

    def learn(self, tape, loss, /, **reported):
        """Make a step of the optimizer down the gradient of `loss`; return what `train_step` reports, averaged.

        Args:
            tape: tf.GradientTape that recorded how `loss` was computed.
            loss: a scalar.
            reported: one name and what is averaged over the epoch under this name.
        """
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        (name, values), = reported.items()
        self.average.update_state(values)
        return {name: self.average.result()}


def tiny_network(seed=0):
    """Return a network of random weights for images of 9 pixels: images (n, 9), visible (n, 9) → logits (n, 9)."""
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(18, 16)), random.normal(size=(16, 9))

    def guess(images, visible):
        seen = np.concatenate([visible * (2 * np.asarray(images) - 1), visible], axis=1)
        return np.float32(np.tanh(seen @ first) @ second)
    return guess


@functools.lru_cache(maxsize=4)
def compiled(function):
    """Return a function of tensors as TensorFlow's graph, made at its first call and then kept."""
    return tf.function(function, autograph=False, reduce_retracing=True)


def clipped_adam(rate, steps, largest_gradient):
    """Return Adam for both diffusion models: warm-up, a cosine, and longer gradients shortened to a length.

    The learning rate rises over the first twentieth of the steps and falls to 0.
    """
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps - steps // 20, warmup_target=rate,
                                                      warmup_steps=steps // 20)
    return keras.optimizers.Adam(schedule, beta_2=0.99, global_clipnorm=largest_gradient)


def cost_of_next_pixel(guess, images, places=41, seed=0):
    """Return (seen, nats): how many pixels are seen, (places,) from 0 to 783, and what the next one costs on average.

    Args:
        guess: function of images and visible, both (n, 784), that returns logits.
        images: (n, 784) of zeros and ones.
    """
    random, seen = np.random.default_rng(seed), np.linspace(0, 783, places).astype(int)
    nats = []
    for count in seen:
        visible = hide_pixels(ops.convert_to_tensor(random.random(images.shape), "float32"),
                              ops.full((len(images),), 784 - count, "int32"))
        estimates = masked_bound(ops.convert_to_tensor(images), guess(images, visible), visible)
        nats.append(-float(ops.mean(estimates)) / 784)
    return seen, np.array(nats)


def results_and_seconds(arguments, function):
    """Return what a function returns for each argument, and how many seconds each call took: two lists."""
    results, seconds = [], []
    for argument in arguments:
        began = time.perf_counter()
        results.append(function(argument))
        seconds.append(time.perf_counter() - began)
    return results, seconds


def draws_of_bells(count, shares, centres, width, seed=0):
    """Return draws from normal bells of one width, float32 (count, 1)."""
    random = np.random.default_rng(seed)
    around = random.choice(centres, size=count, p=shares)
    return (around + width * random.standard_normal(count)).astype("float32")[:, None]


def network_of_one_number(knows_time=True):
    """Return a dense network: points (n, 1) and times (n, 1), which it may ignore → guesses (n, 1)."""
    point, time = keras.Input((1,)), keras.Input((1,))
    # Keras 3.13, which Colab has, wants every input of a model used.
    hidden = keras.layers.Concatenate()([point, time]) if knows_time else point + 0.0 * time
    for _ in range(3):
        hidden = keras.layers.Dense(64, activation="silu")(hidden)
    return keras.Model([point, time], keras.layers.Dense(1)(hidden))


def bell_velocity(points, time, shares, centres, width):
    """Return the mean velocity of straight paths from N(0, 1) to normal bells of one width, at points of any shape.

    Each bell moves along its own centre and shrinks; the velocities of the bells are averaged by how likely a point at
    this place belongs to each. Arguments: `time` in [0, 1]; shares and centres of the bells, (bells,).
    """
    _require_range("bell_velocity", "a time", time, 0, 1)
    at, shares, centres = np.asarray(points)[..., None], np.asarray(shares), np.asarray(centres)
    deviation = np.sqrt((time * width)**2 + (1 - time)**2)
    belongs = shares * norm.pdf(at, time * centres, deviation)
    belongs /= belongs.sum(axis=-1, keepdims=True)
    shrinks = (time * width**2 - (1 - time)) / deviation**2
    return np.sum(belongs * (centres + shrinks * (at - time * centres)), axis=-1)


def waves(times, size):
    """Return times (batch,) as sines and cosines of rising frequency, (batch, size), which a dense layer reads well.

    Source: Vaswani et al. (2017), for positions.
    """
    angles = times[:, None] * np.geomspace(1, 100, size // 2).astype("float32")
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def four_models():
    """Return the table that `course.py models` has computed: {model: {what is measured: a list over the seeds}}."""
    table = {}
    for row in json.loads(asset("four_models.json").read_text(encoding="utf-8"))["rows"]:
        for measure, value in row.items():
            if measure not in ("model", "seed"):
                table.setdefault(row["model"], {}).setdefault(measure, []).append(value)
    return table


LOGARITHMIC = ("Fréchet distance", "weights", "seconds to draw 1,000")
BETTER = {"log p(x) is at least, nats": "higher", "Fréchet distance": "lower", "precision": "higher",
          "recall": "higher", "coverage": "higher", "weights": "", "seconds to train": "",
          "seconds to draw 1,000": "lower"}


def measures_of(table):
    """Return ({measure: {model: values over the seeds, or None}}, {measure: which is better}) of `four_models`."""
    return {measure: {model: of_model.get(measure) for model, of_model in table.items()} for measure in BETTER}, BETTER


def guesses_of(hider, flow, no_label):
    """Return what both models guess behind a destroyed image, for the explorer: two functions that return (1, 784)."""
    nobody = np.array([no_label], "int32")

    def fill(images, visible):
        return ops.sigmoid(compiled(hider.guess)(images, visible))

    def denoise(points, time):
        return (compiled(flow.clean)(points, ops.full((1,), time), nobody) + 1) / 2
    return fill, denoise


def leads(table):
    """Return [(name, value, bound)]: which models of the table are apart with every seed, and by how much."""
    def of(measure):
        return {model: of_model[measure] for model, of_model in table.items() if measure in of_model}

    distance, filled = of("Fréchet distance"), of("filled in and read right")
    found = [(f"distance, best of {second} over worst of {first}", min(distance[second]) / max(distance[first]), 1.1)
             for first, second in (("GAN", "normal noise"), ("normal noise", "VAE"), ("normal noise", "hidden pixels"))]
    for measure, leader, bound in (("recall", "GAN", 0.03), ("coverage", "normal noise", 0.01),
                                   ("precision", "normal noise", 0.01)):
        others = max(max(values) for model, values in of(measure).items() if model != leader)
        found.append((f"{measure}, {leader}'s worst less the others' best", min(of(measure)[leader]) - others, bound))
    return [*found, ("filled in and read right: VAE less hidden pixels",
                     np.mean(filled["VAE"]) - np.mean(filled["hidden pixels"]), 0.1)]
