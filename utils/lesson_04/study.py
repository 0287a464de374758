"""What only lesson 4 computes: integrals over latents, their errors, the bound of a q, and posteriors in the plane."""

import time

import numpy as np
from scipy.stats import norm

from utils.likelihood import log_marginal_by_quadrature, posterior_on_grid
from utils.losses import log_likelihood_of_pairs
from utils.models import decode_grid
from utils.training import LiveView


def log_sum_exp(values):
    """Return log(sum(exp(values))) over the last axis, without overflow.

    Shapes: (…, n) → (…). -inf stands for the logarithm of 0, and comes back where a whole row is.
    """
    values = np.asarray(values, np.float64)
    largest = np.max(values, axis=-1, keepdims=True)
    largest = np.where(largest == -np.inf, 0.0, largest)  # -inf - (-inf) would be NaN
    with np.errstate(divide="ignore"):  # log 0 is the right answer for such a row
        return np.log(np.sum(np.exp(values - largest), axis=-1)) + largest[..., 0]


def quadrature(log_prior, log_likelihood, cell):
    """Return log p(x) in nats from log p(z) and log p(x | z) in the middle of cells.

    The cells cover all z. Shapes: (…, points), a row for each x, → (…); `log_prior` may be (points,), the same for
    every row. `cell` is the length (in the plane, the area) of each.
    """
    return log_sum_exp(log_prior + log_likelihood) + np.log(cell)


def importance_sampling(log_prior, log_likelihood, log_q):
    """Return an estimate of log p(x) in nats from draws of q, by their logarithms.

    These are log p(z), log p(x | z) and log q(z) of each draw. Shapes: (…, draws), a row for each estimate, → (…).
    """
    log_weights = log_prior + log_likelihood - log_q
    return log_sum_exp(log_weights) - np.log(log_weights.shape[-1])


def elbo_of_q(log_prior, log_likelihood, log_q, cell):
    """Return the ELBO of a density q in nats from logarithms in the middle of cells.

    The cells cover all z. Shapes: (points,), (points,) and (…, points), a row for each q, whose exponential integrates
    to one, → (…).
    """
    return np.sum(np.exp(log_q) * (log_prior + log_likelihood - log_q), axis=-1) * cell


# A curve of Gaussians and a straight line with noise --------------------------------------------------------

def points_of_plane(right, top):
    """Return evenly spaced points of the plane, (81, 121, 2), and their extent: (left, right, bottom, top)."""
    axes = np.linspace(-right, right, 121), np.linspace(-top, top, 81)
    return np.stack(np.meshgrid(*axes), axis=-1), (-right, right, -top, top)


def corners_of_cells(count, dimensions):
    """Return the lower corners of side^d cells of the unit cube, (count, dimensions), and side."""
    side = round(count ** (1 / dimensions))
    corners = np.meshgrid(*[np.arange(side) / side] * dimensions)
    return np.stack(corners, axis=-1).reshape(-1, dimensions), side


def compare_methods(methods, exact, x, line, repetitions=100):
    """Return the relative errors of four ways to integrate, as `pictures.integration_errors` draws them.

    Args:
        methods: dictionary of name → function of (x, count, random, repetitions) that estimates log p(x).
        exact: function of x that returns log p(x).
        x: list of one or two numbers, the observation: as many as the latents.
        line: (a, b, s) of the model x = a z + b + s ε in each dimension.

    Returns:
        Counts of points, errors (root mean square), more counts, predicted errors there, and names of slopes.
    """
    x = np.array(x)
    counts, random = 2 ** np.arange(2, 15, len(x)), np.random.default_rng(1)
    errors = {name: np.array([np.sqrt(np.mean(np.expm1(method(x, count, random, repetitions) - exact(x)) ** 2))
                              for count in counts]) for name, method in methods.items()}
    more_counts, slope = np.geomspace(4, counts[-1], 60), "−1" if len(x) == 2 else "−3/2"
    slopes = {"simple Monte Carlo": "slope −1/2", "importance sampling": "slope −1/2", "stratified": f"slope {slope}"}
    return counts, errors, more_counts, predicted_errors(x, more_counts, line), slopes


