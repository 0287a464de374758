"""Lesson 4 · Latent variable models."""

import numpy as np
from keras import ops
from scipy.stats import norm

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.lesson_04.study import elbo_of_q, importance_sampling, log_sum_exp, quadrature
from utils.losses import bernoulli_log_likelihood

_of_sum, _of_quadrature = edits_of(log_sum_exp), edits_of(quadrature)
_of_sampling, _of_elbo = edits_of(importance_sampling), edits_of(elbo_of_q)
_UNGUARDED = ("largest = np.where(largest == -np.inf, 0.0, largest)", "")  # NaN for a row of nothing but -inf


def _bent(x, z, noise=0.4):
    return norm.logpdf(x, z**2, noise)


def _cells():
    """Return middles of cells in one dimension, their length, and the prior's log density there."""
    z = np.linspace(-6, 6, 61)
    return z, z[1] - z[0], norm.logpdf(z)


def _rows_of_logarithms():
    random = np.random.default_rng(0)
    return [(np.array([0.0, 1.0, -2.0]),), (random.normal(size=(3, 3)),), (random.normal(size=(2, 3, 4)),),
            (np.array([[1000.0, 999.0, 1001.0], [-1000.0, -1002.0, -1001.0]]),),
            (np.array([[0.5, -np.inf, 2.0], [-np.inf, -np.inf, -np.inf]]),)]


def _grids():
    z, cell, log_prior = _cells()
    plane = np.stack(np.meshgrid(z[::3], z[::3]), axis=-1).reshape(-1, 2)
    x = np.array([2.0, -0.5, 1.0])
    return [(log_prior, _bent(2.0, z), cell), (log_prior, _bent(x[:, None], z), cell),
            (norm.logpdf(plane).sum(axis=1), norm.logpdf(1.5, plane.sum(axis=1), 0.7) - 3.0, (3 * cell) ** 2),
            (log_prior, 400 * _bent(x[:, None], z) - 900.0, cell)]


def _draws():
    random = np.random.default_rng(1)
    cases = []
    for mean, deviation, x, noise in ((1.4, 0.3, np.array(2.0), 0.4), (0.5, 1.5, np.array([2.0, -0.5]), 0.4),
                                      (1.0, 0.5, np.array([1.0, 2.0, 40.0]), 0.02)):
        z = random.normal(mean, deviation, (*x.shape, 7))
        cases.append((norm.logpdf(z), _bent(x[..., None], z, noise), norm.logpdf(z, mean, deviation)))
    return cases


def _candidates():
    z, cell, log_prior = _cells()
    means, deviations = np.array([1.4, 0.0, -1.0]), np.array([0.3, 1.2, 0.6])
    return [(log_prior, _bent(2.0, z), norm.logpdf(z, 1.4, 0.3), cell),
            (log_prior, _bent(1.0, z), norm.logpdf(z, means[:, None], deviations[:, None]), cell)]


def _images_and_logits():
    random = np.random.default_rng(2)
    pairs = [([[1.0, 0.0, 1.0]], [[2.0, -1.0, -0.5]]),
             *((random.random(shape) < 0.4, random.normal(0, 2, shape)) for shape in ((2, 5), (3, 784))),
             ([[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0]],
              [[1000.0, -1000.0, -1000.0, 1000.0], [30.0, -40.0, 90.0, 100.0]])]
    return [(np.array(images, np.float32), np.array(logits, np.float32)) for images, logits in pairs]


def _by_probabilities(images, logits, lowest=0.0):
    """The log-likelihood by way of the sigmoid, as one writes it first."""
    probabilities = np.clip(1 / (1 + np.exp(-logits)), lowest, 1 - lowest)
    return np.sum(images * np.log(probabilities) + (1 - images) * np.log(1 - probabilities), axis=-1)


