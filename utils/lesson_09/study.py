"""What only lesson 9 computes: networks with some of six changes, games in the plane, runs of exercise 9.5."""

import json

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils import evaluation
from utils.assets import asset
from utils.losses import discriminator_loss, generator_loss, saturating_generator_loss

CHANGES = ("R1", "tiles", "normalisation", "tanh", "Adam", "average")  # of lesson 8, in its order


def build_players(changes):
    """Return lesson 8's classic generator and discriminator after those `changes` that concern networks.

    Latents (batch, 100) → images (batch, 784) in [0, 1], or in [-1, 1] with "tanh"; images → logits (batch, 1).
    """
    normalised, tiles = "normalisation" in changes, "tiles" in changes

    def unit(hidden):
        return layers.LeakyReLU(negative_slope=0.2)(hidden) if normalised else layers.ReLU()(hidden)

    latents, images = keras.Input((100,)), keras.Input((784,))
    drawn, seen = latents, images
    for width in (256, 256, 7 * 7 * 16 if tiles else 256):
        drawn = layers.Dense(width, use_bias=not normalised)(drawn)
        drawn = unit(layers.BatchNormalization(momentum=0.9)(drawn) if normalised else drawn)
    if tiles:
        drawn = layers.Conv2D(16, 3, padding="same")(layers.Reshape((7, 7, 16))(drawn))
        drawn = layers.Reshape((784,))(layers.Permute((1, 3, 2, 4))(layers.Reshape((7, 7, 4, 4))(drawn)))
        seen = layers.Reshape((7, 7, 16))(layers.Permute((1, 3, 2, 4))(layers.Reshape((7, 4, 7, 4))(seen)))
        seen = layers.Flatten()(unit(layers.Conv2D(16, 3, padding="same")(seen)))
    else:
        drawn, seen = layers.Dense(784)(drawn), unit(layers.Dense(256)(seen))
    drawn = layers.Activation("tanh" if "tanh" in changes else "sigmoid")(drawn)
    logits = layers.Dense(1)(unit(layers.Dense(256)(seen)))
    return keras.Model(latents, drawn, name="generator"), keras.Model(images, logits, name="discriminator")


def batches_of(images, changes, seed):
    """Return endless random batches of images (n, 784) in [0, 1]: 64 with "Adam", else 128; in [-1, 1] with "tanh"."""
    grey = tf.constant(images)

    def batch(rows):
        chosen = tf.gather(grey, rows)
        return 2 * chosen - 1 if "tanh" in changes else chosen

    rows = tf.data.Dataset.range(len(images)).shuffle(len(images), seed=seed).repeat()
    return rows.batch(64 if "Adam" in changes else 128).map(batch)


def drawn_images(gan, changes, count=10_000):
    """Return images in [0, 1], (count, 784), that a GAN with these changes draws."""
    latents = np.random.default_rng(1).normal(size=(count, gan.latent_dim)).astype("float32")
    images = gan.generator.predict(latents, batch_size=1000, verbose=0)
    return np.clip((images + 1) / 2 if "tanh" in changes else images, 0, 1)


def six_changes():
    """Return the table that `course.py changes` has computed: {row: {what is measured: a list over the seeds}}."""
    table, names = {}, {"frechet": "Fréchet distance", "digits": "digits drawn"}
    for row in json.loads(asset("six_changes.json").read_text(encoding="utf-8"))["rows"]:
        for key, value in row.items():
            table.setdefault(row["name"], {}).setdefault(names.get(key, key), []).append(value)
    return table


def changes_and_real_images(table):
    """Return the table as groups of added and of removed changes, and what real images score, for `over_seeds`."""
    floor = evaluation.real_against_real(against="validation")
    real = {"Fréchet distance": floor.frechet, "precision": floor.precision, "recall": floor.recall, "digits drawn": 10}
    groups = [["classic", *(f"+ {change}" for change in CHANGES)], ["recipe", *(f"− {change}" for change in CHANGES)]]
    return [{name: {measure: table[name][measure] for measure in real} for name in group} for group in groups], real