def predicted_errors(x, counts, line, widening=1.5):
    """Return the relative error that theory gives each way to integrate at each number of points.

    Args:
        x: (d,) observation, one number for each latent.
        counts: (n,) numbers of points.
        line: (a, b, s) of the model x = a z + b + s ε in each dimension.
        widening: how much wider than the posterior the proposal of importance sampling is.
    """
    (a, b, s), z, d = line, np.linspace(-6, 6, 2001), len(x)
    likelihood, evidence = norm.pdf(x[:, None], a * z + b, s), np.prod(norm.pdf(x, b, np.hypot(a, s)))
    squares = norm.pdf(x, b, np.sqrt(a**2 + s**2 / 2)) / (2 * s * np.sqrt(np.pi))  # E[L²], each dimension
    slopes = likelihood * a * (x[:, None] - a * z - b) / s**2
    steepness = np.sum(slopes**2 / norm.pdf(z), axis=1) * (z[1] - z[0])  # ∫ g'(u)² du
    gradient = np.sum(steepness / squares) * np.prod(squares)
    rho, sides = _rho_of_proposal(widening), counts ** (1 / d)
    return {"simple Monte Carlo": np.sqrt((np.prod(squares) / evidence**2 - 1) / counts),
            "importance sampling": np.sqrt((rho**d - 1) / counts),
            "stratified": np.sqrt(gradient / 12 / counts) / sides / evidence,
            "grid": np.sqrt(2 * d) * np.exp(-2 * (np.pi * s / np.hypot(a, s) * sides / 12) ** 2)}


def errors_by_dimension(methods, exact, observations, dimensions, count, random):
    """Return what each way misses log p(x) by, in nats: name → (sizes, n), one estimate of each observation.

    Args:
        methods, exact: as for `compare_methods`.
        observations: (n, d) with d numbers, of which the first 1, 2, … are used.
        dimensions: list of these sizes.
        count: points of each estimate.
        random: NumPy generator.
    """
    errors = {name: [] for name in methods}
    for size in dimensions:
        for name, method in methods.items():
            errors[name].append([method(x, count, random, 1)[0] - exact(x) for x in observations[:, :size]])
    return {name: np.array(values) for name, values in errors.items()}


def points_needed(observations, dimensions, line, error=0.1, widening=1.2):
    """Return how many points each way needs for a relative error, by the theory: name → (sizes,).

    For simple Monte Carlo it is the median over the observations (n, d). `line` is as for `predicted_errors`.
    """
    a, b, s = line
    squares = norm.pdf(observations, b, np.sqrt(a**2 + s**2 / 2)) / (2 * s * np.sqrt(np.pi))
    rho = squares / norm.pdf(observations, b, np.hypot(a, s)) ** 2  # of each dimension
    typical_rho = np.median(np.cumprod(rho, axis=1), axis=0)[dimensions - 1]
    cell = s / np.hypot(a, s) * np.pi * np.sqrt(2 / np.log(np.sqrt(2 * dimensions) / error))
    return {"grid": np.ceil(12 / cell) ** dimensions,
            "simple Monte Carlo": (typical_rho - 1) / error**2,
            "importance sampling": (_rho_of_proposal(widening) ** dimensions - 1) / error**2}


def _rho_of_proposal(widening):
    """Return E[w²] / p(x)² of a Gaussian posterior and a proposal so many times as wide."""
    return widening**2 / np.sqrt(2 * widening**2 - 1)


# The bound --------------------------------------------------------------------------------------------------

def print_parts(name, elbo, log_prior, log_likelihood, log_q, cell):
    """Print how an ELBO comes about and what it lacks, and return that: KL(q ‖ posterior) in nats.

    Arguments as for `elbo_of_q`, for a single q; `elbo` must be what its two parts give.
    """
    q = np.exp(log_q)
    log_posterior = log_prior + log_likelihood - quadrature(log_prior, log_likelihood, cell)
    explained, price, gap = (np.sum(q * each) * cell for each in (
        log_likelihood, log_q - log_prior, log_q - log_posterior))
    print(f"{name:16}  {explained:6.2f} − {price:.2f} = ELBO {elbo:6.2f},  + KL {gap:5.2f} = {elbo + gap:.6f} nats")
    assert abs(explained - price - elbo) < 1e-9, "the ELBO is not what its two parts give"
    return gap


