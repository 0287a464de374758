"""Log-likelihoods, bounds and GAN losses as pure functions of tensors, with their shapes checked.

Everything probabilistic is in nats per image: summed over pixels or latents, never averaged over them. What steadies a
GAN stands beside its losses: penalties on the slope, and the average of the weights.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

SMALLEST_SQUARE = 1e-12  # under a root, whose slope at zero is infinite: a flat critic would give NaN


def bernoulli_log_likelihood(images, logits):
    """Return log p(x | z) of each image under one Bernoulli a pixel, in nats.

    Written with the softplus, so that it is finite for logits of any size:
    x log s(l) + (1 - x) log(1 - s(l)) = x l - log(1 + exp(l)), where s is the sigmoid.

    Args:
        images: tensor of shape (batch, pixels), zeros and ones.
        logits: tensor of shape (batch, pixels), the decoder's output before the sigmoid; the result is (batch,).
    """
    require_same_matrix("bernoulli_log_likelihood", images=images, logits=logits)
    return ops.sum(images * logits - ops.softplus(logits), axis=-1)


def log_likelihood_of_pairs(images, logits):
    """Return log p(x | z) of every image under every row of logits, in nats, as one matrix product.

    The same sum as `bernoulli_log_likelihood`, for all pairs: x . l - sum of softplus(l).

    Args:
        images: tensor of shape (n, pixels), zeros and ones.
        logits: tensor of shape (points, pixels); the result is (n, points).
    """
    return ops.matmul(images, ops.transpose(logits)) - ops.sum(ops.softplus(logits), axis=-1)


def gaussian_log_density(latents, mean, log_variance):
    """Return log N(z; mean, diag(exp(log_variance))) of each latent, in nats.

    Args:
        latents, mean, log_variance: tensors of shape (batch, latent_dim), which become (batch,).
    """
    require_same_matrix("gaussian_log_density", latents=latents, mean=mean, log_variance=log_variance)
    squared_distance = ops.square(latents - mean) * ops.exp(-log_variance)
    return -0.5 * ops.sum(math.log(2 * math.pi) + log_variance + squared_distance, axis=-1)


def kl_to_standard_normal(mean, log_variance):
    """Return KL(N(mean, diag(exp(log_variance))) || N(0, I)) of each row, in nats.

    Args:
        mean, log_variance: tensors of shape (batch, latent_dim), which become (batch,).

    Source: Kingma and Welling (2014), appendix B.
    """
    require_same_matrix("kl_to_standard_normal", mean=mean, log_variance=log_variance)
    variance = ops.exp(log_variance)
    terms = ops.square(mean) + variance - 1 - log_variance
    return ops.sum(terms, axis=-1) / 2


def elbo(images, logits, mean, log_variance):
    """Return each image's bound in nats: log p(x | z) - KL(q(z | x) || p(z)).

    An unbiased estimate with one latent for each image: `logits` decode a draw from q(z | x).

    Args:
        images, logits: tensors of shape (batch, pixels); images are zeros and ones.
        mean, log_variance: tensors of shape (batch, latent_dim), the encoder's Gaussian.

    Source: Kingma and Welling (2014), equation 10.
    """
    if not _fit(images.shape[:1], mean.shape[:1]):
        raise ValueError(f"elbo wants as many means as images, but got {mean.shape[0]} means for "
                         f"{images.shape[0]} images.")
    log_likelihood = bernoulli_log_likelihood(images, logits)
    kl = kl_to_standard_normal(mean, log_variance)
    return log_likelihood - kl


def importance_weighted_bound(log_weights):
    """Return each image's bound in nats: the logarithm of its average weight.

    Written with log-sum-exp, so that weights as small as exp(-1000) count. Samples 1, 2, … of one image are weighed
    against each other, never against those of another image. With one sample it is the ELBO's estimate.

    Args:
        log_weights: tensor (samples, n), log p(x, z) - log q(z | x) of latents drawn from q, a column an image.

    Returns:
        Tensor of shape (n,): on average below log p(x), and the closer the more samples there are.

    Source: Burda, Grosse and Salakhutdinov (2016), section 3.
    """
    if len(log_weights.shape) != 2:
        raise ValueError("importance_weighted_bound wants log_weights of shape (samples, n), but got "
                         f"{tuple(log_weights.shape)}. Give those of a single image a second axis of 1.")
    samples, largest = log_weights.shape[0], ops.max(log_weights, axis=0)
    weights = ops.exp(log_weights - largest)  # an image's largest is 1 now, so that they are never all zero
    return largest + ops.log(ops.sum(weights, axis=0) / samples)


def discriminator_loss(real_logits, fake_logits):
    """Return the discriminator's cross-entropy (real: class 1, generated: class 0).

    From logits (batch, 1), a scalar in nats: the sum of both halves, each averaged over its batch; 2 ln 2 for an
    undecided discriminator. Source: Goodfellow et al. (2014), equation 1.
    """
    _require_logits("discriminator_loss", real_logits=real_logits, fake_logits=fake_logits)
    # -log s(l) = softplus(-l) and -log(1 - s(l)) = softplus(l)
    loss_of_real = ops.mean(ops.softplus(-real_logits))
    loss_of_fakes = ops.mean(ops.softplus(fake_logits))
    return loss_of_real + loss_of_fakes


def generator_loss(fake_logits):
    """Return the non-saturating loss -log D(G(z)), averaged over the batch, in nats.

    From logits (batch, 1), a positive scalar: ln 2 where the discriminator is undecided.
    Source: Goodfellow et al. (2014), section 3.
    """
    _require_logits("generator_loss", fake_logits=fake_logits)
    return ops.mean(ops.softplus(-fake_logits))


def saturating_generator_loss(fake_logits):
    """Return the minimax generator loss log(1 - D(G(z))), averaged over the batch, in nats.

    From logits (batch, 1), a negative scalar: -ln 2 where the discriminator is undecided. Its gradient vanishes where
    that is sure of the fake. For comparison, not for training. Source: Goodfellow et al. (2014), equation 1.
    """
    _require_logits("saturating_generator_loss", fake_logits=fake_logits)
    return -ops.mean(ops.softplus(fake_logits))


def r1_penalty(discriminator, images):
    """Return the squared slope of the discriminator, averaged over real images.

    Args:
        discriminator: images (batch, pixels) → logits (batch, 1).
        images: tensor of shape (batch, pixels), real ones; the result is a scalar, the average of
            |gradient of the logit with respect to the image|².

    Source: Mescheder, Geiger and Nowozin (2018).
    """
    images = ops.convert_to_tensor(images)
    if len(images.shape) != 2:
        raise ValueError(f"r1_penalty wants images of shape (batch, pixels), but got {tuple(images.shape)}. "
                         "Flatten them first.")
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images, training=True)
    slope = tape.gradient(logits, images)
    return ops.mean(ops.sum(ops.square(slope), axis=-1))


def wasserstein_distance_1d(first, second):
    """Return the Wasserstein distance: how far a grain is moved on average.

    On a line the cheapest plan moves the smallest number to the smallest, the second to the second, and so on (Villani,
    2003, chapter 2). Both samples are (n,), in any order; the distance is in the unit of the numbers.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 1 or first.shape != second.shape or not first.size:
        raise ValueError("wasserstein_distance_1d wants two samples of shape (n,) with the same n, but got "
                         f"{first.shape} and {second.shape}. Flatten them, and draw equally many.")
    ways = np.sort(first) - np.sort(second)
    return float(np.mean(np.abs(ways)))


