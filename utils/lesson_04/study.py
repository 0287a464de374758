"""What only lesson 4 computes: integrals by quadrature and by sampling, and the bound of a q, on a line."""

import numpy as np


def log_sum_exp(values):
    """Return log(sum(exp(values))) over the last axis, without overflow: (…, n) → (…).

    -inf stands for the logarithm of 0, and comes back where a whole row is.
    """
    values = np.asarray(values, np.float64)
    largest = np.max(values, axis=-1, keepdims=True)
    largest = np.where(largest == -np.inf, 0.0, largest)  # -inf - (-inf) would be NaN
    with np.errstate(divide="ignore"):  # log 0 is the right answer for such a row
        return np.log(np.sum(np.exp(values - largest), axis=-1)) + largest[..., 0]


def quadrature(log_prior, log_likelihood, cell):
    """Return log p(x) from log p(z) and log p(x | z) at the middles of cells that cover all z, in nats.

    Shapes: (…, points), a row for each x, → (…); `log_prior` may be (points,), the same for every row. `cell` is the
    length (in the plane, the area) of each.
    """
    return log_sum_exp(log_prior + log_likelihood) + np.log(cell)


def importance_sampling(log_prior, log_likelihood, log_q):
    """Return an estimate of log p(x) from draws of q: log p(z), log p(x | z) and log q(z) of each, in nats.

    Shapes: (…, draws), a row for each estimate, → (…).
    """
    log_weights = log_prior + log_likelihood - log_q
    return log_sum_exp(log_weights) - np.log(log_weights.shape[-1])


def elbo_of_q(log_prior, log_likelihood, log_q, cell):
    """Return the ELBO of a density q from the three logarithms at the middles of cells that cover all z, in nats.

    Shapes: (points,), (points,) and (…, points), a row for each q, whose exponential integrates to one, → (…).
    """
    return np.sum(np.exp(log_q) * (log_prior + log_likelihood - log_q), axis=-1) * cell
