"""How good a model is after how many processor seconds: the course's, and the layer sizes of well-known tutorials.

Each model of a table trains for the same processor seconds (make bench ONLY=quality CPU_SECONDS=60) and is scored
after a third, two thirds and all of them; neither the scoring nor the building of graphs counts. The course's models
have their own schedule, here along the share of the seconds that is used up, and the tutorials' a constant rate, both
with the batch size and optimiser of their source. A schedule ends low, so that its models are at their best at the end.
"""

import logging
import math
import time

import keras
import numpy as np
import pytest
from keras import layers

from tests.benchmarks.tables import SECONDS, SEEDS, print_table
from tests.benchmarks.test_lesson_09 import PenalisedGAN, build_tutorial_pair, r1
from tests.benchmarks.training import begin_at_the_log_odds, scores, take_averages
from tests.cells import lesson
from utils.data import binarised_test_set, flatten, load_mnist, to_symmetric_range, to_unit_range
from utils.likelihood import importance_log_weights
from utils.losses import importance_weighted_bound
from utils.models import (
    GAN,
    R1GAN,
    VAE,
    build_convolutional_decoder,
    build_decoder,
    build_encoder,
    build_generator,
    build_tile_discriminator,
)

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each model makes a graph, and TensorFlow warns of the sixth
SHARES = (1 / 3, 2 / 3, 1)
LATENTS, DRAWN = 100, 10_000  # of every GAN, and images for its Fréchet distance
IMAGES, SAMPLES = 300, 100  # of every importance-weighted bound


class TrainForSeconds(keras.callbacks.Callback):
    """Sets the rate, scores the model at each share of the processor seconds, and ends the training at the last.

    Args:
        optimizers: whose rate is set.
        rate: share of the seconds used up, 0..1 → learning rate.
        score: function without arguments that returns one number and leaves the model as it was.
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
            self.scores.append(self.score())
            self.scoring += time.process_time() - before
            self.steps = int(self.optimizers[0].iterations)
            self.model.stop_training = len(self.scores) == len(SHARES)

    def used(self):
        return time.process_time() - self.began - self.scoring


def train(model, optimizers, rate, score, images, batch_size):
    """Train for SECONDS; return the steps and the scores at SHARES."""
    for optimizer in optimizers:
        optimizer.learning_rate.assign(0.0)
    model.fit(images[:batch_size * model.steps_per_execution], batch_size=batch_size, verbose=0)  # builds the graph
    watch = TrainForSeconds(optimizers, rate, score)
    model.fit(images, epochs=10**6, batch_size=batch_size, verbose=0, callbacks=[watch])
    return [watch.steps, *watch.scores]


def cosine(highest, lowest, warm_up=0.0):
    """Return the course's schedule: share of the training → rate. It rises over `warm_up`, then falls as a cosine."""
    def rate(share):
        if share < warm_up:
            return highest * share / warm_up
        down = (share - warm_up) / (1 - warm_up)
        return highest * (lowest + (1 - lowest) * (1 + math.cos(math.pi * down)) / 2)
    return rate


def constant(rate):
    return lambda share: rate


def print_scores(title, unit, rows):
    """Print for each model its steps and its scores at each share of the seconds, averaged over the seeds."""
    columns = ["parameters", "batch", "steps"] + [f"{unit} at {share * SECONDS:.0f} s" for share in SHARES]
    table = {}
    for name, (parameters, batch_size, results) in rows.items():
        means = np.mean(results, axis=0)
        deviations = np.std(results, axis=0, ddof=1) if len(SEEDS) > 1 else None
        cells = [f"{value:.1f}" + (f" ± {deviations[place]:.1f}" if len(SEEDS) > 1 else "")
                 for place, value in enumerate(means) if place]
        table[name] = [f"{parameters:,}", f"{batch_size}", f"{means[0]:,.0f}", *cells]
    print_table(f"{title}; {SECONDS:.0f} processor seconds each, seeds {', '.join(map(str, SEEDS))}", columns, table)


# Fréchet distance -------------------------------------------------------------------------------------------

def gan_of_lesson_8(seed):
    return R1GAN(build_generator(LATENTS), build_tile_discriminator(), LATENTS, seed=seed)


def recipe_of_lesson_9(seed):
    return PenalisedGAN(build_generator(LATENTS), build_tile_discriminator(), LATENTS, penalty=r1, seed=seed)


def tutorial_gan(seed):
    return GAN(*build_tutorial_pair(), LATENTS, seed=seed)


def adam_of_course():
    return keras.optimizers.Adam(3e-3, beta_1=0.0, beta_2=0.99, use_ema=True, ema_momentum=0.995)


GANS = {  # name: builder, optimiser, rate, batch size, steps an execution
    "lesson 8": (gan_of_lesson_8, adam_of_course, cosine(3e-3, 0.01), 64, 25),
    "lesson 9: DCGAN with R1": (recipe_of_lesson_9, adam_of_course, cosine(3e-3, 0.01), 64, 10),
    "TensorFlow's DCGAN tutorial": (tutorial_gan, lambda: keras.optimizers.Adam(1e-4), constant(1e-4), 256, 1),
}


