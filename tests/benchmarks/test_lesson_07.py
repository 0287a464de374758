"""The figures that lesson 7 claims, with longer trainings than the lesson's own, over three seeds: about 25 minutes."""

import time
from statistics import mean

import pytest

from tests.benchmarks.tables import over_seeds
from tests.benchmarks.training import grey_images, networks_of_lesson_7, train_vae
from utils.data import binarised_test_set
from utils.likelihood import importance_estimate, importance_log_weights
from utils.models import VAE

EPOCHS = {"dense": 24, "convolutional": 12}  # the lesson trains for 13 and for 6


def bound(vae, images, samples):
    """Return the importance-weighted bound averaged over images in nats."""
    weights = importance_log_weights(vae.encoder, vae.decoder, images, samples=samples)
    return float(importance_estimate(weights).log_marginal.mean())


def figures_of(kind, seed):
    """Train the networks of one kind; return their seconds and bounds."""
    vae, row = train_vae(lambda: VAE(*networks_of_lesson_7(kind == "convolutional"), seed=seed), seed, grey_images(),
                         EPOCHS[kind])
    images = binarised_test_set()
    row["test ELBO"] = vae.evaluate(images, batch_size=500, verbose=0, return_dict=True)["elbo"]
    row["L500 of 1,000"] = bound(vae, images[:1000], 500)
    if kind == "dense":
        began = time.perf_counter()
        row["L5000 of 1,000"] = bound(vae, images[:1000], 5000)
        row["its s"] = time.perf_counter() - began
        row["L500 of all"] = bound(vae, images, 500)
    return row


@pytest.fixture(scope="module")
def figures():
    return {kind: over_seeds(f"Lesson 7, {kind}: seconds, and nats per image", figures_of, kind) for kind in EPOCHS}


def test_dense_vae_reaches_its_bound_on_the_first_thousand_images_and_on_all(figures):
    dense = figures["dense"]
    assert max(dense["training s"]) <= 180
    assert min(dense["L5000 of 1,000"]) >= -88.0
    assert min(dense["L500 of all"]) >= -89.4  # L5000 lies above it
    assert max(dense["its s"]) <= 60


def test_convolutional_vae_is_better_than_the_dense_one(figures):
    assert mean(figures["convolutional"]["L500 of 1,000"]) >= mean(figures["dense"]["L500 of 1,000"]) + 0.5
    assert max(figures["convolutional"]["training s"]) <= 180
