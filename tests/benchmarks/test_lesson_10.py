"""The bench of lesson 10, GAN against VAE with three seeds, run by `course.py bench`: about ten minutes."""

from statistics import mean

import numpy as np
from keras import ops

from tests.benchmarks.tables import over_seeds
from tests.benchmarks.training import begin_at_the_log_odds, draw, grey_images, train_gan, train_vae
from utils import models
from utils.data import binarise, binarised_test_set, flatten, from_symmetric_range, load_mnist, to_unit_range
from utils.evaluation import class_histogram, frechet_distance, judge_features, neighbour_scores
from utils.lesson_10.study import class_entropy, memorisation
from utils.likelihood import importance_log_weights
from utils.losses import importance_weighted_bound

LATENTS, DRAWN, IMAGES = 20, 5_000, 55_000  # all settings as in lesson 10; the other images choose
ORDER = np.random.default_rng(0).permutation(10_000)
VAE_EPOCHS, GAN_EPOCHS = 5, 2


def build_vae(seed):
    decoder = models.build_convolutional_decoder(LATENTS, filters=16)
    begin_at_the_log_odds(decoder, grey_images()[:IMAGES])
    return models.VAE(models.build_encoder(LATENTS, widths=(400, 200)), decoder, seed=seed)


def figures_of_vae(seed):
    vae, seconds = train_vae(lambda: build_vae(seed), seed, grey_images()[:IMAGES], VAE_EPOCHS)
    weights = importance_log_weights(vae.encoder, vae.decoder, binarised_test_set()[ORDER][:300], samples=100)
    return {"CPU s": seconds["CPU s"], **scores_of(np.asarray(ops.sigmoid(draw(vae.decoder, DRAWN, LATENTS, seed)))),
            "L100": float(np.mean(importance_weighted_bound(weights)))}


def figures_of_gan(seed):
    gan, seconds = train_gan(models.R1GAN, LATENTS, seed, grey_images()[:IMAGES], GAN_EPOCHS)
    return {"CPU s": seconds["CPU s"], **scores_of(from_symmetric_range(draw(gan.generator, DRAWN, LATENTS, seed)))}


def scores_of(images):
    """Return every score of grey images (5000, 784) that the lesson shows."""
    test_images = to_unit_range(flatten(load_mnist().test_images))[ORDER]
    features, real = judge_features(images), judge_features(test_images[:DRAWN])
    binary, real_binary = judge_features(binarise(images, seed=0)), judge_features(binarised_test_set()[ORDER][:DRAWN])
    found = memorisation(images[:200], grey_images()[:IMAGES], test_images[:200])
    return {"Fréchet": frechet_distance(real, features), **neighbour_scores(real, features)._asdict(),
            "0/1 Fréchet": frechet_distance(real_binary, binary),
            "0/1 precision": neighbour_scores(real_binary, binary).precision,
            "entropy, nats": class_entropy(class_histogram(images)), "nearest/test": found.ratio}


def test_lesson_10_measures_what_its_advice_rests_on():
    gan, vae = (over_seeds(f"Lesson 10: the {name}, 5,000 images drawn against 5,000 test images", figures)
                for name, figures in (("GAN", figures_of_gan), ("VAE", figures_of_vae)))
    ratio = mean(gan["CPU s"]) / mean(vae["CPU s"])
    print(f"processor seconds of the GAN over those of the VAE: {ratio:.2f}")
    assert 0.8 <= ratio <= 1.25
    for name in "Fréchet", "0/1 Fréchet":
        assert max(gan[name]) <= min(vae[name]) - 5
    assert min(gan["coverage"]) >= max(vae["coverage"])
    for name in "precision", "0/1 precision":
        assert mean(vae[name]) >= mean(gan[name]) + 0.01
    assert min(vae["L100"]) >= -97
    assert min(gan["nearest/test"] + vae["nearest/test"]) >= 0.9