def observe(gan, points, epochs, **measures):
    """Train a GAN for `epochs` times 50 batches; return losses and measures(gan), by name, after each."""
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update({name: measure(gan) for name, measure in measures.items()}))
    return gan.fit(points, batch_size=len(points) // 50, epochs=epochs, verbose=0, callbacks=[note]).history


def game_of_two_numbers(path, direction):
    """Return losses and distances along a path (steps, 2), the path, and the direction, for `phase_portraits`."""
    logit = np.prod(path, axis=1)
    return {"discriminator_loss": np.log(2) + np.logaddexp(0, logit), "generator_loss": -np.logaddexp(0, logit),
            "symptom": np.linalg.norm(path, axis=1)}, path, direction


def between_corners(corners, right, down):
    """Return latents between four corners (4, latent_dim), as likely under the prior as the corners themselves.

    A mean with weights w has the variance Σ w²: it is too short. Divided by √Σ w² it comes from N(0, I) again. Corners
    stand row by row from top left; `right` and `down`, in [0, 1], are numbers, or arrays (n,) for (n, latent_dim).
    """
    corners, right, down = np.asarray(corners), np.asarray(right), np.asarray(down)
    if corners.ndim != 2 or len(corners) != 4:
        raise ValueError(f"between_corners wants four latents, of shape (4, latent_dim), but got {corners.shape}.")
    weights = np.stack([(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down], axis=-1)
    return (weights / np.linalg.norm(weights, axis=-1, keepdims=True) @ corners).astype(np.float32)


def _ring(random, count):
    """Return points (count, 2) of eight clusters on a circle of radius 2."""
    angles = random.integers(8, size=count) * np.pi / 4
    return np.float32(2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1) + random.normal(0, 0.1, (count, 2)))


def _player(widths, seed, scale=1.0, start=0.0, normalised=False, constraint=None):
    """Return a network of two inputs, which it multiplies by `scale`; its last biases are `start` at first."""
    network = keras.Sequential([keras.Input((2,)), layers.Rescaling(scale)])
    for place, width in enumerate(widths, 1):
        network.add(layers.Dense(width, kernel_initializer=keras.initializers.Orthogonal(seed=seed + place - 1),
                                 kernel_constraint=constraint))
        if place < len(widths):
            if normalised:
                network.add(layers.BatchNormalization())
            network.add(layers.LeakyReLU(negative_slope=0.2))
    network.layers[-1].bias.assign(np.full(width, start))
    return network


def _record(generator, discriminator, generator_optimizer, discriminator_optimizer, loss=generator_loss):
    """Train a GAN on points of a ring, and return what can be measured on the way, for `pictures.charts`."""
    random, probe = np.random.default_rng(0), np.random.default_rng(1)
    test_latents, test_points = tf.constant(probe.normal(size=(256, 2)), tf.float32), tf.constant(_ring(probe, 256))
    generator_optimizer.build(generator.trainable_variables)
    discriminator_optimizer.build(discriminator.trainable_variables)

    @tf.function(autograph=False)
    def step(points, latents):
        for player, optimizer in ((discriminator, discriminator_optimizer), (generator, generator_optimizer)):
            with tf.GradientTape() as tape:
                fake_logits = discriminator(generator(latents, training=True), training=True)
                value = loss(fake_logits) if player is generator else discriminator_loss(
                    discriminator(points, training=True), fake_logits)
            optimizer.apply(tape.gradient(value, player.trainable_variables), player.trainable_variables)

    @tf.function(autograph=False)
    def measure():
        with tf.GradientTape() as tape:
            drawn = generator(test_latents)
            fake_logits = discriminator(drawn, training=True)
            value = loss(fake_logits)
        real_logits = discriminator(test_points, training=True)
        mixed = discriminator(ops.concatenate([test_points, drawn]), training=True)
        right = [ops.mean(ops.cast(ops.concatenate([real, -fake]) > 0, "float32"))
                 for real, fake in ((real_logits, fake_logits), (mixed[:256], mixed[256:]))]
        return {"discriminator_loss": discriminator_loss(real_logits, fake_logits),
                "generator_loss": generator_loss(fake_logits),
                "gradient": tf.linalg.global_norm(tape.gradient(value, generator.trainable_variables)),
                "centre": ops.mean(drawn[:, 0]), "spread": ops.std(drawn[:, 0]),
                "as_trained": right[0], "mixed": right[1]}

    measured = []
    for count in range(301):
        if count % 10 == 0:
            measured.append({name: float(value) for name, value in measure().items()} | {"step": count})
        step(tf.constant(_ring(random, 64)), tf.constant(random.normal(size=(64, 2)), tf.float32))
    return {name: np.array([each[name] for each in measured]) for name in measured[0]}


def record_runs():
    """Return measurements of four small GANs in training, A to D, each with a fault of its own."""
    adam, sgd, shift = keras.optimizers.Adam, keras.optimizers.SGD, keras.constraints.UnitNorm()
    return {
        "A": _record(_player((32, 32, 2), 10), _player((32, 32, 1), 13, normalised=True), adam(5e-4, 0.5),
                     adam(2e-3, 0.5)),
        "B": _record(_player((32, 2), 3, scale=0.01), _player((32, 1), 4), adam(1e-3, 0.5), adam(5e-3, 0.5)),
        "C": _record(_player((32, 2), 5, start=4.0), _player((32, 32, 1), 6), sgd(0.02), adam(2e-3, 0.5),
                     saturating_generator_loss),
        "D": _record(_player((2,), 7, scale=1.4, start=1.0, constraint=shift), _player((1,), 8), sgd(0.4),
                     adam(0.04, 0.9)),
    }
