"""How good a model is after how many processor seconds: the course's, and the layer sizes of well-known tutorials.

Each model of a table trains for the same processor seconds (bench --only quality --cpu-seconds 60) and is scored
after a third, two thirds and all of them; neither the scoring nor the building of graphs counts. The course's models
have their own schedule, here along the share of the seconds that is used up, and the tutorials' a constant rate, both
with the batch size and optimiser of their source. A schedule ends low, so that its models are at their best at the end.
"""

import logging
import math
import time
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers
from keras.optimizers import Adam

from tests.benchmarks.tables import SECONDS, SEEDS, print_table
from tests.benchmarks.training import grey_images, latents_of, networks_of_lesson_7, scores_by_batches
from utils.data import binarised_test_set
from utils.likelihood import importance_log_weights
from utils.losses import importance_weighted_bound
from utils.models import (
    GAN,
    R1GAN,
    VAE,
    build_decoder,
    build_encoder,
    build_generator,
    build_tile_discriminator,
    use_average,
)

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each model makes a graph, and TensorFlow warns of the sixth
SHARES = (1 / 3, 2 / 3, 1)
LATENTS, DRAWN = 100, 10_000  # of every GAN, and images for its Fréchet distance
IMAGES, SAMPLES = 300, 100  # of every importance-weighted bound


class TrainForSeconds(keras.callbacks.Callback):
    """Sets the rate, scores the model at each share of the processor seconds, and ends the training at the last.

    `rate`: share of the seconds used up, 0..1 → learning rate. `score`: model, which it leaves as it was → number.
    """

    def __init__(self, optimizers, rate, score):
        super().__init__()
        self.optimizers, self.rate, self.score = optimizers, rate, score
        self.steps, self.scores = 0, []

    def on_train_begin(self, logs=None):
        self.began, self.scoring = time.process_time(), 0.0

    def on_train_batch_begin(self, batch, logs=None):
        for optimizer in self.optimizers:
            optimizer.learning_rate.assign(self.rate(min(1.0, self.used() / SECONDS)))

    def on_train_batch_end(self, batch, logs=None):
        if self.used() >= SHARES[len(self.scores)] * SECONDS:
            before = time.process_time()
            self.scores.append(self.score(self.model))
            self.scoring += time.process_time() - before
            self.steps = int(self.optimizers[0].iterations)
            self.model.stop_training = len(self.scores) == len(SHARES)

    def used(self):
        return time.process_time() - self.began - self.scoring


def train(build, optimizer, rate, batch_size, steps_per_execution, images, score, seed):
    """Train a model for SECONDS; return its parameters, and its steps and its scores at SHARES."""
    keras.utils.set_random_seed(seed)
    model = build(seed=seed)
    optimizers = [optimizer(0.0) for _ in range(2 if isinstance(model, GAN) else 1)]
    model.compile(*optimizers, steps_per_execution=steps_per_execution)
    if model.optimizer:  # a GAN has built those of its players
        model.optimizer.build(model.trainable_variables)
    model.fit(images[:batch_size * steps_per_execution], batch_size=batch_size, verbose=0)  # builds the graph
    watch = TrainForSeconds(optimizers, rate, score)
    model.fit(images, epochs=10**6, batch_size=batch_size, verbose=0, callbacks=[watch])
    return model.count_params(), [watch.steps, *watch.scores]


def compare(title, unit, models, images, score):
    """Train every model with every seed; print steps and scores; return name → score at the end, the seeds' mean."""
    table, last = {}, {}
    for name, (build, optimizer, rate, batch_size, at_once) in models.items():
        results = []
        for seed in SEEDS:
            parameters, result = train(build, optimizer, rate, batch_size, at_once, images, score, seed)
            results.append(result)
            print(f"{name}, seed {seed}: {result[0]} steps, {unit} {result[1:]}")
        steps, *means = np.mean(results, axis=0)
        deviations = [f" ± {each:.1f}" for each in np.std(results, axis=0, ddof=1)[1:]] if len(SEEDS) > 1 else [""] * 3
        table[name] = [f"{parameters:,}", f"{batch_size}", f"{steps:,.0f}",
                       *(f"{value:.1f}{deviation}" for value, deviation in zip(means, deviations))]
        last[name] = means[-1]
    print_table(f"{title}; {SECONDS:.0f} processor seconds each, seeds {', '.join(map(str, SEEDS))}",
                ["parameters", "batch", "steps", *(f"{unit} at {share * SECONDS:.0f} s" for share in SHARES)], table)
    return last


def cosine(highest, lowest, warm_up=0.0):
    """Return the course's schedule: share of the training → rate. It rises over `warm_up`, then falls as a cosine."""
    def rate(share):
        if share < warm_up:
            return highest * share / warm_up
        down = (share - warm_up) / (1 - warm_up)
        return highest * (lowest + (1 - lowest) * (1 + math.cos(math.pi * down)) / 2)
    return rate


def course_s_gan(seed):
    return R1GAN(build_generator(LATENTS), build_tile_discriminator(), LATENTS, seed=seed)