def frechet(gan):
    """Return the Fréchet distance of DRAWN samples of the averaged generator, if it is averaged.

    The statistics of batch normalisation follow from the samples themselves, for moving averages would be those of
    other weights, and after few steps far behind.
    """
    players = gan.generator, gan.discriminator
    kept = [player.get_weights() for player in players]
    take_averages(gan)
    latents = np.random.default_rng(1).normal(size=(DRAWN // 500, 500, LATENTS)).astype("float32")
    images = np.concatenate([gan.generator(batch, training=True).numpy() for batch in latents])
    for player, weights in zip(players, kept):
        player.set_weights(weights)
    return scores(images)["Fréchet"]


def test_course_s_gans_are_better_than_the_tutorial_s_layers_after_equal_seconds():
    images, rows = to_symmetric_range(flatten(load_mnist().train_images)), {}
    for name, (build, optimizer, rate, batch_size, steps_per_execution) in GANS.items():
        results = []
        for seed in SEEDS:
            keras.utils.set_random_seed(seed)
            gan = build(seed)
            optimizers = optimizer(), optimizer()
            gan.compile(*optimizers, steps_per_execution=steps_per_execution)
            results.append(train(gan, optimizers, rate, lambda gan=gan: frechet(gan), images, batch_size))
            print(f"{name}, seed {seed}: {results[-1][0]} steps, Fréchet distance {results[-1][1:]}")
        rows[name] = gan.count_params(), batch_size, results
    print_scores(f"Fréchet distance of {DRAWN:,} samples to the test set, less is better", "Fréchet", rows)
    last = {name: np.mean([result[-1] for result in results]) for name, (*_, results) in rows.items()}
    assert max(last["lesson 8"], last["lesson 9: DCGAN with R1"]) < last["TensorFlow's DCGAN tutorial"] / 3


# Log-likelihood ---------------------------------------------------------------------------------------------

def lesson_6():
    return build_encoder(), build_decoder()


def lesson_7(encoder, decoder):
    """Return lesson 7's networks, which see images with the average taken away and begin at the pixels' log-odds."""
    average = to_unit_range(flatten(load_mnist().train_images)).mean(axis=0)
    images = keras.Input((784,))
    begin_at_the_log_odds(decoder, average)
    return keras.Model(images, encoder(layers.Rescaling(1.0, offset=-average)(images))), decoder


def lesson_7_dense():
    return lesson_7(build_encoder(50, widths=(400, 200)), build_decoder(50, widths=(200, 300)))


def lesson_7_convolutional():
    return lesson_7(lesson("07").build_convolutional_encoder(), build_convolutional_decoder())


def tutorial(latent_dim, padding, width, channels):
    """Return networks of two strided convolutions each way, on images as rows of 784.

    Args:
        latent_dim: 2 in both sources.
        padding: of the encoder's convolutions.
        width: of a dense layer before the latents, or None.
        channels: of the decoder's 7 × 7 tiles.
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
    return encoder, keras.Model(latents, logits)


def tensorflow_s(latent_dim):  # tensorflow.org/tutorials/generative/cvae
    return lambda: tutorial(latent_dim, "valid", None, 32)


def keras_s(latent_dim):  # keras.io/examples/generative/vae
    return lambda: tutorial(latent_dim, "same", 16, 64)


def adam_of_vae():
    return keras.optimizers.Adam(5e-3, beta_2=0.99)


VAES = {  # name: builder, optimiser, rate, batch size, steps an execution
    "lesson 6, 2 latents": (lesson_6, adam_of_vae, cosine(8e-3, 0.0, 0.1), 200, 50),
    "TensorFlow's tutorial, 2 latents": (tensorflow_s(2), keras.optimizers.Adam, constant(1e-4), 32, 10),
    "keras.io's example, 2 latents": (keras_s(2), keras.optimizers.Adam, constant(1e-3), 128, 5),
    "lesson 7, 50 latents, dense": (lesson_7_dense, adam_of_vae, cosine(5e-3, 0.0, 0.1), 200, 25),
    "lesson 7, 50 latents, convolutional": (lesson_7_convolutional, adam_of_vae, cosine(5e-3, 0.0, 0.1), 200, 10),
    "TensorFlow's tutorial, 50 latents": (tensorflow_s(50), keras.optimizers.Adam, constant(1e-4), 32, 10),
    "keras.io's example, 50 latents": (keras_s(50), keras.optimizers.Adam, constant(1e-3), 128, 5),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_course_s_vaes_are_better_than_the_tutorials_layers_after_equal_seconds():
    images, few, rows = to_unit_range(flatten(load_mnist().train_images)), binarised_test_set()[:IMAGES], {}

    def bound(vae):
        return float(np.mean(importance_weighted_bound(importance_log_weights(vae.encoder, vae.decoder, few, SAMPLES))))

    for name, (build, optimizer, rate, batch_size, steps_per_execution) in VAES.items():
        results = []
        for seed in SEEDS:
            keras.utils.set_random_seed(seed)
            vae = VAE(*build(), seed=seed)
            vae.compile(optimizer(), steps_per_execution=steps_per_execution)
            vae.optimizer.build(vae.trainable_variables)
            results.append(train(vae, [vae.optimizer], rate, lambda vae=vae: bound(vae), images, batch_size))
            print(f"{name}, seed {seed}: {results[-1][0]} steps, bound {results[-1][1:]} nats")
        rows[name] = vae.count_params(), batch_size, results
    print_scores(f"Importance-weighted bound (K = {SAMPLES}) of the first {IMAGES} test images in nats, more is better",
                 "nats", rows)
    last = {name: np.mean([result[-1] for result in results]) for name, (*_, results) in rows.items()}
    for latents, course in (("2 latents", ["lesson 6, 2 latents"]), ("50 latents", list(VAES)[3:5])):
        others = [last[name] for name in VAES if name.endswith(latents) and name not in course]
        assert min(last[name] for name in course) > max(others)
