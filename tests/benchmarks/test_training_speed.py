"""What Keras' `fit` costs: seconds an epoch against a hand-written graph of the same step. Run by `make bench`."""

import statistics
import time

import keras
import pytest
import tensorflow as tf

from utils.data import flatten, load_mnist, to_symmetric_range, to_unit_range
from utils.models import VAE, SmoothGAN, build_decoder, build_discriminator, build_encoder, build_generator

REPEATS, STEPS_PER_EXECUTION = 3, 50


def vae(steps_per_execution=1):
    keras.utils.set_random_seed(0)
    model = VAE(build_encoder(), build_decoder())
    model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=steps_per_execution)
    model.optimizer.build(model.trainable_variables)
    return model, to_unit_range(flatten(load_mnist().train_images)), 200


def smooth_gan(steps_per_execution=1):
    keras.utils.set_random_seed(0)
    model = SmoothGAN(build_generator(), build_discriminator(), latent_dim=100)
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


def seconds(run):
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


@pytest.mark.parametrize(("build", "make_step"), [(vae, step_of_vae), (smooth_gan, step_of_gan)], ids=["VAE", "GAN"])
def test_fit_costs_little_over_a_hand_written_epoch(build, make_step):
    model, images, batch_size = build(STEPS_PER_EXECUTION)
    images = images[:len(images) // batch_size * batch_size]
    twin, *_ = build()
    runs = {"fit": lambda: model.fit(images, batch_size=batch_size, verbose=0),
            "hand-written": whole_epoch(make_step(twin), images, batch_size)}
    for run in runs.values():
        run()  # builds the graph
    times = {name: [] for name in runs}
    for _ in range(REPEATS):  # in turn, so that a busy machine slows both
        for name, run in runs.items():
            times[name].append(seconds(run))
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["fit"] / medians["hand-written"]
    print(f"\n{build.__name__.upper()}, batches of {batch_size}: seconds an epoch, median of {REPEATS} (least to most)")
    for name, values in times.items():
        print(f"  {name:13} {medians[name]:6.2f}  ({min(values):.2f} to {max(values):.2f})")
    print(f"  ratio         {ratio:6.2f}")
    assert ratio <= 1.3