def critic_loss(real_values, fake_values):
    """Return what a Wasserstein critic minimises: its average on fakes minus its average on real images.

    From values (batch, 1), which have no bounds and no unit, a scalar: minus the estimate of the Wasserstein distance,
    if the critic's slope is nowhere above 1. Source: Arjovsky, Chintala and Bottou (2017), equation 2.
    """
    _require_logits("critic_loss", "value", real_values=real_values, fake_values=fake_values)
    return ops.mean(fake_values) - ops.mean(real_values)


def wasserstein_generator_loss(fake_values):
    """Return minus the critic's average on generated images: the generator wants it large.

    From values (batch, 1), a scalar of either sign; only its slope means something.
    Source: Arjovsky, Chintala and Bottou (2017), theorem 3.
    """
    _require_logits("wasserstein_generator_loss", "value", fake_values=fake_values)
    return -ops.mean(fake_values)


def gradient_penalty(critic, real_images, fake_images, random):
    """Return the average of (slope − 1)² of the critic between real and fake images.

    The slope is the length of the gradient of the critic's value with respect to the image. It is measured at one
    point an image, anywhere on the straight line from a fake to a real image with equal probability.

    Args:
        critic: images → values (batch, 1), each depending on its own image alone: no batch normalisation.
        real_images, fake_images: tensors of one shape, (batch, pixels) or (batch, height, width, channels).
        random: keras.random.SeedGenerator, from which the points are drawn.

    Source: Gulrajani et al. (2017), equation 3.
    """
    real_images, fake_images = ops.convert_to_tensor(real_images), ops.convert_to_tensor(fake_images)
    shapes = tuple(real_images.shape), tuple(fake_images.shape)
    if len(shapes[0]) < 2 or not _fit(*shapes):
        raise ValueError("gradient_penalty wants as many real as fake images of one size, (batch, pixels) or (batch, "
                         f"height, width, channels), but got {shapes[0]} and {shapes[1]}. Cut the larger batch, or "
                         "reshape.")
    pixel_axes = tuple(range(1, len(shapes[0])))
    mix = keras.random.uniform((ops.shape(real_images)[0], *[1] * len(pixel_axes)), seed=random)
    between = mix * real_images + (1 - mix) * fake_images
    with tf.GradientTape() as tape:
        tape.watch(between)
        values = critic(between, training=True)
    gradient = tape.gradient(values, between)
    slope = ops.sqrt(ops.sum(ops.square(gradient), axis=pixel_axes) + SMALLEST_SQUARE)
    return ops.mean(ops.square(slope - 1))