EXERCISES = (
    Exercise(identifier="4.1", reference=log_sum_exp, cases=_rows_of_logarithms, mistakes=(
        Mistake("right for small numbers, but exp(1000) is too large for a float and exp(-1000) too small. What "
                "can you take out of the sum first, so that its largest term becomes exp(0)?",
                lambda values: np.log(np.sum(np.exp(values), axis=-1))),
        Mistake("this is the logarithm of the mean. Of the sum is wanted: nothing is divided by the number of "
                "terms.", _of_sum("np.sum", "np.mean")),
        Mistake("you sum over the first axis. Each row has a sum of its own: over the last axis.",
                lambda values: log_sum_exp(np.moveaxis(values, 0, -1))),
        Mistake("you sum over everything at once. Each row has a sum of its own: over the last axis.",
                lambda values: log_sum_exp(np.ravel(values))),
        Mistake("the maximum is subtracted inside, but never added back outside the logarithm.",
                _of_sum(*_UNGUARDED, "largest[..., 0] + ", "")),
        Mistake("you subtract the largest number of the whole array. A row that lies far below it still underflows: "
                "each row needs its own maximum.", _of_sum("np.max(values, axis=-1", "np.max(values")),
        Mistake("right, but for a row that holds nothing but -inf: there -inf - (-inf) is NaN. Subtract something "
                "else there.", _of_sum(*_UNGUARDED)),
        Mistake("this is the sum of the values, the logarithm of a product. Undo the logarithms before you add.",
                lambda values: np.sum(values, axis=-1)),
        Mistake("this is the mean of the values, the logarithms themselves. Undo the logarithms before you add.",
                lambda values: np.mean(values, axis=-1)),
        Mistake("this is the largest value alone. It is close where one term outweighs all others, and only there.",
                lambda values: np.max(values, axis=-1)),
        Mistake("the maximum comes back with the wrong sign. What was taken out of the sum as a factor exp(m) "
                "comes back as which term?", _of_sum(*_UNGUARDED, "return largest", "return -largest")),
    ), hints=(
        "Σ exp(vᵢ) = exp(m) Σ exp(vᵢ − m) for any number m. Take the logarithm of both sides.",
        "With m the largest value of the row, no exponent is above 0, and one of them is 0: nothing overflows and "
        "the sum is at least 1. `np.max(values, axis=-1, keepdims=True)` subtracts well.",
        "Where a whole row is -inf, take m = 0 (`np.where`). Then log 0 = -inf is the answer; "
        "`np.errstate(divide=\"ignore\")` keeps NumPy from warning of it.",
    )),
    Exercise(identifier="4.2", reference=quadrature, cases=_grids, mistakes=(
        Mistake("the size of the cells is missing: a sum over points grows with their number, an integral "
                "does not.", _of_quadrature(" + np.log(cell)", "")),
        Mistake("`cell` itself is added to a logarithm. A factor outside becomes which term inside the logarithm?",
                _of_quadrature("np.log(cell)", "cell")),
        Mistake("the logarithm is multiplied with `cell`. The factor belongs to the sum, before its logarithm is "
                "taken.", _of_quadrature("+ np.log(cell)", "* cell")),
        Mistake("you divide by the size of the cells. Height times width is the area of a bar.",
                _of_quadrature("+ np.log(cell)", "- np.log(cell)")),
        Mistake("the prior is left out: this integrates the likelihood, in which latents that hardly ever occur "
                "weigh as much as all others.", _of_quadrature("log_prior + log_likelihood", "log_likelihood")),
        Mistake("the likelihood is left out: this is the logarithm of the prior's whole mass, about log 1.",
                _of_quadrature("+ log_likelihood)", "+ 0 * log_likelihood)")),
        Mistake("this is a mean of logarithms. The integral adds up probabilities; the logarithm comes last.",
                lambda log_prior, log_likelihood, cell: np.mean(log_prior + log_likelihood, axis=-1)),
        Mistake("this is the average of log p(x | z) under the prior, a mean of logarithms. The logarithm comes "
                "last, after the sum.",
                lambda log_prior, log_likelihood, cell: np.sum(np.exp(log_prior) * log_likelihood, axis=-1) * cell),
        Mistake("the sum is divided by the number of points. A mean would be right for draws from the prior; cells of "
                "a grid are weighed by prior and size.", _of_quadrature("+ np.log(cell)", "- np.log(len(log_prior))")),
        Mistake("right where numbers are of ordinary size, but exp(-900) is 0 to a float. You have a function that "
                "adds up in logarithms.",
                _of_quadrature("log_sum_exp(log_prior + log_likelihood)",
                                 "np.log(np.sum(np.exp(log_prior + log_likelihood), axis=-1))")),
        Mistake("you multiply logarithms. The logarithm of a product is the sum of the logarithms.",
                _of_quadrature("log_prior + log_likelihood", "log_prior * log_likelihood")),
    ), hints=(
        "Draw bars of height p(z) p(x | z) and width `cell`, and add up their areas.",
        "The logarithm of a product is a sum of logarithms; your `log_sum_exp` adds up the bars.",
        "Every bar has the same width. Take it out of the sum: which term does it become in the logarithm?",
    )),
    Exercise(identifier="4.3", reference=importance_sampling, cases=_draws, mistakes=(
        Mistake("the weights are added up, not averaged: twice as many draws would give twice the probability.",
                _of_sampling(" - np.log(log_weights.shape[-1])", "")),
        Mistake("this is the mean of the logarithms. The logarithm of the mean is wanted; by Jensen's inequality "
                "yours is never higher.",
                _of_sampling("log_sum_exp(log_weights) - np.log(log_weights.shape[-1])",
                               "np.mean(log_weights, axis=-1)")),
        Mistake("you divide by the number of rows. Each row averages its own draws, along the last axis.",
                _of_sampling("log_weights.shape[-1]", "len(log_weights)")),
        Mistake("you divide by the draws of all rows together. Each row averages its own draws, along the last "
                "axis.", _of_sampling("log_weights.shape[-1]", "log_weights.size")),
        Mistake("the prior is left out of the weights. How probable is z before anything is seen?",
                _of_sampling("= log_prior + log_likelihood", "= log_likelihood")),
        Mistake("q is left out: draws come most often from where q is high, and that has to be divided out.",
                _of_sampling("log_likelihood - log_q", "log_likelihood")),
        Mistake("prior and q are both left out. That would be right for draws from the prior; these come from q.",
                _of_sampling("log_prior + log_likelihood - log_q", "log_likelihood")),
        Mistake("log q has the wrong sign: you multiply with q where you have to divide by it.",
                _of_sampling("- log_q", "+ log_q")),
        Mistake("prior and q have changed places: the weight is p(z) over q(z).",
                _of_sampling("= log_prior + log_likelihood - log_q", "= log_q + log_likelihood - log_prior")),
        Mistake("the likelihood is left out: these weights average to 1, whatever x is.",
                _of_sampling("+ log_likelihood - log_q", "- log_q")),
        Mistake("you divide by the sum of the weights p(z)/q(z). That is biased: both densities are known in full, "
                "so divide by the number of draws.",
                _of_sampling("np.log(log_weights.shape[-1])", "log_sum_exp(log_prior - log_q)")),
        Mistake("you average over all rows at once. Each row is an estimate of its own: over the last axis.",
                lambda *logarithms: importance_sampling(*map(np.ravel, logarithms))),
        Mistake("right where numbers are of ordinary size, but exp(-900) is 0 to a float. You have a function that "
                "adds up in logarithms.",
                _of_sampling("log_sum_exp(log_weights)", "np.log(np.sum(np.exp(log_weights), axis=-1))")),
    ), hints=(
        "Each draw has the weight p(z) p(x | z) / q(z). What becomes of products and quotients under a logarithm?",
        "The estimate is the mean of the weights: their sum, in logarithms by `log_sum_exp`, over their number.",
        "Dividing by the number of draws, `log_q.shape[-1]`, subtracts which logarithm?",
    )),
    Exercise(identifier="4.4", reference=elbo_of_q, cases=_candidates, mistakes=(
        Mistake("the KL divergence is taken the other way round, from the prior to q. Its average is under q.",
                _of_elbo("(log_prior + log_likelihood - log_q)",
                           "log_likelihood - np.exp(log_prior) * (log_prior - log_q)")),
        Mistake("log q has the wrong sign. A narrow q has to pay for being narrow.", _of_elbo("- log_q", "+ log_q")),
        Mistake("this is a mean over the points times the size of one cell. An integral is the sum of bars, height "
                "times width.", _of_elbo("np.sum", "np.mean")),
        Mistake("the term with log q is missing, the entropy of q: without it, the best q would be a needle.",
                _of_elbo(" - log_q", "")),
        Mistake("the prior is missing: q may then go wherever the likelihood is high.", _of_elbo("log_prior + ", "")),
        Mistake("the KL divergence is missing: this is only how well q's latents explain x.",
                _of_elbo("log_prior + log_likelihood - log_q", "log_likelihood")),
        Mistake("the KL divergence is added. It is a price.",
                _of_elbo("log_prior + log_likelihood - log_q", "log_likelihood + log_q - log_prior")),
        Mistake("this is minus the ELBO.", _of_elbo("return np", "return -np")),
        Mistake("you average under the prior. The ELBO averages under q: its values weigh the logarithms.",
                _of_elbo("np.exp(log_q)", "np.exp(log_prior)")),
        Mistake("you weigh with log q. The average under q needs q itself.", _of_elbo("np.exp(log_q)", "log_q")),
        Mistake("the size of the cells is missing: a sum over points grows with their number, an integral "
                "does not.", _of_elbo(" * cell", "")),
        Mistake("this is the logarithm of an average, which gives log p(x) whatever q is. The bound is the average of "
                "the logarithm.", _of_elbo("np.sum", "np.log(np.sum", "* (", "* np.exp(", "* cell", "* cell)")),
        Mistake("this is the plain mean over the grid's points. Each point weighs as much as q says.",
                _of_elbo("np.sum(np.exp(log_q) * ", "np.mean(", " * cell", "")),
    ), hints=(
        "The ELBO is an average under q of log [p(z) p(x | z) / q(z)].",
        "An average under q on a grid: the value at each point, times q there, times `cell`, added up over the "
        "last axis.",
        "q is `np.exp(log_q)`. Inside the average everything stays a logarithm: two of them added, one subtracted.",
    )),
    Exercise(identifier="4.5", reference=bernoulli_log_likelihood, cases=_images_and_logits, mistakes=(
        Mistake("right for small logits, but at ±1000 the sigmoid is exactly 0 or 1, and 0 · log 0 is NaN. "
                "Simplify on paper first: no sigmoid needs to be left.", _by_probabilities),
        Mistake("right for small logits, but exp(1000) is too large for a float. The formula is the one you want; "
                "Keras has a function for log(1 + exp(l)) that knows better.",
                lambda images, logits: ops.sum(images * logits - ops.log(1 + ops.exp(logits)), axis=-1)),
        Mistake("the probabilities are clipped: no NaN, but a pixel that should cost 1000 nats costs 16. Simplify "
                "on paper first: no sigmoid needs to be left.",
                lambda images, logits: _by_probabilities(images, logits, lowest=1e-7)),
        Mistake("you average over the pixels. Log-probabilities of independent pixels add up.",
                lambda images, logits: bernoulli_log_likelihood(images, logits) / images.shape[-1]),
        Mistake("you average over the batch: one number for each image is wanted.",
                lambda images, logits: ops.mean(bernoulli_log_likelihood(images, logits))),
        Mistake("you add up over the batch as well: one number for each image is wanted.",
                lambda images, logits: ops.sum(bernoulli_log_likelihood(images, logits))),
        Mistake("this is one number for each pixel. Add up over the last axis.",
                lambda images, logits: images * logits - ops.softplus(logits)),
        Mistake("the sign is turned: this is the cross-entropy, a loss. A log-likelihood is never positive.",
                lambda images, logits: -bernoulli_log_likelihood(images, logits)),
        Mistake("a sigmoid comes first, and its output is then taken for a logit. The formula wants the logits as "
                "they are.", lambda images, logits: bernoulli_log_likelihood(images, ops.sigmoid(logits))),
        Mistake("the logits are taken for probabilities: their own logarithm is no number where they are negative.",
                lambda images, logits: ops.sum(
                    images * ops.log(logits) + (1 - images) * ops.log(1 - logits), axis=-1)),
        Mistake("only the pixels that are on are counted. A pixel that is off had a probability too.",
                lambda images, logits: ops.sum(images * ops.log_sigmoid(logits), axis=-1)),
        Mistake("zeros and ones have changed places: this is the log-likelihood of the negative.",
                lambda images, logits: bernoulli_log_likelihood(1 - images, logits)),
        Mistake("`images` and `logits` have changed places in the formula.",
                lambda images, logits: bernoulli_log_likelihood(logits, images)),
    ), hints=(
        "Write log s(l) and log(1 − s(l)) with s(l) = 1/(1 + e^−l), and bring both to a form with log(1 + e^l).",
        "log s(l) = l − log(1 + e^l) and log(1 − s(l)) = −log(1 + e^l): what is left of x log s + "
        "(1 − x) log(1 − s)?",
        "log(1 + e^l) is `ops.softplus(l)`, which Keras computes for logits of any size. Add up over the pixels.",
    )),
)
