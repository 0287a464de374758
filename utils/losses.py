"""Log-likelihoods, bounds and GAN losses as pure functions of tensors, with their shapes checked.

Everything probabilistic is in nats per image: summed over pixels or latents, never averaged over them.
"""

import math

import tensorflow as tf
from keras import ops


def bernoulli_log_likelihood(images, logits):
    """Return log p(x | z) of each image under one Bernoulli a pixel, in nats.

    Written with the softplus, so that it is finite for logits of any size:
    x log s(l) + (1 - x) log(1 - s(l)) = x l - log(1 + exp(l)), where s is the sigmoid.

    Args:
        images: tensor of shape (batch, pixels), zeros and ones.
        logits: tensor of shape (batch, pixels), the decoder's output before the sigmoid.

    Returns:
        Tensor of shape (batch,), summed over the pixels, never positive.

    Raises:
        ValueError: if the shapes differ or are not of rank 2.
    """
    _require_same_matrix("bernoulli_log_likelihood", images=images, logits=logits)
    return ops.sum(images * logits - ops.softplus(logits), axis=-1)


def gaussian_log_density(latents, mean, log_variance):
    """Return log N(z; mean, diag(exp(log_variance))) of each latent, in nats.

    Args:
        latents, mean, log_variance: tensors of shape (batch, latent_dim).

    Returns:
        Tensor of shape (batch,), summed over the latent dimensions.

    Raises:
        ValueError: if the shapes differ or are not of rank 2.
    """
    _require_same_matrix("gaussian_log_density", latents=latents, mean=mean, log_variance=log_variance)
    squared_distance = ops.square(latents - mean) * ops.exp(-log_variance)
    return -0.5 * ops.sum(math.log(2 * math.pi) + log_variance + squared_distance, axis=-1)


def kl_to_standard_normal(mean, log_variance):
    """Return KL(N(mean, diag(exp(log_variance))) || N(0, I)) of each example, in nats.

    Args:
        mean, log_variance: tensors of shape (batch, latent_dim).

    Returns:
        Tensor of shape (batch,), non-negative.

    Raises:
        ValueError: if the shapes differ or are not of rank 2.

    Source: Kingma and Welling (2014), appendix B.
    """
    _require_same_matrix("kl_to_standard_normal", mean=mean, log_variance=log_variance)
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1)


def elbo(images, logits, mean, log_variance):
    """Return the evidence lower bound of each image, in nats: log p(x | z) - KL(q(z | x) || p(z)).

    An unbiased estimate with one latent for each image: `logits` decode a draw from q(z | x).

    Args:
        images, logits: tensors of shape (batch, pixels); images are zeros and ones.
        mean, log_variance: tensors of shape (batch, latent_dim), the encoder's Gaussian.

    Returns:
        Tensor of shape (batch,).

    Raises:
        ValueError: if shapes do not fit.

    Source: Kingma and Welling (2014), equation 10.
    """
    if None not in (images.shape[0], mean.shape[0]) and images.shape[0] != mean.shape[0]:
        raise ValueError(f"elbo wants as many means as images, but got {mean.shape[0]} means for "
                         f"{images.shape[0]} images.")
    return bernoulli_log_likelihood(images, logits) - kl_to_standard_normal(mean, log_variance)


def importance_weighted_bound(log_weights):
    """Return the importance-weighted bound of each image, in nats: the logarithm of its average weight.

    Written with log-sum-exp, so that weights as small as exp(-1000) count. Samples 1, 2, … of one image are weighed
    against each other, never against those of another image. With one sample it is the ELBO's estimate.

    Args:
        log_weights: tensor of shape (samples, n), log p(x, z) - log q(z | x) of latents drawn from q, a column
            an image.

    Returns:
        Tensor of shape (n,): on average below log p(x), and the closer the more samples there are.

    Raises:
        ValueError: if the weights are not of rank 2.

    Source: Burda, Grosse and Salakhutdinov (2016), section 3.
    """
    if len(log_weights.shape) != 2:
        raise ValueError("importance_weighted_bound wants log_weights of shape (samples, n), but got "
                         f"{tuple(log_weights.shape)}. Give those of a single image a second axis of 1.")
    return ops.logsumexp(log_weights, axis=0) - math.log(log_weights.shape[0])


def kl_of_each_dimension(mean, log_variance):
    """Return KL(N(mean, exp(log_variance)) || N(0, 1)) of each latent dimension of each example, in nats.

    Args:
        mean, log_variance: tensors of shape (batch, latent_dim).

    Returns:
        Tensor of shape (batch, latent_dim), non-negative; summed over the last axis it is `kl_to_standard_normal`.

    Raises:
        ValueError: if the shapes differ or are not of rank 2.

    Source: Kingma and Welling (2014), appendix B.
    """
    _require_same_matrix("kl_of_each_dimension", mean=mean, log_variance=log_variance)
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance)