def exponential_moving_average(average, weights, decay):
    """Return decay · average + (1 − decay) · weights, the average one step later.

    The weights of s steps ago count decay to the power of s: the average reaches back about 1 / (1 − decay) steps
    (Yazıcı et al., 2019). It starts at the first weights themselves, as those of Keras' optimisers (`use_ema`) do.

    Args:
        average: list of arrays, as the step before returned it; None at the first step.
        weights: list of arrays of the same shapes, as `get_weights()` of a network returns them.
        decay: how much of the old average is kept, in [0, 1).
    """
    if not 0 <= decay < 1:
        raise ValueError(f"exponential_moving_average wants a decay of at least 0 and below 1, but got {decay}. To "
                         "reach back n steps, give 1 - 1 / n.")
    if average is None:
        return [np.array(weight) for weight in weights]
    shapes = [[np.shape(array) for array in arrays] for arrays in (average, weights)]
    if shapes[0] != shapes[1]:
        raise ValueError("exponential_moving_average wants an average and weights of the same shapes, but got "
                         f"{shapes[0]} and {shapes[1]}. Begin with average=None for another network.")
    return [decay * old + (1 - decay) * new for old, new in zip(average, weights, strict=True)]


def require_same_matrix(caller, **tensors):
    """Refuse shapes that would broadcast silently into a wrong sum."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name, shape in shapes.items():
        if len(shape) != 2:
            raise ValueError(f"{caller} wants {name} of shape (batch, size), but got {shape}. "
                             "Flatten images to (batch, 784); give a single example a batch axis of 1.")
    (first_name, first), *others = shapes.items()
    for name, shape in others:
        if not _fit(first, shape):
            raise ValueError(f"{caller} wants {first_name} and {name} of the same shape, but got {first} and {shape}.")


def _require_logits(caller, kind="logit", **tensors):
    """Refuse anything but one logit, or one value of a critic, an image."""
    network = "discriminator" if kind == "logit" else "critic"
    for name, tensor in tensors.items():
        if len(tensor.shape) != 2 or tensor.shape[-1] != 1:
            raise ValueError(f"{caller} wants {name} of shape (batch, 1), one {kind} an image, but got "
                             f"{tuple(tensor.shape)}. End the {network} with Dense(1) and no sigmoid.")


def _fit(first, second):
    """Return whether two shapes are the same, as far as they are known: a graph can have a size of None."""
    return len(first) == len(second) and all(None in pair or pair[0] == pair[1] for pair in zip(first, second))
