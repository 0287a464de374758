"""The bench of lesson 10, GAN against VAE with three seeds, run by `make bench`: about ten minutes."""

import statistics

import keras
import numpy as np
from keras import ops

from tests.benchmarks.tables import SEEDS, print_seeds
from tests.benchmarks.training import adam_of_gans, adam_of_vaes, begin_at_the_log_odds, draw, settle, timed_fit
from utils.data import binarise, binarised_test_set, flatten, from_symmetric_range, load_mnist, to_unit_range
from utils.evaluation import class_histogram, frechet_distance, judge_features, neighbour_scores
from utils.lesson_10.study import class_entropy, memorisation
from utils.likelihood import importance_log_weights
from utils.losses import importance_weighted_bound
from utils.models import (
    R1GAN,
    VAE,
    build_convolutional_decoder,
    build_encoder,
    build_generator,
    build_tile_discriminator,
)

LATENTS, DRAWN = 20, 5_000  # all settings as in lesson 10
ORDER = np.random.default_rng(0).permutation(10_000)
VAE_EPOCHS, VAE_BATCH_SIZE = 5, 200
GAN_EPOCHS, GAN_BATCH_SIZE = 2, 64


def train_vae(train_images, seed):
    """Return lesson 10's VAE and the processor seconds that its training took."""
    keras.utils.set_random_seed(seed)
    vae = VAE(build_encoder(LATENTS, widths=(400, 200)), build_convolutional_decoder(LATENTS, filters=16), seed=seed)
    begin_at_the_log_odds(vae.decoder, train_images.mean(axis=0))
    steps = VAE_EPOCHS * len(train_images) // VAE_BATCH_SIZE
    vae.compile(adam_of_vaes(steps), steps_per_execution=50)
    return vae, timed_fit(vae, train_images, epochs=VAE_EPOCHS, batch_size=VAE_BATCH_SIZE)["CPU s"]


def train_gan(train_images, seed):
    """Return lesson 10's GAN, its averaged weights in place, and the processor seconds that its training took."""
    keras.utils.set_random_seed(seed)
    gan = R1GAN(build_generator(LATENTS), build_tile_discriminator(), LATENTS, seed=seed)
    steps = GAN_EPOCHS * -(-len(train_images) // GAN_BATCH_SIZE)
    gan.compile(adam_of_gans(steps), adam_of_gans(steps), steps_per_execution=50)
    seconds = timed_fit(gan, 2 * train_images - 1, epochs=GAN_EPOCHS, batch_size=GAN_BATCH_SIZE)["CPU s"]
    settle(gan)
    return gan, seconds


def scores_of(images, train_images):
    """Return every score of grey images (5000, 784) that the lesson shows."""
    test_images = to_unit_range(flatten(load_mnist().test_images))[ORDER]
    features, real = judge_features(images), judge_features(test_images[:DRAWN])
    binary, real_binary = judge_features(binarise(images, seed=0)), judge_features(binarised_test_set()[ORDER][:DRAWN])
    found = memorisation(images[:200], train_images, test_images[:200])
    return {"Fréchet": frechet_distance(real, features), **neighbour_scores(real, features)._asdict(),
            "0/1 Fréchet": frechet_distance(real_binary, binary),
            "0/1 precision": neighbour_scores(real_binary, binary).precision,
            "entropy, nats": class_entropy(class_histogram(images)), "nearest/test": found.ratio}


def test_lesson_10_measures_what_its_advice_rests_on():
    train_images = to_unit_range(flatten(load_mnist().train_images[:45_000]))
    few, rows = binarised_test_set()[ORDER][:300], {"GAN": [], "VAE": []}
    for seed in SEEDS:
        gan, seconds = train_gan(train_images, seed)
        scores = scores_of(from_symmetric_range(draw(gan.generator, DRAWN, LATENTS, seed)), train_images)
        rows["GAN"].append({"CPU s": seconds, **scores})
        vae, seconds = train_vae(train_images, seed)
        weights = importance_log_weights(vae.encoder, vae.decoder, few, samples=100)
        scores = scores_of(np.asarray(ops.sigmoid(draw(vae.decoder, DRAWN, LATENTS, seed))), train_images)
        rows["VAE"].append({"CPU s": seconds, **scores, "L100": float(np.mean(importance_weighted_bound(weights)))})
    for model, of_model in rows.items():
        print_seeds(f"Lesson 10: the {model}, 5,000 images drawn against 5,000 test images", of_model)
    gans, vaes = rows["GAN"], rows["VAE"]
    ratio = statistics.mean(row["CPU s"] for row in gans) / statistics.mean(row["CPU s"] for row in vaes)
    print(f"processor seconds of the GAN over those of the VAE: {ratio:.2f}")
    assert 0.8 <= ratio <= 1.25
    assert max(row["Fréchet"] for row in gans) <= min(row["Fréchet"] for row in vaes) - 5
    assert max(row["0/1 Fréchet"] for row in gans) <= min(row["0/1 Fréchet"] for row in vaes) - 5
    assert min(row["coverage"] for row in gans) >= max(row["coverage"] for row in vaes)
    for name in ("precision", "0/1 precision"):
        assert statistics.mean(row[name] for row in vaes) >= statistics.mean(row[name] for row in gans) + 0.01
    assert min(row["L100"] for row in vaes) >= -97
    assert min(row["nearest/test"] for row in gans + vaes) >= 0.9
