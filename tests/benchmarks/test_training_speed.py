"""What Keras' `fit` costs: an epoch against other ways to run the same step, and against its arithmetic alone."""

import os

import keras
import pytest
import tensorflow as tf

from tests.benchmarks.tables import in_turn, print_table, spread
from utils.data import flatten, load_mnist, to_symmetric_range, to_unit_range
from utils.lesson_12.study import count_operations, product_speed
from utils.models import R1GAN, VAE, build_decoder, build_encoder, build_generator, build_tile_discriminator

REPEATS, STEPS_PER_EXECUTION = 5, 50


def vae(steps_per_execution=1):
    keras.utils.set_random_seed(0)
    model = VAE(build_encoder(), build_decoder())
    model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=steps_per_execution)
    model.optimizer.build(model.trainable_variables)
    return model, to_unit_range(flatten(load_mnist().train_images)), 200


def gan(steps_per_execution=1):
    keras.utils.set_random_seed(0)
    model = R1GAN(build_generator(), build_tile_discriminator(), latent_dim=100)
    model.compile(keras.optimizers.Adam(1e-3, 0.0, 0.99), keras.optimizers.Adam(1e-3, 0.0, 0.99),
                  steps_per_execution=steps_per_execution)
    return model, to_symmetric_range(flatten(load_mnist().train_images)), 64


def step_of_vae(model):
    def step(images):
        images = tf.cast(tf.random.uniform(tf.shape(images)) < images, tf.float32)
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(model(images, training=True)["elbo"])
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply(gradients, model.trainable_variables)
        return loss
    return step


def step_of_gan(model):
    return lambda images: model.train_step(images)["discriminator_loss"]


def whole_epoch(step, images, batch_size):
    """Return a function that trains one epoch inside one graph: the fastest that a step can be run."""
    images = tf.constant(images)
    batches = len(images) // batch_size

    @tf.function(jit_compile=False)
    def epoch():
        order = tf.random.shuffle(tf.range(len(images)))
        total = tf.constant(0.0)
        for batch in tf.range(batches):
            total += step(tf.gather(images, order[batch * batch_size:(batch + 1) * batch_size]))
        return total / batches

    return lambda: epoch().numpy()


def step_by_step(step, images, batch_size):
    """Return a function that trains one epoch as tutorials do: `tf.data` hands each batch to one graph of a step."""
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).batch(batch_size)
    graph = tf.function(step)

    def epoch():
        for batch in dataset:
            loss = graph(batch)
        return loss.numpy()

    return epoch


@pytest.mark.parametrize(("build", "make_step"), [(vae, step_of_vae), (gan, step_of_gan)], ids=["VAE", "GAN"])
def test_fit_costs_little_over_a_hand_written_epoch(build, make_step):
    model, images, batch_size = build(STEPS_PER_EXECUTION)
    images = images[:len(images) // batch_size * batch_size]
    plain = build()[0]
    runs = {"the course: fit, 50 steps an execution": lambda: model.fit(images, batch_size=batch_size, verbose=0),
            "plain fit": lambda: plain.fit(images, batch_size=batch_size, verbose=0),
            "step by step, fed by tf.data": step_by_step(make_step(build()[0]), images, batch_size),
            "whole epoch in one graph": whole_epoch(make_step(build()[0]), images, batch_size)}
    for run in runs.values():
        run()  # builds the graph
    times = in_turn(runs, REPEATS)
    count = count_operations(make_step(build()[0]), (batch_size, 784)) * (len(images) // batch_size)
    speed, rows = product_speed(1024), {}
    arithmetic = count / speed
    for name, turns in times.items():
        ratios = [[own / course for own, course in zip(*pair)] for pair in zip(turns, times[next(iter(runs))])]
        seconds, computing = zip(*turns)
        rows[name] = [spread(seconds), spread(computing), *map(spread, zip(*ratios)),
                      spread([own / arithmetic for own in seconds])]
    rows["arithmetic alone"] = [arithmetic, "", "", "", "1.00"]
    print_table(f"{build.__name__.upper()}: an epoch of {len(images):,} images in batches of {batch_size}, "
                f"median of {REPEATS} (least to most); {count / 1e9:,.0f} billion operations, "
                f"matrix products {speed / 1e9:,.0f} billion a second on {os.cpu_count()} cores",
                ["seconds", "processor s", "s / course's", "processor s / course's", "s / arithmetic"], rows)
    least = {name: min(seconds for seconds, _ in turns) for name, turns in times.items()}
    assert least["the course: fit, 50 steps an execution"] <= 1.3 * least["whole epoch in one graph"]
    assert arithmetic < min(seconds for seconds, _ in times["whole epoch in one graph"])