def build_tutorial_networks():
    """Return generator and discriminator with the layer sizes of TensorFlow's tutorial on DCGANs."""
    generator = keras.Sequential([keras.Input((100,)), layers.Dense(7 * 7 * 256, use_bias=False)])
    for reshape, filters, strides in ((layers.Reshape((7, 7, 256)), 128, 1), (None, 64, 2), (None, 1, 2)):
        generator.add(layers.BatchNormalization())
        generator.add(layers.LeakyReLU(negative_slope=0.3))
        if reshape:
            generator.add(reshape)
        generator.add(layers.Conv2DTranspose(filters, 5, strides, padding="same", use_bias=False))
    generator.add(layers.Activation("tanh"))
    generator.add(layers.Flatten())
    discriminator = keras.Sequential([keras.Input((784,)), layers.Reshape((28, 28, 1))])
    for filters in (64, 128):
        discriminator.add(layers.Conv2D(filters, 5, 2, padding="same"))
        discriminator.add(layers.LeakyReLU(negative_slope=0.3))
        discriminator.add(layers.Dropout(0.3))
    discriminator.add(layers.Flatten())
    discriminator.add(layers.Dense(1))
    return generator, discriminator


def tutorial_gan(seed):
    return GAN(*build_tutorial_networks(), LATENTS, seed=seed)


ADAM_OF_GAN = partial(Adam, beta_1=0.0, beta_2=0.99, use_ema=True, ema_momentum=0.995)
GANS = {  # name: builder, optimiser, rate, batch size, steps an execution
    "lessons 8 and 9": (course_s_gan, ADAM_OF_GAN, cosine(3e-3, 0.01), 64, 25),
    "TensorFlow's DCGAN tutorial": (tutorial_gan, Adam, lambda share: 1e-4, 256, 1),
}


def frechet(gan):
    """Return the Fréchet distance of DRAWN samples of the averaged generator, if it is averaged."""
    players = gan.generator, gan.discriminator
    kept = [player.get_weights() for player in players]
    use_average(gan, gan.latents(500))
    distance = scores_by_batches(gan.generator, latents_of(DRAWN, LATENTS))["Fréchet"]
    for player, weights in zip(players, kept):
        player.set_weights(weights)
    return distance


def test_course_s_gans_are_better_than_the_tutorial_s_layers_after_equal_seconds():
    last = compare(f"Fréchet distance of {DRAWN:,} samples to the test set, less is better", "Fréchet", GANS,
                   2 * grey_images() - 1, frechet)
    assert last["lessons 8 and 9"] < last["TensorFlow's DCGAN tutorial"] / 3


def lesson_6(seed):
    return VAE(build_encoder(), build_decoder(), seed=seed)


def lesson_7(convolutional, seed):
    return VAE(*networks_of_lesson_7(convolutional), seed=seed)


def tutorial(latent_dim, padding, width, channels, seed):
    """Return a VAE of two strided convolutions each way, on images as rows of 784. The sources have 2 latents.

    `padding`: of the encoder's convolutions; `width`: of a dense layer before the latents, or None; `channels`: of the
    decoder's 7 × 7 tiles.
    """
    images, latents = keras.Input((784,)), keras.Input((latent_dim,))
    hidden = layers.Reshape((28, 28, 1))(images)
    for filters in (32, 64):
        hidden = layers.Conv2D(filters, 3, strides=2, padding=padding, activation="relu")(hidden)
    hidden = layers.Flatten()(hidden)
    if width:
        hidden = layers.Dense(width, activation="relu")(hidden)
    encoder = keras.Model(images, [layers.Dense(latent_dim)(hidden), layers.Dense(latent_dim)(hidden)])
    hidden = layers.Reshape((7, 7, channels))(layers.Dense(7 * 7 * channels, activation="relu")(latents))
    for filters in (64, 32):
        hidden = layers.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu")(hidden)
    logits = layers.Reshape((784,))(layers.Conv2DTranspose(1, 3, padding="same")(hidden))
    return VAE(encoder, keras.Model(latents, logits), seed=seed)


TENSORFLOW_S = {"padding": "valid", "width": None, "channels": 32}  # tensorflow.org/tutorials/generative/cvae
KERAS_S = {"padding": "same", "width": 16, "channels": 64}  # keras.io/examples/generative/vae
ADAM_OF_VAE = partial(Adam, beta_2=0.99)
VAES = {  # name: builder, optimiser, rate, batch size, steps an execution
    "lesson 6, 2 latents": (lesson_6, ADAM_OF_VAE, cosine(8e-3, 0.0, 0.1), 200, 50),
    "TensorFlow's tutorial, 2 latents": (partial(tutorial, 2, **TENSORFLOW_S), Adam, lambda share: 1e-4, 32, 10),
    "keras.io's example, 2 latents": (partial(tutorial, 2, **KERAS_S), Adam, lambda share: 1e-3, 128, 5),
    "lesson 7, 50 latents, dense": (partial(lesson_7, False), ADAM_OF_VAE, cosine(5e-3, 0.0, 0.1), 200, 25),
    "lesson 7, 50 latents, convolutional": (partial(lesson_7, True), ADAM_OF_VAE, cosine(5e-3, 0.0, 0.1), 200, 10),
    "TensorFlow's tutorial, 50 latents": (partial(tutorial, 50, **TENSORFLOW_S), Adam, lambda share: 1e-4, 32, 10),
    "keras.io's example, 50 latents": (partial(tutorial, 50, **KERAS_S), Adam, lambda share: 1e-3, 128, 5),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_course_s_vaes_are_better_than_the_tutorials_layers_after_equal_seconds():
    few = binarised_test_set()[:IMAGES]

    def bound(vae):
        return float(np.mean(importance_weighted_bound(importance_log_weights(vae.encoder, vae.decoder, few, SAMPLES))))

    last = compare(f"Importance-weighted bound (K = {SAMPLES}) of {IMAGES} test images, more is better", "nats", VAES,
                   grey_images(), bound)
    for latents, course in (("2 latents", ["lesson 6, 2 latents"]), ("50 latents", list(VAES)[3:5])):
        others = [last[name] for name in VAES if name.endswith(latents) and name not in course]
        assert min(last[name] for name in course) > max(others)
