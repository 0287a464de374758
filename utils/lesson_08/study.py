"""What only lesson 8 computes: the best discriminator."""




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
