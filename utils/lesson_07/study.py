"""What only lesson 7 computes: the price of each latent dimension, and which of them are used."""

import numpy as np
from keras import ops

from utils.losses import require_same_matrix


def active_units(means, threshold=0.01):
    """Return how many latent dimensions an encoder uses: those whose mean differs from image to image.

    A dimension that says nothing about the image has the same mean for all, near the prior's 0.

    Args:
        means: array of shape (n, latent_dim), the means of q(z | x) of at least two images.
        threshold: variance across the images (their average squared deviation) above which a dimension counts.

    Source: Burda, Grosse and Salakhutdinov (2016), section 5.
    """
    means = np.asarray(means)
    if means.ndim != 2 or len(means) < 2:
        raise ValueError("active_units wants means of shape (n, latent_dim) of at least two images, but got "
                         f"{means.shape}. Encode a batch of test images.")
    return int(np.sum(np.var(means, axis=0) > threshold))


def kl_of_each_dimension(mean, log_variance):
    """Return KL(N(mean, exp(log_variance)) || N(0, 1)) of each latent dimension of each example, in nats.

    Args:
        mean, log_variance: tensors of shape (batch, latent_dim).

    Returns:
        Tensor of shape (batch, latent_dim), non-negative; summed over the last axis it is `kl_to_standard_normal`.

    Source: Kingma and Welling (2014), appendix B.
    """
    require_same_matrix("kl_of_each_dimension", mean=mean, log_variance=log_variance)
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance)


def free_bits(kl_of_each_dimension, minimum):
    """Return the price of the latents in nats when each dimension may use `minimum` nats for free.

    The KL of a dimension is averaged over the batch first. A dimension whose average lies below the minimum is charged
    the minimum, so that no gradient pushes it further towards the prior. The sum over the dimensions is a scalar.

    Args:
        kl_of_each_dimension: tensor of shape (batch, latent_dim), as the function of that name returns it.
        minimum: nats for each dimension.

    Source: Kingma et al. (2016), who name it.
    """
    if len(kl_of_each_dimension.shape) != 2:
        raise ValueError("free_bits wants the KL of each dimension, of shape (batch, latent_dim), but got "
                         f"{tuple(kl_of_each_dimension.shape)}. Do not sum over the dimensions before.")
    average = ops.mean(kl_of_each_dimension, axis=0)
    charged = ops.maximum(average, minimum)
    return ops.sum(charged)
