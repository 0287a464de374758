"""The figures that lesson 11 claims for held-out digits and for short codes, over three seeds: about three minutes."""

import bz2
import lzma
from statistics import mean

import numpy as np

from tests.benchmarks.tables import over_seeds
from tests.benchmarks.training import grey_images, train_vae
from utils.data import binarised_test_set, load_mnist
from utils.evaluation import nearest_neighbours
from utils.lesson_11.study import anomaly_score, bits_per_image, roc_auc, score_images, shared_bits
from utils.models import VAE, build_decoder, build_encoder

IMAGES, EPOCHS, BATCH_SIZE = 20_000, 2, 100  # of each training without a digit, as in lesson 11
TESTED = binarised_test_set()[:2_000]


def figures_of(score_without):
    """Return figures of the area under the ROC curve of each digit, given a function: digit → how strange images are.

    Such a score knows training images of all the other digits.
    """
    labels = load_mnist().test_labels[:len(TESTED)]
    areas = np.array([roc_auc(score_without(digit), labels == digit) for digit in range(10)])
    return {"mean": areas.mean(), "deviation over digits": areas.std(ddof=1), "digit 1": areas[1], "best": areas.max()}


def figures_of_vaes(seed):
    def score_without(digit):
        others = grey_images()[np.flatnonzero(load_mnist().train_labels != digit)[:IMAGES]]
        vae, _ = train_vae(lambda: VAE(build_encoder(20, widths=(128,)), build_decoder(20, widths=(128,)), seed=seed),
                           seed, others, EPOCHS, BATCH_SIZE)
        return score_images(anomaly_score, vae.encoder, vae.decoder, TESTED, seed=seed)

    return figures_of(score_without)


def figures_of_nearest_neighbours():
    images, labels = grey_images()[:IMAGES], load_mnist().train_labels[:IMAGES]
    distances = np.stack([nearest_neighbours(TESTED, images[labels == digit]).distances[:, 0] for digit in range(10)])
    return figures_of(lambda digit: np.delete(distances, digit, axis=0).min(axis=0))


def test_held_out_digits_are_found_but_for_the_1_and_less_well_than_by_nearest_neighbours():
    figures = over_seeds("Lesson 11: area under the ROC curve, digits held out", figures_of_vaes)
    plain = figures_of_nearest_neighbours()
    print("nearest neighbours: " + ", ".join(f"{name} {value:.3f}" for name, value in plain.items()))
    assert 0.6 <= mean(figures["mean"]) <= plain["mean"]
    assert max(figures["digit 1"]) <= 0.2


def test_bits_of_an_elbo_of_100_nats_are_less_than_three_quarters_of_what_general_compressors_need():
    best = min(shared_bits(TESTED, compress) for compress in (lzma.compress, bz2.compress))
    print(f"best general compressor: {best:.0f} bits an image")
    assert bits_per_image(-100.0) <= 0.75 * best
