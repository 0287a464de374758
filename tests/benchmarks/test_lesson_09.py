"""The figures that lesson 9 claims, over three seeds, run by `make bench`: about forty minutes."""

import statistics
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.benchmarks.tables import SEEDS, print_seeds, print_table
from tests.benchmarks.training import adam_of_gans, draw, scores, settle, take_averages, timed_fit
from tests.cells import lesson
from utils.data import flatten, from_symmetric_range, load_mnist, to_symmetric_range
from utils.evaluation import judge_labels
from utils.losses import critic_loss, gradient_penalty, r1_penalty, wasserstein_generator_loss
from utils.models import GAN, build_generator, build_tile_discriminator, condition_on_label

EPOCHS, BATCH_SIZE, LATENT_DIM = 8, 64, 100
CONDITIONAL_EPOCHS, CONDITIONAL_LATENT_DIM = 4, 64
PenalisedGAN = lesson("09").PenalisedGAN
RECIPE_CPU_SECONDS = 20  # of two cores: about 12 s by the clock


@pytest.fixture(scope="module")
def train_images():
    return to_symmetric_range(flatten(load_mnist().train_images))


def r1(discriminator, images, fakes, random):
    """Return R1 with γ = 2, on a quarter of the batch."""
    return r1_penalty(discriminator, images[:BATCH_SIZE // 4])


def slope_of_one(critic, images, fakes, random):
    """Return the gradient penalty with weight 10, on a quarter of the batch."""
    few = slice(0, BATCH_SIZE // 4)
    return 10 * gradient_penalty(critic, images[few], fakes[few], random)


def figures_of_best_recipe(train_images, seed, epochs=EPOCHS):
    """Train DCGAN + R1 + averaged weights; return its seconds and the scores of all fakes and of the chosen half."""
    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(train_images) // BATCH_SIZE)
    gan = PenalisedGAN(build_generator(LATENT_DIM), build_tile_discriminator(), LATENT_DIM, penalty=r1, seed=seed)
    gan.compile(adam_of_gans(steps), adam_of_gans(steps), steps_per_execution=50)
    seconds = timed_fit(gan, train_images, epochs=epochs, batch_size=BATCH_SIZE)
    settle(gan)
    latents = np.random.default_rng(1).normal(size=(20_000, LATENT_DIM)).astype("float32")
    plain = scores(gan.generator.predict(latents[:10_000], batch_size=1000, verbose=0))
    chosen = scores(lesson("09").convincing_half(gan.generator, gan.discriminator, latents))
    return seconds | {f"all: {name}": value for name, value in plain.items()} | chosen


def figures_of_conditional_gan(train_images, seed, epochs=CONDITIONAL_EPOCHS):
    """Train the conditional GAN; return its seconds, its scores and how often the judge reads the digit asked for."""
    labels = load_mnist().train_labels.astype("int32")
    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(train_images) // BATCH_SIZE)
    gan = lesson("09").ConditionalGAN(build_generator(CONDITIONAL_LATENT_DIM + 10), build_tile_discriminator(logits=10),
                                      CONDITIONAL_LATENT_DIM, penalty=r1, seed=seed)
    gan.compile(adam_of_gans(steps), adam_of_gans(steps), steps_per_execution=50)
    seconds = timed_fit(gan, train_images, labels, epochs=epochs, batch_size=BATCH_SIZE)
    take_averages(gan)
    for start in range(0, 30_000, 500):
        gan.generator(condition_on_label(gan.latents(500), tf.constant(labels[start:start + 500])), training=True)
    asked = np.repeat(np.arange(10), 2000)
    latents = np.random.default_rng(1).normal(size=(20_000, CONDITIONAL_LATENT_DIM)).astype("float32")
    images = gan.generator.predict(condition_on_label(tf.constant(latents), tf.constant(asked)), batch_size=1000,
                                   verbose=0)
    agrees = judge_labels(from_symmetric_range(images)) == asked
    logits = gan.discriminator.predict(images, batch_size=1000, verbose=0)[np.arange(20_000), asked]
    kept = np.concatenate([2000 * digit + np.argsort(logits[asked == digit])[1000:] for digit in range(10)])
    return {**seconds, "all: agreement %": 100 * agrees.mean(), **scores(images[kept]),
            "agreement %": 100 * agrees[kept].mean(),
            "worst digit %": 100 * agrees[kept].reshape(10, -1).mean(axis=1).min()}


def build_classic_pair():
    """Return lesson 8's two dense networks that collapse."""
    generator = keras.Sequential([keras.Input((LATENT_DIM,)), layers.Dense(256, "relu"), layers.Dense(256, "relu"),
                                  layers.Dense(784, "tanh")])
    discriminator = keras.Sequential([keras.Input((784,)), layers.Dense(256, "relu"), layers.Dense(256, "relu"),
                                      layers.Dense(1)])
    return generator, discriminator


def build_tutorial_pair():
    """Return players with the layer sizes of TensorFlow's DCGAN tutorial, on images as rows of 784."""
    upwards = []
    for filters, strides in ((128, 1), (64, 2)):
        upwards += [layers.Conv2DTranspose(filters, 5, strides=strides, padding="same", use_bias=False),
                    layers.BatchNormalization(), layers.LeakyReLU()]
    generator = keras.Sequential([
        keras.Input((LATENT_DIM,)), layers.Dense(7 * 7 * 256, use_bias=False), layers.BatchNormalization(),
        layers.LeakyReLU(), layers.Reshape((7, 7, 256)), *upwards,
        layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        layers.Reshape((784,))])
    discriminator = keras.Sequential([
        keras.Input((784,)), layers.Reshape((28, 28, 1)), layers.Conv2D(64, 5, strides=2, padding="same"),
        layers.LeakyReLU(), layers.Dropout(0.3), layers.Conv2D(128, 5, strides=2, padding="same"), layers.LeakyReLU(),
        layers.Dropout(0.3), layers.Flatten(), layers.Dense(1)])
    return generator, discriminator


def figures_of_tutorial(train_images, seed, computing):
    """Train the tutorial's layer sizes until they have used as many CPU seconds; return the scores."""
    keras.utils.set_random_seed(seed)
    gan = GAN(*build_tutorial_pair(), LATENT_DIM, seed=seed)
    gan.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4))
    random, steps = np.random.default_rng(seed), 0
    gan.fit(train_images[:256], batch_size=256, epochs=1, verbose=0)  # makes the graph
    began, began_computing = time.perf_counter(), time.process_time()
    while time.process_time() - began_computing < computing:
        gan.fit(train_images[random.choice(len(train_images), 512)], batch_size=256, epochs=1, verbose=0)
        steps += 2
    seconds = time.perf_counter() - began, time.process_time() - began_computing
    latents = np.random.default_rng(1).normal(size=(20, 500, LATENT_DIM)).astype("float32")
    # After so few steps the moving averages are far behind: each batch is normalised by its own statistics.
    images = np.concatenate([gan.generator(batch, training=True).numpy() for batch in latents])
    return {"training s": seconds[0], "CPU s": seconds[1], "steps": steps, **scores(images)}


WASSERSTEIN = {"losses": (critic_loss, wasserstein_generator_loss)}
RECIPES = {  # name: players' kind, options of PenalisedGAN, Adam's rate, averaged weights
    "dense": ("dense", {}, 1e-3, None),
    "dense, R1": ("dense", {"penalty": r1}, 1e-3, None),
    "DCGAN": (None, {}, 3e-3, None),
    "batch norm": ("batch", {}, 3e-3, None),
    "spectral norm": ("spectral", {}, 3e-3, None),
    "Wasserstein, penalty": (None, WASSERSTEIN | {"penalty": slope_of_one}, 3e-3, None),
    "R1": (None, {"penalty": r1}, 3e-3, None),
    "R1, average": (None, {"penalty": r1}, 3e-3, 0.995),
}


def build_recipe(name, steps, seed):
    """Return the compiled GAN of a recipe."""
    kind, options, rate, average = RECIPES[name]
    keras.utils.set_random_seed(seed)
    players = build_classic_pair() if kind == "dense" else (build_generator(LATENT_DIM),
                                                            build_tile_discriminator(normalise=kind))
    gan = PenalisedGAN(*players, LATENT_DIM, seed=seed, **options)
    gan.compile(adam_of_gans(steps, rate, average), adam_of_gans(steps, rate, average), steps_per_execution=25)
    return gan


def figures_of_recipe(train_images, name, seed, computing=RECIPE_CPU_SECONDS):
    """Train a recipe for as many steps as fit into the CPU seconds; return the steps and the scores."""
    gan = build_recipe(name, 10**6, seed)
    gan.fit(train_images[:3200], batch_size=BATCH_SIZE, verbose=0)  # makes the graph
    used = timed_fit(gan, train_images[:12_800], batch_size=BATCH_SIZE)["CPU s"]  # of 200 steps
    steps = round(computing / used * 8) * 25
    gan = build_recipe(name, steps, seed)
    order = np.concatenate([np.random.default_rng(seed + epoch).permutation(len(train_images))
                            for epoch in range(-(-steps * BATCH_SIZE // len(train_images)))])[:steps * BATCH_SIZE]
    seconds = timed_fit(gan, train_images[order], batch_size=BATCH_SIZE)
    settle(gan)
    return seconds | {"steps": steps} | scores(draw(gan.generator, 10_000, LATENT_DIM))


def mean(rows, name):
    return statistics.mean(row[name] for row in rows)


def test_best_recipe_reaches_its_figures_on_average_and_leaves_the_tutorial_s_layers_far_behind(train_images):
    rows = [figures_of_best_recipe(train_images, seed) for seed in SEEDS]
    print_seeds("Lesson 9: the best recipe; 'all': 10,000 samples as they come; else the better half of 20,000", rows)
    tutorial = [figures_of_tutorial(train_images, seed, row["CPU s"]) for seed, row in zip(SEEDS, rows, strict=True)]
    print_seeds("Layer sizes of TensorFlow's DCGAN tutorial, trained for the same CPU seconds", tutorial)
    assert mean(rows, "Fréchet") <= 6
    assert mean(rows, "precision") >= 0.75
    assert mean(rows, "recall") >= 0.75
    assert min(row["digits drawn"] for row in rows) == 10
    assert max(row["CPU s"] for row in rows) <= 150
    assert mean(tutorial, "Fréchet") >= 10 * mean(rows, "Fréchet")


def test_conditional_gan_draws_the_digit_asked_for(train_images):
    rows = [figures_of_conditional_gan(train_images, seed) for seed in SEEDS]
    print_seeds("Lesson 9: the conditional GAN; 'all': 2,000 of each digit; else the better half of them", rows)
    assert min(row["all: agreement %"] for row in rows) >= 95
    assert min(row["agreement %"] for row in rows) >= 97
    assert max(row["CPU s"] for row in rows) <= 120


def test_recipes_of_equal_cost(train_images):
    means = {}
    for name in RECIPES:
        rows = [figures_of_recipe(train_images, name, seed) for seed in SEEDS]
        print_seeds(f"Lesson 9: {name}", rows)
        means[name] = {column: mean(rows, column) for column in rows[0]}
    print_table(f"Means over the seeds, {RECIPE_CPU_SECONDS} CPU seconds each", list(rows[0]),
                {name: list(row.values()) for name, row in means.items()})
    frechet = {name: row["Fréchet"] for name, row in means.items()}
    assert max(frechet[name] for name in ("R1", "R1, average")) < frechet["DCGAN"] < frechet["dense"]
