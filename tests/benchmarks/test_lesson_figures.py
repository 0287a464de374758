"""The figures that lessons 2, 3, 4, 6 and 8 claim, over several seeds, by `course.py bench`: about forty minutes."""

import time
from statistics import mean

import keras
import numpy as np
import pytest

from tests.benchmarks.tables import over_seeds, print_table
from tests.benchmarks.training import (
    draw,
    grey_images,
    published_networks,
    scores,
    timed_fit,
    train_gan,
    train_vae,
)
from utils import models, scratch
from utils.data import binarise, binarised_test_set, flatten, load_mnist, split_validation, to_unit_range
from utils.likelihood import log_marginal_by_quadrature

EPOCHS_OF_4, EPOCHS_OF_6, EPOCHS_OF_8 = 12, 15, 8  # as in these lessons
RATE_OF_4, PUBLISHED_RATE_OF_4 = 32e-3, 64e-3
PUBLISHED_VAE = -135.7  # nats, ± 0.8 over ten runs, by importance sampling: Davidson et al. (2018)


def accuracy(logits):
    return {"accuracy %": 100 * np.mean(logits.argmax(axis=1) == load_mnist().test_labels)}


def figures_of_lesson_2(seed):
    """Train lesson 2's network in NumPy; return its seconds and its accuracy on the test images in percent."""
    mnist, images, random = load_mnist(), grey_images(), np.random.default_rng(seed)
    began = time.perf_counter()
    parameters = scratch.initialise((784, 512, 128, 10), random)
    scratch.train_network(parameters, images, mnist.train_labels, epochs=10, learning_rate=0.1, random=random)
    seconds = {"training s": time.perf_counter() - began}
    return seconds | accuracy(scratch.forward(parameters, to_unit_range(flatten(mnist.test_images)))[-1])