# Digits -----------------------------------------------------------------------------------------------------

def coins_of(images, scored):
    """Return log p(x) of the images to score, (n, 1), under independent pixels with these images' frequencies."""
    frequency = (images.sum(axis=0) + 1) / (len(images) + 2)  # add-one: no pixel is impossible
    log_odds = np.log(frequency / (1 - frequency))[None].astype("float32")
    return np.asarray(log_likelihood_of_pairs(scored, log_odds))


def coins_by_digit(images, labels, scored):
    """Return log p(digit) + log p(x | digit) of the images to score, (n, 10), with the coins of each digit."""
    of_digit = [images[labels == digit] for digit in range(10)]
    return np.concatenate([coins_of(own, scored) + np.log(len(own) / len(images)) for own in of_digit], axis=1)


def view_of_the_plane():
    """Return the live view of a model by the integral: log p(x), and 8 × 8 digits decoded over the plane."""
    return LiveView({"log_marginal": "log p(x)"}, y="nats per training image", caption="the plane", columns=8, rows=8,
                    images=lambda model: decode_grid(model.decoder, side=8))


def with_error(values, digits=1):
    """Return the average of values in nats with its standard error, in words."""
    return f"{np.mean(values):.{digits}f} ± {np.std(values) / np.sqrt(len(values)):.{digits}f} nats"


def exact_and_own(models, images):
    """Print and return the exact log p(x) of each image under each model, and the average that the model itself says.

    Args:
        models: dictionary of name → `DecoderByIntegral`.
        images: (n, 784) zeros and ones.
    """
    exact, own = {}, {}
    for name, model in models.items():
        exact[name] = log_marginal_by_quadrature(model.decoder, images, points_per_side=101)
        own[name] = np.mean(model(images))
        print(f"{name:18} exact log p(x) {exact[name].mean():.1f} nats; the model itself says {own[name]:.1f}")
    return exact, own


def posterior_windows(decoder, images, log_marginals, ranks=(15, 75, 150, 225, 285, 299)):
    """Return some images' numbers, from the surest posterior to the widest, and each posterior on a window around it.

    A coarse grid over the plane says where a posterior lies, and a fine one draws it.

    Args:
        decoder: latents (batch, 2) → logits (batch, 784).
        images, log_marginals: (n, 784) zeros and ones, and their exact log p(x).
        ranks: places in the order of the posteriors' spread.

    Returns:
        Indices of the images, and pairs of a density (91, 91) and its extent, as `pictures.posterior_maps` wants them.
    """
    coarse = posterior_on_grid(decoder, images).reshape(len(images), -1) * 0.05**2  # probabilities of the cells
    grid = np.stack(np.meshgrid(*[np.linspace(-5, 5, 201)] * 2), axis=-1).reshape(-1, 2)
    centres = coarse @ grid
    spreads = np.sqrt(np.maximum(coarse @ np.sum(grid**2, axis=1) - np.sum(centres**2, axis=1), 0))
    order, windows = np.argsort(spreads)[list(ranks)], []
    for index in order:
        inside = grid[coarse[index] > 0.002 * coarse[index].max()]
        centre, reach = (inside.min(axis=0) + inside.max(axis=0)) / 2, 0.55 * np.ptp(inside, axis=0).max() + 0.08
        windows.append(_posterior_near(decoder, images[index], log_marginals[index], centre, reach))
    return order, windows


def _posterior_near(decoder, image, log_marginal, centre, reach, points=91):
    """Return p(z | x) on a square window of the plane, (points, points), and the window's extent."""
    first, second = (middle + np.linspace(-reach, reach, points) for middle in centre)
    z = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    log_likelihoods = np.asarray(log_likelihood_of_pairs(image[None], decoder(z.astype("float32"))))[0]
    density = np.exp(norm.logpdf(z).sum(axis=-1) + log_likelihoods - log_marginal)
    return density.reshape(points, points), (first[0], first[-1], second[0], second[-1])


def seconds_per_point(model, batch):
    """Return how long a forward pass of one batch takes for each point of the integral, on average of five."""
    began = time.perf_counter()
    for _ in range(5):
        model(batch)
    return (time.perf_counter() - began) / 5 / model.side**2
