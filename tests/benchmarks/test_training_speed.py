"""What Keras' `fit` costs: an epoch against other ways to run the same step, and against its arithmetic alone."""

import os

import keras
import pytest
import tensorflow as tf

from tests.benchmarks.tables import print_table, seconds_of, spread
from tests.benchmarks.training import grey_images
from utils.lesson_12.study import count_operations, product_speed
from utils.models import R1GAN, VAE, build_decoder, build_encoder, build_generator, build_tile_discriminator

REPEATS = 5
COURSE, BARE = "the course: fit, 50 steps an execution", "whole epoch in one graph"


def vae(steps_per_execution=1):
    keras.utils.set_random_seed(0)
    model = VAE(build_encoder(), build_decoder())
    model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=steps_per_execution)
    model.optimizer.build(model.trainable_variables)
    return model


def gan(steps_per_execution=1):
    keras.utils.set_random_seed(0)
    model = R1GAN(build_generator(), build_tile_discriminator(), latent_dim=100)
    model.compile(*(keras.optimizers.Adam(1e-3, 0.0, 0.99) for _ in range(2)), steps_per_execution=steps_per_execution)
    return model


def step_of_vae(model):
    def step(images):
        images = tf.cast(tf.random.uniform(tf.shape(images)) < images, tf.float32)
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(model(images, training=True)["elbo"])
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
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


@pytest.mark.parametrize(("build", "make_step", "batch_size"), [(vae, step_of_vae, 200), (gan, step_of_gan, 64)],
                         ids=["VAE", "GAN"])
def test_fit_costs_little_over_a_hand_written_epoch(build, make_step, batch_size):
    images = grey_images()[:len(grey_images()) // batch_size * batch_size]
    images = 2 * images - 1 if build is gan else images
    course, plain = build(50), build()
    runs = {COURSE: lambda: course.fit(images, batch_size=batch_size, verbose=0),
            "plain fit": lambda: plain.fit(images, batch_size=batch_size, verbose=0),
            "step by step, fed by tf.data": step_by_step(make_step(build()), images, batch_size),
            BARE: whole_epoch(make_step(build()), images, batch_size)}
    for run in runs.values():
        run()  # builds the graph
    times = {name: [] for name in runs}
    for _ in range(REPEATS):  # the ways take turns, so that a busy machine slows all of them
        for name, run in runs.items():
            times[name].append(seconds_of(run))
    count = count_operations(make_step(build()), (batch_size, 784)) * (len(images) // batch_size)
    speed, rows = product_speed(1024), {}
    arithmetic = count / speed
    for name, turns in times.items():
        ratios = [[own / other for own, other in zip(*pair)] for pair in zip(turns, times[COURSE])]
        rows[name] = [*map(spread, zip(*turns)), *map(spread, zip(*ratios)),
                      spread([seconds / arithmetic for seconds, _ in turns])]
    rows["arithmetic alone"] = [arithmetic, "", "", "", "1.00"]
    print_table(f"{build.__name__.upper()}: an epoch of {len(images):,} images in batches of {batch_size}, "
                f"median of {REPEATS} (least to most); {count / 1e9:,.0f} billion operations, "
                f"matrix products {speed / 1e9:,.0f} billion a second on {os.cpu_count()} cores",
                ["seconds", "processor s", "s / course's", "processor s / course's", "s / arithmetic"], rows)
    least = {name: min(seconds for seconds, _ in turns) for name, turns in times.items()}
    assert least[COURSE] <= 1.3 * least[BARE]
    assert arithmetic < least[BARE]
