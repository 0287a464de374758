"""The figures that lessons 2, 3, 4, 6 and 8 claim, over several seeds, run by `make bench`: about thirty minutes."""

import statistics
import time

import keras
import numpy as np
import pytest

from tests.benchmarks.tables import SEEDS, print_seeds
from tests.benchmarks.training import adam_of_gans, adam_of_vaes, draw, scores, settle, timed_fit
from utils import scratch
from utils.data import binarised_test_set, flatten, load_mnist, to_unit_range
from utils.likelihood import log_marginal_by_quadrature
from utils.models import (
    CLASSIFIER_BATCH_SIZE,
    CLASSIFIER_EPOCHS,
    R1GAN,
    VAE,
    DecoderByIntegral,
    build_classifier,
    build_decoder,
    build_encoder,
    build_generator,
    build_tile_discriminator,
    classifier_optimizer,
)

EPOCHS, BATCH_SIZE = 14, 200  # as in lesson 6


@pytest.fixture(scope="module")
def train_images():
    return to_unit_range(flatten(load_mnist().train_images))


def figures_of_lesson_6(train_images, test_images, seed):
    """Train lesson 6's VAE; return its seconds, its bound, the exact likelihood, and the seconds of the integral."""
    keras.utils.set_random_seed(seed)
    vae = VAE(build_encoder(), build_decoder(), seed=seed)
    vae.compile(adam_of_vaes(EPOCHS * len(train_images) // BATCH_SIZE, rate=8e-3), steps_per_execution=50)
    seconds = timed_fit(vae, train_images, epochs=EPOCHS, batch_size=BATCH_SIZE)
    bound = vae.evaluate(test_images, batch_size=500, verbose=0, return_dict=True)["elbo"]
    evaluated = time.perf_counter()
    exact = float(np.mean(log_marginal_by_quadrature(vae.decoder, test_images)))
    integrated = time.perf_counter()
    finer = float(np.mean(log_marginal_by_quadrature(vae.decoder, test_images, points_per_side=401)))
    return {**seconds, "test ELBO": bound, "exact log p(x)": exact,
            "quadrature s": integrated - evaluated, "its error": abs(exact - finer)}


def figures_of_lesson_2(train_images, seed):
    """Train lesson 2's network in NumPy; return its seconds and its accuracy on the test images in percent."""
    mnist, random = load_mnist(), np.random.default_rng(seed)
    began = time.perf_counter()
    parameters = scratch.initialise((784, 512, 128, 10), random)
    scratch.train_network(parameters, train_images, mnist.train_labels, epochs=10, learning_rate=0.1, random=random)
    seconds = time.perf_counter() - began
    logits = scratch.forward(parameters, to_unit_range(flatten(mnist.test_images)))[-1]
    return {"training s": seconds, "accuracy %": 100 * np.mean(logits.argmax(axis=1) == mnist.test_labels)}


def figures_of_lesson_3(train_images, seed):
    """Train the judge's network; return its seconds (clock, cores) and its accuracy on the test images in percent."""
    mnist = load_mnist()
    keras.utils.set_random_seed(seed)
    classifier = build_classifier()
    classifier.compile(classifier_optimizer(CLASSIFIER_EPOCHS * -(-len(train_images) // CLASSIFIER_BATCH_SIZE)),
                       keras.losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=16)
    seconds = timed_fit(classifier, train_images.reshape(-1, 28, 28, 1), mnist.train_labels,
                        batch_size=CLASSIFIER_BATCH_SIZE, epochs=CLASSIFIER_EPOCHS)
    logits = classifier.predict(to_unit_range(mnist.test_images)[..., None], batch_size=500, verbose=0)
    return seconds | {"accuracy %": 100 * np.mean(logits.argmax(axis=1) == mnist.test_labels)}


@pytest.mark.parametrize(("figures", "least", "longest"), [(figures_of_lesson_2, 97.5, 60),
                                                           (figures_of_lesson_3, 99.2, 90)], ids=["2", "3"])
def test_lesson_reaches_its_accuracy_with_every_seed(train_images, figures, least, longest):
    rows = [figures(train_images, seed) for seed in SEEDS]
    print_seeds(f"{figures.__name__}: all 10,000 test images", rows)
    assert min(row["accuracy %"] for row in rows) >= least
    assert max(row["training s"] for row in rows) <= longest


INTEGRAL_EPOCHS, INTEGRAL_BATCH_SIZE = 12, 500  # as in lesson 4


def figures_of_lesson_4(train_images, test_images, seed):
    """Train lesson 4's decoder by the integral; return its seconds (clock, cores), log p(x), and how exact that is."""
    keras.utils.set_random_seed(seed)
    model = DecoderByIntegral(build_decoder(), seed=seed)
    steps = INTEGRAL_EPOCHS * len(train_images) // INTEGRAL_BATCH_SIZE
    model.compile(adam_of_vaes(steps, rate=8e-3), steps_per_execution=20)
    seconds = timed_fit(model, train_images, epochs=INTEGRAL_EPOCHS, batch_size=INTEGRAL_BATCH_SIZE)
    exact = log_marginal_by_quadrature(model.decoder, test_images, points_per_side=281)
    few = slice(0, 2000)
    finer = log_marginal_by_quadrature(model.decoder, test_images[few], points_per_side=561)
    wider = log_marginal_by_quadrature(model.decoder, test_images[few], points_per_side=393, extent=7.0)
    return {**seconds, "exact log p(x)": np.mean(exact),
            "finer changes": abs(np.mean(exact[few] - finer)), "wider changes": abs(np.mean(exact[few] - wider))}


def test_lesson_4_reaches_its_figures_on_average(train_images):
    test_images = binarised_test_set()
    rows = [figures_of_lesson_4(train_images, test_images, seed) for seed in SEEDS]
    print_seeds("Lesson 4: seconds, and nats per image of all 10,000 test images", rows)
    assert statistics.mean(row["exact log p(x)"] for row in rows) >= -128
    assert max(row["training s"] for row in rows) <= 180
    assert max(row["finer changes"] for row in rows) < 0.05
    assert max(row["wider changes"] for row in rows) < 0.05


def test_lesson_6_reaches_its_figures_on_average(train_images):
    test_images = binarised_test_set()
    rows = [figures_of_lesson_6(train_images, test_images, seed) for seed in SEEDS]
    print_seeds("Lesson 6: seconds, and nats per image of all 10,000 test images", rows)
    assert statistics.mean(row["test ELBO"] for row in rows) >= -141.5
    assert statistics.mean(row["exact log p(x)"] for row in rows) >= -136.5
    assert max(row["training s"] for row in rows) <= 120
    assert max(row["quadrature s"] for row in rows) <= 30
    assert max(row["its error"] for row in rows) <= 0.05


GAN_EPOCHS, GAN_BATCH_SIZE = 8, 64  # as in lesson 8


def figures_of_lesson_8(train_images, seed):
    """Train lesson 8's repaired GAN; return its seconds and the scores of 10,000 samples."""
    steps = GAN_EPOCHS * -(-len(train_images) // GAN_BATCH_SIZE)
    keras.utils.set_random_seed(seed)
    gan = R1GAN(build_generator(), build_tile_discriminator(), latent_dim=100, seed=seed)
    gan.compile(adam_of_gans(steps), adam_of_gans(steps), steps_per_execution=50)
    seconds = timed_fit(gan, 2 * train_images - 1, epochs=GAN_EPOCHS, batch_size=GAN_BATCH_SIZE)
    settle(gan)
    return seconds | scores(draw(gan, 10_000, 100))


def test_lesson_8_reaches_its_figures_on_average(train_images):
    rows = [figures_of_lesson_8(train_images, seed) for seed in SEEDS]
    print_seeds("Lesson 8: the repaired GAN, 10,000 samples against the test set", rows)
    assert statistics.mean(row["Fréchet"] for row in rows) <= 8
    assert min(row["digits drawn"] for row in rows) == 10
    assert max(row["training s"] for row in rows) <= 120
