"""How the lessons train their models, for the tables of `make bench`: optimisers, schedules, a timed fit, scores."""

import time

import keras
import numpy as np

from utils.data import from_symmetric_range
from utils.evaluation import classes_covered, report


def adam_of_vaes(steps, rate=5e-3):
    """Return Adam with a learning rate that rises over the first tenth of the steps, then falls along a cosine."""
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps - steps // 10, warmup_target=rate,
                                                      warmup_steps=steps // 10)
    return keras.optimizers.Adam(schedule, beta_2=0.99)


def adam_of_gans(steps, rate=3e-3, average=0.995):
    """Return Adam without momentum; its rate falls along a cosine; with `average`, it averages the weights too."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.01)
    averaging = {"use_ema": True, "ema_momentum": average} if average else {}
    return keras.optimizers.Adam(schedule, beta_1=0.0, beta_2=0.99, **averaging)


def begin_at_the_log_odds(decoder, average):
    """Let a decoder begin at the log-odds of each pixel's average over the training images."""
    frequency = np.clip(average, 0.001, 0.999)
    decoder.get_layer("logits").bias.assign(np.log(frequency / (1 - frequency)))


def timed_fit(model, *data, **options):
    """Fit a model quietly; return its seconds by the clock and those of all cores."""
    began, began_computing = time.perf_counter(), time.process_time()
    model.fit(*data, verbose=0, **options)
    return {"training s": time.perf_counter() - began, "CPU s": time.process_time() - began_computing}


def take_averages(gan):
    """Put the averaged weights into the players that have them."""
    for optimizer, player in ((gan.generator_optimizer, gan.generator),
                              (gan.discriminator_optimizer, gan.discriminator)):
        if optimizer.use_ema:
            optimizer.finalize_variable_values(player.trainable_variables)


def settle(gan):
    """Put the averaged weights into place, and bring the statistics of batch normalisation up to date."""
    take_averages(gan)
    for _ in range(60):
        gan.generator(gan.latents(500), training=True)


def draw(network, count, latent_dim, seed=1):
    """Return what a network makes of so many draws from N(0, I)."""
    latents = np.random.default_rng(seed).standard_normal((count, latent_dim)).astype("float32")
    return network.predict(latents, batch_size=1000, verbose=0)


def scores(images):
    """Return the scores of images in [-1, 1] against the test set."""
    result = report(from_symmetric_range(images))
    return {"Fréchet": result.frechet, "precision": result.precision, "recall": result.recall,
            "digits drawn": classes_covered(result.class_counts)}