def figures_of_lesson_3(seed):
    """Train the judge's network; return its seconds (clock, cores) and its accuracy on the test images in percent."""
    mnist, images = load_mnist(), grey_images().reshape(-1, 28, 28, 1)
    keras.utils.set_random_seed(seed)
    classifier, epochs, batch_size = models.build_classifier(), models.CLASSIFIER_EPOCHS, models.CLASSIFIER_BATCH_SIZE
    classifier.compile(models.classifier_optimizer(epochs * -(-len(images) // batch_size)),
                       keras.losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=16)
    seconds = timed_fit(classifier, images, mnist.train_labels, batch_size=batch_size, epochs=epochs)
    tested = to_unit_range(mnist.test_images)[..., None]
    return seconds | accuracy(classifier.predict(tested, batch_size=500, verbose=0))


@pytest.mark.parametrize(("figures", "least", "longest"), [(figures_of_lesson_2, 97.5, 60),
                                                           (figures_of_lesson_3, 99.2, 90)], ids=["2", "3"])
def test_lesson_reaches_its_accuracy_with_every_seed(figures, least, longest):
    columns = over_seeds(f"{figures.__name__}: all 10,000 test images", figures)
    assert min(columns["accuracy %"]) >= least
    assert max(columns["training s"]) <= longest


def binarised_validation_set():
    """Return the 5,000 validation images of zeros and ones, as the lessons draw them."""
    return binarise(split_validation(to_unit_range(flatten(load_mnist().train_images)))[1], seed=0)


def train_by_the_integral(build, rate, seed):
    """Train a decoder as lesson 4 does; return its model and its seconds (clock, cores)."""
    return train_vae(lambda: models.DecoderByIntegral(build(), seed=seed), seed, grey_images(), EPOCHS_OF_4,
                     batch_size=500, rate=rate, steps_per_execution=22)


def figures_of_lesson_4(seed):
    """Train lesson 4's decoder by the integral; return its seconds (clock, cores), log p(x), and how exact that is."""
    model, seconds = train_by_the_integral(models.build_decoder, RATE_OF_4, seed)
    images = binarised_test_set()
    exact = log_marginal_by_quadrature(model.decoder, images, points_per_side=281)
    finer = log_marginal_by_quadrature(model.decoder, images[:2000], points_per_side=561)
    wider = log_marginal_by_quadrature(model.decoder, images[:2000], points_per_side=393, extent=7.0)
    return {**seconds, "exact log p(x)": np.mean(exact), "finer changes": abs(np.mean(exact[:2000] - finer)),
            "wider changes": abs(np.mean(exact[:2000] - wider))}


def test_lesson_4_reaches_its_figures_on_average():
    figures = over_seeds("Lesson 4: seconds, and nats per image of all 10,000 test images", figures_of_lesson_4)
    assert mean(figures["exact log p(x)"]) >= -126
    assert max(figures["training s"]) <= 180
    assert max(figures["finer changes"] + figures["wider changes"]) < 0.05


def figures_of_decoder(build, rate, seed):
    """Train a decoder by the integral; return seconds and log p(x), on what chooses and on what has the last word."""
    model, seconds = train_by_the_integral(build, rate, seed)
    return seconds | {name: np.mean(log_marginal_by_quadrature(model.decoder, images, points_per_side=251, extent=4.0))
                      for name, images in (("validation", binarised_validation_set()), ("test", binarised_test_set()))}


def published_decoder():
    return published_networks()[1]


@pytest.mark.parametrize(("build", "rate"), [(models.build_decoder, RATE_OF_4),
                                             (published_decoder, PUBLISHED_RATE_OF_4)], ids=["ours", "published"])
def test_rates_of_lesson_4_are_better_than_half_and_twice_on_the_validation_images(build, rate):
    rates = {each: figures_of_decoder(build, each, seed=0) for each in (rate / 2, rate, 2 * rate)}
    print_table("By the integral, by learning rate, seed 0: log p(x)", list(rates[rate]),
                {f"rate {each}": figures.values() for each, figures in rates.items()})
    assert max(rates, key=lambda each: rates[each]["validation"]) == rate


def test_published_decoder_trained_by_the_integral_is_far_above_the_published_vae():
    over_seeds("Lesson 4's decoder: log p(x)", figures_of_decoder, models.build_decoder, RATE_OF_4)
    theirs = over_seeds("The published decoder: log p(x)", figures_of_decoder, published_decoder, PUBLISHED_RATE_OF_4)
    assert min(theirs["test"]) >= PUBLISHED_VAE + 5


def figures_of_lesson_6(seed):
    """Train lesson 6's VAE; return its seconds, its bound, the exact likelihood, and the seconds of the integral."""
    vae, seconds = train_vae(lambda: models.VAE(models.build_encoder(), models.build_decoder(), seed=seed), seed,
                             grey_images(), EPOCHS_OF_6, rate=8e-3, steps_per_execution=55)
    images = binarised_test_set()
    bound = vae.evaluate(images, batch_size=500, verbose=0, return_dict=True)["elbo"]
    began = time.perf_counter()
    exact = float(np.mean(log_marginal_by_quadrature(vae.decoder, images)))
    seconds["quadrature s"] = time.perf_counter() - began
    finer = float(np.mean(log_marginal_by_quadrature(vae.decoder, images, points_per_side=401)))
    return {**seconds, "test ELBO": bound, "exact log p(x)": exact, "its error": abs(exact - finer)}


def test_lesson_6_reaches_its_figures_on_average():
    figures = over_seeds("Lesson 6: seconds, and nats per image of all 10,000 test images", figures_of_lesson_6)
    assert mean(figures["test ELBO"]) >= -141.5
    assert mean(figures["exact log p(x)"]) >= -136.5
    assert max(figures["training s"]) <= 120
    assert max(figures["quadrature s"]) <= 30
    assert max(figures["its error"]) <= 0.05


def figures_of_vaes(networks, seed):
    """Train a VAE of such networks as lesson 6 does; return its seconds, its bound and log p(x) of both sets."""
    vae, seconds = train_vae(lambda: models.VAE(*networks(), seed=seed), seed, grey_images(), EPOCHS_OF_6, rate=8e-3,
                             steps_per_execution=55)
    images = binarised_test_set()
    bound = vae.evaluate(images, batch_size=500, verbose=0, return_dict=True)["elbo"]
    return {**seconds, "test ELBO": bound, "exact log p(x)": np.mean(log_marginal_by_quadrature(vae.decoder, images)),
            "validation": np.mean(log_marginal_by_quadrature(vae.decoder, binarised_validation_set()))}


def test_lesson_6_is_above_the_published_networks_trained_in_the_same_way():
    ours = over_seeds("Lesson 6's networks", figures_of_vaes,
                      lambda: (models.build_encoder(), models.build_decoder()))["validation"]
    theirs = over_seeds("The published networks", figures_of_vaes, published_networks)["validation"]
    assert mean(ours) - mean(theirs) >= 0.5


def figures_of_lesson_8(seed):
    """Train lesson 8's repaired GAN; return its seconds and the scores of 10,000 samples."""
    gan, seconds = train_gan(models.R1GAN, 100, seed, grey_images()[:55_000], EPOCHS_OF_8)
    return seconds | scores(draw(gan.generator, 10_000, 100))


def test_lesson_8_reaches_its_figures_on_average():
    figures = over_seeds("Lesson 8: the repaired GAN, 10,000 samples against the test set", figures_of_lesson_8)
    assert mean(figures["Fréchet"]) <= 8
    assert min(figures["digits drawn"]) == 10
    assert max(figures["training s"]) <= 120
