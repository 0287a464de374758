"""The networks and the Keras models that the lessons derive, for later lessons to import."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from scipy.stats import norm

from utils.losses import (
    bernoulli_log_likelihood,
    discriminator_loss,
    generator_loss,
    kl_to_standard_normal,
    log_likelihood_of_pairs,
    r1_penalty,
)

CLASSIFIER_EPOCHS, CLASSIFIER_BATCH_SIZE = 5, 128  # of lesson 3 and of the judge that ships


def build_classifier():
    """Return a small convolutional network that reads digits; trained, it is the judge of the course.

    Images of shape (batch, 28, 28, 1) in [0, 1] → ten logits. In training, images are moved by up to a pixel first. The
    layer "features" (64 values) is the space in which the course measures how far generated images are from real ones.
    """
    images = keras.Input((28, 28, 1))
    hidden = layers.RandomTranslation(1 / 28, 1 / 28, fill_mode="constant", interpolation="nearest")(images)
    hidden = layers.Conv2D(16, 5, strides=2, padding="same", use_bias=False)(hidden)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    for filters in (32, 64):
        hidden = layers.Conv2D(filters, 3, padding="same", use_bias=False)(hidden)
        hidden = layers.MaxPooling2D(2)(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    hidden = layers.Dropout(0.3)(layers.Flatten()(hidden))
    features = layers.Dense(64, activation="relu", name="features")(hidden)
    return keras.Model(images, layers.Dense(10)(features), name="classifier")


def classifier_optimizer(steps):
    """Return Adam for `steps` steps: its learning rate rises over the first tenth, then falls along a cosine to 0."""
    schedule = keras.optimizers.schedules.CosineDecay(0.0, decay_steps=steps - steps // 10, warmup_target=4e-3,
                                                      warmup_steps=steps // 10)
    return keras.optimizers.Adam(schedule)


def build_encoder(latent_dim=2, widths=(256, 64)):
    """Return a dense encoder: images (batch, 784) of zeros and ones → mean and log variance, (batch, latent_dim)."""
    images = keras.Input((784,))
    hidden = images
    for width in widths:
        hidden = layers.Dense(width, activation="silu")(hidden)
    mean = layers.Dense(latent_dim, name="mean")(hidden)
    log_variance = layers.Dense(latent_dim, name="log_variance")(hidden)
    return keras.Model(images, [mean, log_variance], name="encoder")


def build_decoder(latent_dim=2, widths=(128, 128, 128, 256)):
    """Return a dense decoder: latents (batch, latent_dim) → one logit a pixel, (batch, 784)."""
    latents = keras.Input((latent_dim,))
    hidden = latents
    for width in widths:
        hidden = layers.Dense(width, activation="silu")(hidden)
    return keras.Model(latents, layers.Dense(784, name="logits")(hidden), name="decoder")


def decode_grid(decoder, side=20):
    """Return digits decoded on a grid that cuts the prior into equal shares.

    Equal steps of probability, not of distance: the grid lines are quantiles of the standard normal. The first latent
    grows to the right, the second upwards, as on paper; digits are listed row by row from the top.

    Args:
        decoder: latents (batch, 2) → logits (batch, 784).
        side: digits along each axis.

    Returns:
        Tensor of shape (side * side, 784): the probability of each pixel.
    """
    quantiles = norm.ppf((np.arange(side) + 0.5) / side)
    first, second = np.meshgrid(quantiles, quantiles[::-1])
    latents = np.stack([first.ravel(), second.ravel()], axis=-1).astype("float32")
    return ops.sigmoid(decoder(latents))


def sample_prior(decoder, count, latent_dim, seed=None):
    """Return drawn images: latents from N(0, I), then each pixel from its Bernoulli.

    Args:
        decoder: latents (count, latent_dim) → logits (count, 784).
        count: how many images.
        latent_dim: dimensions of the latent space.
        seed: an integer for the same images every time; None for fresh ones.

    Returns:
        float32 array of shape (count, 784) of zeros and ones.
    """
    random = np.random.default_rng(seed)
    latents = random.standard_normal((count, latent_dim)).astype("float32")
    probabilities = np.asarray(ops.sigmoid(decoder(latents)))
    return (random.random(probabilities.shape) < probabilities).astype("float32")


def stratified_latents(side, uniform):
    """Return one latent from each of side × side cells that share the standard normal of the plane equally.

    The unit square is cut into cells, each point lies somewhere in its own, and the normal quantile function carries
    the square to the plane. An average over the points is an average over the prior, without bias, and far less noisy
    than one over as many independent draws.

    Args:
        side: cells along each axis.
        uniform: tensor of shape (side * side, 2) in [0, 1), where in its cell each point lies; 0.5 is the middle.

    Returns:
        float32 tensor of shape (side * side, 2).

    Source: Owen (2013), chapter 10, for stratified sampling.
    """
    corners = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    quantiles = (corners.astype("float32") + uniform) / side
    return math.sqrt(2) * ops.erfinv(ops.clip(2 * quantiles - 1, -1 + 1e-6, 1 - 1e-6))  # the edge is infinitely far


class DecoderByIntegral(keras.Model):
    """A decoder of two latents, trained by `fit` on grey images in [0, 1] to maximise log p(x).

    The integral over z is a sum over side × side stratified points, drawn afresh at every step and shared by the batch.
    Their scatter makes the logarithm a little too low on average: `utils.likelihood` measures the exact one.

    Args:
        decoder: latents (batch, 2) → logits (batch, 784).
        side: points along each axis.
        seed: of the points and of the binarisation.

    Source: MacKay (1995) for the model; Bishop, Svensén and Williams (1998) for training it on a grid.
    """

    def __init__(self, decoder, side=32, seed=0):
        super().__init__()
        self.decoder, self.side = decoder, side
        self.random = keras.random.SeedGenerator(seed)
        self.average = keras.metrics.Mean("log_marginal")
        self.built = True  # the decoder is: Keras can save and back up the weights before the first call

    def call(self, images):
        latents = stratified_latents(self.side, keras.random.uniform((self.side**2, 2), seed=self.random))
        log_likelihoods = log_likelihood_of_pairs(images, self.decoder(latents))
        return ops.logsumexp(log_likelihoods, axis=-1) - 2 * math.log(self.side)

    def train_step(self, grey_images):
        coins = keras.random.uniform(ops.shape(grey_images), seed=self.random)
        images = ops.cast(coins < grey_images, "float32")  # binarised afresh at every draw
        with tf.GradientTape() as tape:
            log_marginal = self(images, training=True)
            loss = -ops.mean(log_marginal)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.average.update_state(log_marginal)
        return {"log_marginal": self.average.result()}

    def test_step(self, images):
        self.average.update_state(self(images))
        return {"log_marginal": self.average.result()}


def reparameterise(mean, log_variance, noise):
    """Return latents from N(mean, diag(exp(log_variance))): shifted, scaled noise.

    Args:
        mean, log_variance, noise: tensors of shape (batch, latent_dim); noise is drawn from N(0, I).

    Returns:
        Tensor of shape (batch, latent_dim), differentiable with respect to mean and log_variance.

    Source: Kingma and Welling (2014); Rezende, Mohamed and Wierstra (2014).
    """
    return mean + ops.exp(log_variance / 2) * noise


class VAE(keras.Model):
    """A variational autoencoder for binarised images, trained by `fit` on grey images in [0, 1].

    Args:
        encoder: images (batch, 784) → mean and log variance, each (batch, latent_dim).
        decoder: latents (batch, latent_dim) → logits (batch, 784).
        seed: of the noise and of the binarisation.

    Source: Kingma and Welling (2014).
    """
    def __init__(self, encoder, decoder, seed=0):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.random = keras.random.SeedGenerator(seed)
        self.averages = {name: keras.metrics.Mean(name) for name in ("elbo", "log_likelihood", "kl")}
        self.built = True  # both networks are: Keras can save and back up the weights before the first call

    def latents(self, mean, log_variance):
        noise = keras.random.normal(ops.shape(mean), seed=self.random)
        return reparameterise(mean, log_variance, noise)

    def kl(self, mean, log_variance):
        return kl_to_standard_normal(mean, log_variance)

    def call(self, images):
        mean, log_variance = self.encoder(images)
        logits = self.decoder(self.latents(mean, log_variance))
        log_likelihood = bernoulli_log_likelihood(images, logits)
        kl = self.kl(mean, log_variance)
        return {"elbo": log_likelihood - kl, "log_likelihood": log_likelihood, "kl": kl}

    def train_step(self, grey_images):
        coins = keras.random.uniform(ops.shape(grey_images), seed=self.random)
        images = ops.cast(coins < grey_images, "float32")  # binarised afresh at every draw
        with tf.GradientTape() as tape:
            terms = self(images, training=True)
            loss = -ops.mean(terms["elbo"])
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.average(terms)

    def test_step(self, images):
        return self.average(self(images, training=False))

    def average(self, terms):
        for name, values in terms.items():
            self.averages[name].update_state(values)
        return {name: metric.result() for name, metric in self.averages.items()}


class BetaVAE(VAE):
    """A VAE whose training weighs the KL by `beta`; with 1, as here, it is the VAE itself.

    Source: Higgins et al. (2017).
    """
    beta = 1.0

    def kl(self, mean, log_variance):
        return self.beta * super().kl(mean, log_variance)


class PixelBias(layers.Layer):
    """Adds a learned number to each pixel of images (batch, pixels): what a convolution, alike everywhere, cannot."""

    def build(self, shape):
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")

    def call(self, images):
        return images + self.bias


def swap_rows_and_columns(tiles):
    """(7 tile rows, 4 pixel rows, 7 tile columns, 4 pixel columns) ↔ (7, 7 tiles, 4, 4 pixels): its own inverse."""
    return layers.Permute((1, 3, 2, 4))(tiles)


def build_convolutional_decoder(latent_dim=50, width=256, filters=32):
    """Return a decoder that draws tiles: latents (batch, latent_dim) → one logit a pixel, (batch, 784).

    Dense layers decide what to draw and give `filters` features to each of 7 × 7 tiles; a convolution adds to them
    what it finds in their neighbours (He et al. 2016), and another turns them into the tile's 4 × 4 pixels.
    """
    latents = keras.Input((latent_dim,))
    hidden = layers.Dense(7 * 7 * filters, activation="silu")(layers.Dense(width, activation="silu")(latents))
    tiles = layers.Reshape((7, 7, filters))(hidden)
    tiles += layers.Conv2D(filters, 3, padding="same", activation="silu")(tiles)
    pixels = layers.Reshape((7, 7, 4, 4))(layers.Conv2D(16, 3, padding="same")(tiles))
    rows = layers.Reshape((784,))(swap_rows_and_columns(pixels))
    return keras.Model(latents, PixelBias(name="logits")(rows), name="decoder")


def condition_on_label(latents, labels):
    """Return the latents, and beside each its label as ten numbers, one of them 1.

    Args:
        latents: tensor of shape (batch, latent_dim).
        labels: integers 0..9 of shape (batch,).

    Returns:
        Tensor of shape (batch, latent_dim + 10), differentiable with respect to the latents.
    """
    if len(latents.shape) != 2 or len(labels.shape) != 1:
        raise ValueError("condition_on_label wants latents of shape (batch, latent_dim) and labels of shape (batch,), "
                         f"but got {tuple(latents.shape)} and {tuple(labels.shape)}. One label a latent, not one-hot.")
    return ops.concatenate([latents, ops.one_hot(labels, 10, dtype="float32")], axis=-1)


class ConditionalVAE(BetaVAE):
    """A VAE of p(x | label), trained by `fit` on grey images in [0, 1] and their labels 0..9.

    With a `beta` above 1 in training the latents are expensive, and the decoder takes the digit from the label, which
    is free. Set `beta` to 1 to measure the bound.

    Args:
        encoder: images with labels (batch, 784 + 10) → mean and log variance, each (batch, latent_dim).
        decoder: latents with labels (batch, latent_dim + 10) → logits (batch, 784).
        seed: of the noise and of the binarisation.

    Source: Kingma, Mohamed, Rezende and Welling (2014); Sohn, Lee and Yan (2015).
    """
    def call(self, images_and_labels):
        images, labels = images_and_labels
        mean, log_variance = self.encoder(condition_on_label(images, labels))
        logits = self.decoder(condition_on_label(self.latents(mean, log_variance), labels))
        log_likelihood, kl = bernoulli_log_likelihood(images, logits), self.kl(mean, log_variance)
        return {"elbo": log_likelihood - kl, "log_likelihood": log_likelihood, "kl": kl}

    def train_step(self, grey_images_and_labels):
        grey_images, labels = grey_images_and_labels
        coins = keras.random.uniform(ops.shape(grey_images), seed=self.random)
        images = ops.cast(coins < grey_images, "float32")  # binarised afresh at every draw
        with tf.GradientTape() as tape:
            terms = self((images, labels), training=True)
            loss = -ops.mean(terms["elbo"])
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return self.average(terms)


def gan_train_step(generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents):
    """Step the discriminator, then the generator; return their losses in this order.

    Args:
        generator: latents (batch, latent_dim) → images, in the range of `images`.
        discriminator: images → logits (batch, 1).
        generator_optimizer, discriminator_optimizer: Keras optimisers, one for each player.
        images: a batch of real images.
        latents: (batch, latent_dim), drawn from N(0, I).

    Returns:
        Two scalars in nats.

    Source: Goodfellow et al. (2014), algorithm 1 with one discriminator step and the non-saturating loss.
    """
    fakes = generator(latents, training=True)
    with tf.GradientTape() as tape:
        loss_of_discriminator = discriminator_loss(discriminator(images, training=True),
                                                   discriminator(fakes, training=True))
    gradients = tape.gradient(loss_of_discriminator, discriminator.trainable_variables)
    discriminator_optimizer.apply(gradients, discriminator.trainable_variables)

    with tf.GradientTape() as tape:
        loss_of_generator = generator_loss(discriminator(generator(latents, training=True), training=True))
    gradients = tape.gradient(loss_of_generator, generator.trainable_variables)
    generator_optimizer.apply(gradients, generator.trainable_variables)
    return loss_of_discriminator, loss_of_generator


class GAN(keras.Model):
    """A generative adversarial network, trained by `fit` on real images in the generator's range.

    Args:
        generator: latents (batch, latent_dim) → images.
        discriminator: images → logits (batch, 1).
        latent_dim: dimensions of the latent space.
        seed: of the latents.

    Source: Goodfellow et al. (2014).
    """

    def __init__(self, generator, discriminator, latent_dim, seed=0):
        super().__init__()
        self.generator, self.discriminator, self.latent_dim = generator, discriminator, latent_dim
        self.random = keras.random.SeedGenerator(seed)
        self.averages = [keras.metrics.Mean("discriminator_loss"), keras.metrics.Mean("generator_loss")]
        self.built = True  # both networks are: Keras can save and back up the weights before the first call

    def compile(self, generator_optimizer, discriminator_optimizer, **options):
        super().compile(optimizer=None, **options)
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def call(self, latents):
        return self.generator(latents)

    def latents(self, count):
        return keras.random.normal((count, self.latent_dim), seed=self.random)

    def train_step(self, images):
        losses = gan_train_step(self.generator, self.discriminator, self.generator_optimizer,
                                self.discriminator_optimizer, images, self.latents(ops.shape(images)[0]))
        return self.average(losses)

    def average(self, losses):
        for average, loss in zip(self.averages, losses, strict=True):
            average.update_state(loss)
        return {average.name: average.result() for average in self.averages}


def build_generator(latent_dim=100):
    """Return a generator that draws tiles: latents (batch, latent_dim) → images (batch, 784) in [-1, 1].

    Dense layers decide what to draw and give 16 features to each of 7 × 7 tiles; one convolution turns the features of
    a tile and its neighbours into the tile's 4 × 4 pixels.
    """
    latents = keras.Input((latent_dim,))
    hidden = latents
    for width in (256, 256, 7 * 7 * 16):
        hidden = layers.Dense(width, use_bias=False)(hidden)  # the normalisation has a bias of its own
        hidden = layers.BatchNormalization(momentum=0.9)(hidden)
        hidden = layers.LeakyReLU(negative_slope=0.2)(hidden)
    tiles = layers.Conv2D(16, 3, padding="same")(layers.Reshape((7, 7, 16))(hidden))
    rows = layers.Permute((1, 3, 2, 4))(layers.Reshape((7, 7, 4, 4))(tiles))
    images = layers.Activation("tanh")(layers.Reshape((784,))(rows))
    return keras.Model(latents, images, name="generator")


class R1GAN(GAN):
    """A GAN whose discriminator is kept smooth by the R1 penalty; both players learn from the same batch of fakes.

    Args:
        gamma: weight of the penalty, which is measured on a quarter of the real images.

    Source: Mescheder, Geiger and Nowozin (2018).
    """

    gamma = 2.0

    def train_step(self, images):
        batch = ops.shape(images)[0]
        with tf.GradientTape(persistent=True) as tape:
            fakes = self.generator(self.latents(batch), training=True)
            real_logits = self.discriminator(images, training=True)
            fake_logits = self.discriminator(fakes, training=True)
            losses = discriminator_loss(real_logits, fake_logits), generator_loss(fake_logits)
            penalised = losses[0] + self.gamma / 2 * r1_penalty(self.discriminator, images[:batch // 4])
        for loss, player, optimizer in ((penalised, self.discriminator, self.discriminator_optimizer),
                                        (losses[1], self.generator, self.generator_optimizer)):
            optimizer.apply(tape.gradient(loss, player.trainable_variables), player.trainable_variables)
        return self.average(losses)


def use_average(gan, latents):
    """Put the averaged weights that Keras' optimisers keep into the players of a GAN, where they keep any.

    The batch normalisation of the generator needs the statistics of its new weights: it measures them on the latents,
    (n, size), in batches of 500.
    """
    for optimizer, player in ((gan.generator_optimizer, gan.generator),
                              (gan.discriminator_optimizer, gan.discriminator)):
        if optimizer.use_ema:
            optimizer.finalize_variable_values(player.trainable_variables)
    for rows in range(0, len(latents), 500):
        gan.generator(latents[rows:rows + 500], training=True)


def build_tile_discriminator(logits=1, normalise=None):
    """Return a discriminator that looks at tiles: images (batch, 784) in [-1, 1] → logits (batch, logits).

    The image is cut into 7 × 7 tiles of 4 × 4 pixels; one convolution sees each tile with its neighbours.

    Args:
        logits: 1 an image, or 10, one for each digit.
        normalise: None, "batch" for batch normalisation of the dense layer, or "spectral", which
            divides the weights of every layer by their largest singular value.

    Source: Radford, Metz and Chintala (2016) for the form; Miyato, Kataoka, Koyama and Yoshida (2018) for "spectral".
    """
    if normalise not in (None, "batch", "spectral"):
        raise ValueError('build_tile_discriminator wants normalise=None, "batch" or "spectral", but got '
                         f"{normalise!r}.")
    weighted = layers.SpectralNormalization if normalise == "spectral" else lambda layer: layer
    images = keras.Input((784,))
    tiles = layers.Permute((1, 3, 2, 4))(layers.Reshape((7, 4, 7, 4))(images))
    hidden = weighted(layers.Conv2D(16, 3, padding="same"))(layers.Reshape((7, 7, 16))(tiles))
    hidden = weighted(layers.Dense(256))(layers.Flatten()(layers.LeakyReLU(negative_slope=0.2)(hidden)))
    if normalise == "batch":
        hidden = layers.BatchNormalization(momentum=0.9)(hidden)
    hidden = layers.LeakyReLU(negative_slope=0.2)(hidden)
    return keras.Model(images, weighted(layers.Dense(logits))(hidden), name="discriminator")