def free_bits(kl_of_each_dimension, minimum):
    """Return the price of the latents in nats when each dimension may use `minimum` nats for free.

    The KL of a dimension is averaged over the batch first. A dimension whose average lies below the minimum is charged
    the minimum, so that no gradient pushes it further towards the prior.

    Args:
        kl_of_each_dimension: tensor of shape (batch, latent_dim), as the function of that name returns it.
        minimum: nats for each dimension.

    Returns:
        Scalar, in nats per image: the sum over the dimensions.

    Raises:
        ValueError: if the tensor is not of rank 2.

    Source: Kingma et al. (2016), who name it.
    """
    if len(kl_of_each_dimension.shape) != 2:
        raise ValueError("free_bits wants the KL of each dimension, of shape (batch, latent_dim), but got "
                         f"{tuple(kl_of_each_dimension.shape)}. Do not sum over the dimensions before.")
    return ops.sum(ops.maximum(ops.mean(kl_of_each_dimension, axis=0), minimum))


def discriminator_loss(real_logits, fake_logits):
    """Return the discriminator's cross-entropy: real images are class 1, generated images class 0.

    Args:
        real_logits, fake_logits: tensors of shape (batch, 1), before the sigmoid.

    Returns:
        Scalar in nats, the sum of both halves, each averaged over its batch: 2 ln 2 for an undecided discriminator.

    Raises:
        ValueError: if a tensor is not of shape (batch, 1).

    Source: Goodfellow et al. (2014), equation 1.
    """
    _require_logits("discriminator_loss", real_logits=real_logits, fake_logits=fake_logits)
    # -log s(l) = softplus(-l) and -log(1 - s(l)) = softplus(l)
    return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))


def generator_loss(fake_logits):
    """Return the non-saturating generator loss -log D(G(z)), averaged over the batch, in nats.

    Args:
        fake_logits: tensor of shape (batch, 1), the discriminator's logits of generated images.

    Returns:
        Scalar, positive: ln 2 when the discriminator is undecided.

    Raises:
        ValueError: if the tensor is not of shape (batch, 1).

    Source: Goodfellow et al. (2014), section 3.
    """
    _require_logits("generator_loss", fake_logits=fake_logits)
    return ops.mean(ops.softplus(-fake_logits))


def saturating_generator_loss(fake_logits):
    """Return the minimax generator loss log(1 - D(G(z))), averaged over the batch, in nats.

    Its gradient vanishes where the discriminator is sure of the fake. For comparison, not for training.

    Args:
        fake_logits: tensor of shape (batch, 1), the discriminator's logits of generated images.

    Returns:
        Scalar, negative: -ln 2 when the discriminator is undecided.

    Raises:
        ValueError: if the tensor is not of shape (batch, 1).

    Source: Goodfellow et al. (2014), equation 1.
    """
    _require_logits("saturating_generator_loss", fake_logits=fake_logits)
    return -ops.mean(ops.softplus(fake_logits))


def r1_penalty(discriminator, images):
    """Return the squared slope of the discriminator at real images, averaged over them.

    Args:
        discriminator: images (batch, pixels) → logits (batch, 1).
        images: tensor of shape (batch, pixels), real ones.

    Returns:
        Scalar, the average of |gradient of the logit with respect to the image|², not negative.

    Raises:
        ValueError: if the images are not of rank 2.

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


def optimal_discriminator(real_density, fake_density):
    """Return the probability of "real" that the best possible discriminator gives, from both densities.

    Args:
        real_density, fake_density: densities at the same points, floats or arrays of one shape, non-negative and not
            both zero.

    Returns:
        p / (p + q), of the same shape, in [0, 1].

    Source: Goodfellow et al. (2014), proposition 1.
    """
    return real_density / (real_density + fake_density)


def _require_same_matrix(caller, **tensors):
    """Refuse shapes that would broadcast silently into a wrong sum."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    (first_name, first), *others = shapes.items()
    for name, shape in shapes.items():
        if len(shape) != 2:
            raise ValueError(f"{caller} wants {name} of shape (batch, size), but got {shape}. "
                             "Flatten images to (batch, 784); give a single example a batch axis of 1.")
    for name, shape in others:
        if any(None not in pair and pair[0] != pair[1] for pair in zip(first, shape, strict=True)):
            raise ValueError(f"{caller} wants {first_name} and {name} of the same shape, but got {first} and {shape}.")


def _require_logits(caller, **tensors):
    for name, tensor in tensors.items():
        if len(tensor.shape) != 2 or tensor.shape[-1] != 1:
            raise ValueError(f"{caller} wants {name} of shape (batch, 1), one logit an image, but got "
                             f"{tuple(tensor.shape)}. End the discriminator with Dense(1) and no sigmoid.")
