"""What only lesson 8 computes: the best discriminator."""


def optimal_discriminator(real_density, fake_density):
    """Return the probability of "real" that the best possible discriminator gives, from both densities.

    The densities, floats or arrays of one shape, are taken at the same points, and not both zero (Goodfellow et al.,
    2014, proposition 1).
    """
    both = real_density + fake_density
    return real_density / both
