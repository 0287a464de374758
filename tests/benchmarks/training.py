"""How the lessons train their models, for the tables of `bench`: images, networks, a timed training, scores."""

import functools

import keras
import numpy as np
from keras import layers, ops

from tests.benchmarks.tables import seconds_of
from tests.cells import lesson
from utils import models
from utils.data import flatten, from_symmetric_range, load_mnist, split_validation, to_unit_range
from utils.evaluation import classes_covered, report


@functools.cache
def grey_images():
    """Return the training images in [0, 1], (55000, 784)."""
    return split_validation(to_unit_range(flatten(load_mnist().train_images)))[0]


def timed_fit(model, *data, **options):
    """Fit a model quietly; return its seconds by the clock and those of all cores."""
    return dict(zip(("training s", "CPU s"), seconds_of(lambda: model.fit(*data, verbose=0, **options))))


def train_vae(build, seed, images, epochs, batch_size=200, rate=5e-3, steps_per_execution=50):
    """Build a VAE and train it with a rate that rises and then falls along a cosine; return it and its seconds."""
    keras.utils.set_random_seed(seed)
    vae = build()
    optimizer = lesson("07").adam(rate, epochs * len(images) // batch_size)
    vae.compile(optimizer, steps_per_execution=steps_per_execution)
    return vae, timed_fit(vae, images, epochs=epochs, batch_size=batch_size)


def begin_at_the_log_odds(decoder, images):
    decoder.get_layer("logits").bias.assign(lesson("11").log_odds(images))


def published_networks():
    """Return the networks of the published VAE with two latents, encoder and decoder: two layers of ReLUs in each.

    Source: Davidson, Falorsi, De Cao, Kipf and Tomczak (2018), and their example for MNIST.
    """
    def stack(hidden, widths):
        for width in widths:
            hidden = layers.Dense(width, activation="relu")(hidden)
        return hidden
    images, latents = keras.Input((784,)), keras.Input((2,))
    hidden = stack(images, (256, 128))
    return (keras.Model(images, [layers.Dense(2)(hidden), layers.Dense(2)(hidden)]),
            keras.Model(latents, layers.Dense(784)(stack(latents, (128, 256)))))


def networks_of_lesson_7(convolutional):
    """Return lesson 7's networks, which see images less their average and begin at the log-odds of the pixels."""
    if convolutional:
        encoder, decoder = lesson("07").build_convolutional_encoder(), models.build_convolutional_decoder()
    else:
        encoder, decoder = models.build_encoder(50, widths=(400, 200)), models.build_decoder(50, widths=(200, 300))
    begin_at_the_log_odds(decoder, grey_images())
    images = keras.Input((784,))
    return keras.Model(images, encoder(layers.Rescaling(1.0, offset=-grey_images().mean(axis=0))(images))), decoder


def adam_of_gans(steps, rate=3e-3, average=0.995):
    """Return Adam without momentum; its rate falls along a cosine; with `average`, it averages the weights too."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.01)
    averaging = {"use_ema": True, "ema_momentum": average} if average else {}
    return keras.optimizers.Adam(schedule, beta_1=0.0, beta_2=0.99, **averaging)


def train_gan(kind, latent_dim, seed, images, epochs, *labels, **options):
    """Build a GAN of tiles and train it on images in [0, 1]; return it, averaged, and its seconds."""
    keras.utils.set_random_seed(seed)
    discriminator = models.build_tile_discriminator(logits=10 if labels else 1)
    gan = kind(models.build_generator(latent_dim + 10 * len(labels)), discriminator, latent_dim, seed=seed, **options)
    steps = epochs * -(-len(images) // 64)
    gan.compile(adam_of_gans(steps), adam_of_gans(steps), steps_per_execution=50)
    seconds = timed_fit(gan, 2 * images - 1, *labels, epochs=epochs, batch_size=64)
    settle(gan, *labels)
    return gan, seconds


def settle(gan, *labels):
    """Put the averaged weights into place, and bring the statistics of batch normalisation up to date."""
    latents = gan.latents(30_000)
    for each in labels:
        latents = models.condition_on_label(latents, ops.convert_to_tensor(each[:30_000]))
    models.use_average(gan, latents)


def latents_of(count, latent_dim, seed=1):
    return np.random.default_rng(seed).standard_normal((count, latent_dim)).astype("float32")


def draw(network, count, latent_dim, seed=1):
    """Return what a network makes of so many draws from N(0, I)."""
    return network.predict(latents_of(count, latent_dim, seed), batch_size=1000, verbose=0)


def scores_by_batches(generator, latents):
    """Return the scores of images that batches of 500 make, each normalised by its own statistics.

    After few steps, or with other weights, the moving averages of batch normalisation are those of another generator.
    """
    return scores(np.concatenate([generator(batch, training=True) for batch in np.split(latents, len(latents) // 500)]))


def scores(images):
    """Return the scores of images in [-1, 1] against the test set."""
    result = report(from_symmetric_range(images))
    return {"Fréchet": result.frechet, "precision": result.precision, "recall": result.recall,
            "digits drawn": classes_covered(result.class_counts)}
