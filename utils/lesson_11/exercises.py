"""Lesson 11 · Applications and limits."""

import functools
import itertools
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from scipy.stats import rankdata

from utils.exercises.comparing import Fact, as_numbers, close
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.lesson_11.study import anomaly_score, bits_per_image, inpaint, roc_auc
from utils.losses import bernoulli_log_likelihood, kl_to_standard_normal
from utils.models import reparameterise


def _network(random, width, inputs, *outputs):
    """Return a network of a hidden layer, and of one dense layer above it or several side by side."""
    given = keras.Input((inputs,))
    hidden = layers.Dense(6, "tanh")(given)
    heads = [layers.Dense(units)(hidden) for units in outputs]
    network = keras.Model(given, heads if len(heads) > 1 else heads[0])
    network.set_weights([random.normal(0, width, weight.shape) for weight in network.get_weights()])
    return network


@functools.cache
def _networks():
    """Return (network, its weights) by their sizes: building them takes longer than all else in a check."""
    random = np.random.default_rng(0)
    sizes = {(0.7, 5, 4, 4), (0.7, 4, 5), (0.7, 9, 3, 3), (0.7, 3, 9), (0.05, 784, 2, 2), (25.0, 2, 784), (25.0, 2, 8)}
    built = {size: _network(random, *size) for size in sorted(sizes)}
    return {size: (network, network.get_weights()) for size, network in built.items()}


def _unspoilt(*size):
    """Return a network as it was built, whatever somebody did to its weights."""
    network, weights = _networks()[size]
    network.set_weights(weights)
    return network


def _zeros_and_ones(random, *shape):
    """Return zeros and ones, at least one of each in every row."""
    return np.float32(np.argsort(np.argsort(random.random(shape), axis=-1), axis=-1) % 2)


def _equal(ours, theirs, tolerance=1e-4):
    ours, theirs = as_numbers(ours), as_numbers(theirs)
    return theirs is not None and ours.shape == theirs.shape and bool(close(ours, theirs, tolerance).all())


# 11.1 -------------------------------------------------------------------------------------------------------

_LARGE = Fact("does it bear large logits?",
              "right for logits of ordinary size, and wrong where they reach ±20 or more. There "
              "a sigmoid is exactly 0 or 1 in float32: what is its logarithm? Compute from the logits themselves.")
_SAME_TWICE = Fact("does it give the same twice?",
                   "two calls with the same arguments give different scores. Do you draw noise "
                   "of your own? Take the `noise` that is given.")


def _vaes():
    random = np.random.default_rng(0)
    for images, draws, latent_dim, pixels, width in ((2, 3, 4, 5, 0.7), (5, 4, 3, 9, 0.7), (32, 4, 2, 784, 25.0)):
        yield (_unspoilt(min(width, 0.7) if pixels < 784 else 0.05, pixels, latent_dim, latent_dim),
               _unspoilt(width, latent_dim, pixels), _zeros_and_ones(random, images, pixels),
               np.float32(random.normal(size=(draws, images, latent_dim))))


def _scores(function, encoder, decoder, images, noise):
    """Return the scores; if they are wrong, whether the same come twice, and whether large logits may have done it."""
    scores = function(encoder, decoder, images, noise)
    if _equal(anomaly_score(encoder, decoder, images, noise), scores):
        return {_LARGE: True, _SAME_TWICE: True, "scores": scores}
    if np.shape(scores) == noise.shape[:2]:
        raise Unusable("a score for each draw came back. The draws of one image are averaged: it has one score, (n,).")
    if np.ndim(scores) > 1:
        raise Unusable(f"shape {np.shape(scores)} came back, but shape {(len(images),)} is wanted: a score an image.")
    large = images.shape[1] == 784 and np.shape(scores) == (len(images),)
    same = large or _equal(scores, function(encoder, decoder, images, noise))
    return {"scores": scores, _LARGE: not large, _SAME_TWICE: same}  # mistakes are compared with the first entry


_scores.plain = lambda function, *arguments: function(*arguments)


def _asked(network, inputs):
    """Return what a network makes of its inputs; many mistakes ask for the same, and share one call."""
    inputs = np.float32(inputs)
    return _answer(network, inputs.tobytes(), inputs.shape)


@functools.lru_cache(200)
def _answer(network, data, shape):
    return network(np.frombuffer(data, np.float32).reshape(shape))


def _score_with(kl=kl_to_standard_normal, likelihood=bernoulli_log_likelihood, latents=reparameterise,
                score=lambda kl, likelihoods, latents: kl - ops.mean(likelihoods, axis=0)):
    """Return `anomaly_score` with one part changed; `score` is given the likelihoods (draws, n) and all latents."""
    def mistaken(encoder, decoder, images, noise):
        mean, log_variance = _asked(encoder, images)
        drawn = [latents(mean, log_variance, draw) for draw in noise]
        return score(kl(mean, log_variance), ops.stack([likelihood(images, _asked(decoder, each)) for each in drawn]),
                     ops.stack(drawn))

    return mistaken


def _kl_of(terms):
    return lambda mean, log_variance: 0.5 * ops.sum(terms(mean, log_variance), axis=-1)


def _mean_of_logits(encoder, decoder, images, noise):
    mean, log_variance = _asked(encoder, images)
    logits = sum(_asked(decoder, reparameterise(mean, log_variance, draw)) for draw in noise) / len(noise)
    return kl_to_standard_normal(mean, log_variance) - bernoulli_log_likelihood(images, logits)


_OF_SCORE = (
    Mistake("the sign is turned: this is the ELBO, which is high for images that the model knows. A score of "
            "strangeness is high for those it does not.", _score_with(score=lambda kl, ll, z: ops.mean(ll, 0) - kl)),
    Mistake("the sign is turned, as in the ELBO, and the log-likelihoods of the draws are added up, not averaged.",
            _score_with(score=lambda kl, ll, z: ops.sum(ll, 0) - kl)),
    Mistake("these are bits. Nats are wanted: natural logarithms, which are not divided by ln 2.",
            _score_with(score=lambda kl, ll, z: (kl - ops.mean(ll, 0)) / math.log(2))),
    Mistake("the KL is missing: this is the likelihood's part alone. How far the latents had to go from the prior "
            "tells of strangeness too.", _score_with(score=lambda kl, ll, z: -ops.mean(ll, 0))),
    Mistake("this is the KL alone. It says how unusual the latents are, not whether the decoder can draw the image "
            "from them.", _score_with(score=lambda kl, ll, z: kl)),
    Mistake("the KL has the wrong sign: it is a price, and what costs more is stranger.",
            _score_with(score=lambda kl, ll, z: -kl - ops.mean(ll, 0))),
    Mistake("the likelihood's sign is wrong: where the decoder draws the image well, it should look less strange.",
            _score_with(score=lambda kl, ll, z: kl + ops.mean(ll, 0))),
    Mistake("the KL is divided by the number of draws. It does not depend on them: only the likelihoods are averaged.",
            _score_with(score=lambda kl, ll, z: kl / len(ll) - ops.mean(ll, 0))),
    Mistake("the KL is added up over the whole batch. Each image has its own: over which axis do you sum?",
            _score_with(kl=lambda m, v: ops.sum(kl_to_standard_normal(m, v)))),
    Mistake("the KL is averaged over the batch. Each image has its own: over which axis do you sum?",
            _score_with(kl=lambda m, v: ops.mean(kl_to_standard_normal(m, v)))),
    Mistake("the KL is averaged over the latents. Nats add up.",
            _score_with(kl=lambda m, v: kl_to_standard_normal(m, v) / m.shape[-1])),
    Mistake("the KL is twice what it should be. Is its ½ missing?",
            _score_with(kl=lambda m, v: 2 * kl_to_standard_normal(m, v))),
    Mistake("the KL holds the standard deviation where the variance, exp(log_variance), belongs.",
            _score_with(kl=_kl_of(lambda m, v: m**2 + ops.exp(v / 2) - 1 - v))),
    Mistake("the mean is missing in the KL, or not squared: it costs nats to move the posterior away from 0.",
            _score_with(kl=_kl_of(lambda m, v: ops.exp(v) - 1 - v))),
    Mistake("the mean is missing in the KL, or not squared: it costs nats to move the posterior away from 0.",
            _score_with(kl=_kl_of(lambda m, v: m + ops.exp(v) - 1 - v))),
    Mistake("the KL has a wrong sign inside: at which log variance is it smallest?",
            _score_with(kl=_kl_of(lambda m, v: m**2 + ops.exp(v) - 1 + v))),
    Mistake("the log variance is missing in the KL.", _score_with(kl=_kl_of(lambda m, v: m**2 + ops.exp(v) - 1))),
    Mistake("the −1 is missing in the KL: it should be 0 where the posterior is the prior.",
            _score_with(kl=_kl_of(lambda m, v: m**2 + ops.exp(v) - v))),
    Mistake("this is the KL from the prior to the posterior. The other way round is wanted: it is not symmetric.",
            _score_with(kl=_kl_of(lambda m, v: v + (1 + m**2) / ops.exp(v) - 1))),
    Mistake("the encoder's two outputs have changed places: first comes the mean, then the log variance.",
            _score_with(kl=lambda m, v: kl_to_standard_normal(v, m), latents=lambda m, v, e: reparameterise(v, m, e))),
    Mistake("images and logits have changed places in the log-likelihood.",
            _score_with(likelihood=lambda x, logits: ops.sum(x * logits - ops.softplus(x), axis=-1))),
    Mistake("probabilities stand where the log-likelihood wants logits. Is there a sigmoid too many?",
            _score_with(likelihood=lambda x, logits: bernoulli_log_likelihood(x, ops.sigmoid(logits)))),
    Mistake("this is a squared error. The pixels are zeros and ones, and their log-likelihood is a Bernoulli's.",
            _score_with(likelihood=lambda x, logits: -ops.sum((x - ops.sigmoid(logits))**2, axis=-1))),
    Mistake("only the pixels that are 1 count. A pixel that is 0 has a probability too, 1 − p.",
            _score_with(likelihood=lambda x, logits: -ops.sum(x * ops.softplus(-logits), axis=-1))),
    Mistake("only the pixels that are 0 count. A pixel that is 1 has a probability too.",
            _score_with(likelihood=lambda x, logits: -ops.sum((1 - x) * ops.softplus(logits), axis=-1))),
    Mistake("the softplus is missing: log p(x | z) has two parts, and without the second logits grow without end.",
            _score_with(likelihood=lambda x, logits: ops.sum(x * logits, axis=-1))),
    Mistake("the likelihood is averaged over the pixels. The KL beside it is not: nats of an image add up.",
            _score_with(likelihood=lambda x, logits: bernoulli_log_likelihood(x, logits) / x.shape[-1])),
    Mistake("the axes have changed places: one number for each draw came back, an average over the images. The draws "
            "of one image belong together.", _score_with(score=lambda kl, ll, z: ops.mean(kl - ll, axis=-1))),
    Mistake("you keep the best draw of each image. The ELBO is an average over draws.",
            _score_with(score=lambda kl, ll, z: kl - ops.max(ll, 0))),
    Mistake("you keep the worst draw of each image. The ELBO is an average over draws.",
            _score_with(score=lambda kl, ll, z: kl - ops.min(ll, 0))),
    Mistake("the log-likelihoods of the draws are added up. Average them: more draws must not make an image stranger.",
            _score_with(score=lambda kl, ll, z: kl - ops.sum(ll, 0))),
    Mistake("you divide by one less than the number of draws. This is an average, not a variance.",
            _score_with(score=lambda kl, ll, z: kl - ops.sum(ll, 0) / (len(ll) - 1))),
    Mistake("the logarithm is taken of the average likelihood. The ELBO averages the logarithms.",
            _score_with(score=lambda kl, ll, z: kl - ops.logsumexp(ll, axis=0) + math.log(len(ll)))),
    Mistake("log p(z) stands where the KL belongs. The KL has a second part, log q(z | x).",
            _score_with(score=lambda kl, ll, z: ops.mean(ops.sum(z**2 + math.log(2 * math.pi), -1) / 2 - ll, 0))),
    Mistake("log p(z) stands where the KL belongs. The KL has a second part, log q(z | x).",
            _score_with(score=lambda kl, ll, z: ops.mean(ops.sum(z**2, -1) / 2 - ll, 0))),
    Mistake("the logits of the draws are averaged. Average their log-likelihoods.", _mean_of_logits),
    Mistake("the noise is averaged over the draws before it is used. Decode each draw, and average the likelihoods.",
            lambda encoder, decoder, images, noise: _score_with()(encoder, decoder, images, noise.mean(0)[None])),
    Mistake("you decode the mean, without any noise. Then the width that the encoder chose costs its KL and never "
            "shows.", _score_with(latents=lambda m, v, e: m)),
    Mistake("only the first draw counts. Average over all of them.", _score_with(score=lambda kl, ll, z: kl - ll[0])),
    Mistake("all images get the noise of the first one. Each has its own in `noise`, (draws, n, latent_dim).",
            _score_with(latents=lambda m, v, e: m + ops.exp(v / 2) * e[:1])),
    Mistake("noise is scaled by the variance. A draw from a Gaussian is scaled by the standard deviation.",
            _score_with(latents=lambda m, v, e: m + ops.exp(v) * e)),
    Mistake("noise is scaled by the log variance itself. What is the standard deviation?",
            _score_with(latents=lambda m, v, e: m + v * e)),
    Mistake("the noise is not scaled at all: the encoder's width is never used.",
            _score_with(latents=lambda m, v, e: m + e)),
)


# 11.2 -------------------------------------------------------------------------------------------------------

_NO_PRECISION = Fact("is it this area?", "this is the average precision, the area under another curve.")
_ANY_ORDER = Fact("does the order of the list matter?",
                  "the images in another order, scores and labels alike, give another area. Is an image paired, or "
                  "picked, by its place in the list, or are scores sorted without their labels? Every anomaly meets "
                  "every normal image.")
_EACH_TWICE = Fact("what if each image comes twice?",
                   "with every image listed twice the area is another, and it should not "
                   "be: divide the pairs won by the number of all pairs, anomalies times normal images.")
_ONLY_ORDER = Fact("does only the order of scores count?",
                   "stretching the scores, so that none overtakes another, gives another area. Only which of two "
                   "scores is higher counts, not by how much: no averages, no rounding, no threshold.")
_PERFECT = Fact("what does a perfect score get?",
                "where all anomalies score above all normal images the area is 1, and yours is not. Is an anomaly "
                "compared with other anomalies, or is the divisor another than the number of pairs?")
_TIED = Fact("what if all scores are equal?",
             "where all scores are equal the area is one half, and yours is not. What is a "
             "tied pair worth?")
_UP_TO_HALF = Fact("can it lie below one half?",
                   "right where the area is above one half; a score that is worse than a coin "
                   "has an area below it, and yours turns it over.")
_FACTS_OF_AREA = (_NO_PRECISION, _ANY_ORDER, _EACH_TWICE, _ONLY_ORDER, _PERFECT, _TIED, _UP_TO_HALF)


def _scores_and_labels():
    random = np.random.default_rng(1)
    ties = random.integers(0, 6, 40) + 2.0 * (labels := random.permutation(np.arange(40) % 3 == 0))
    close_by = np.round(random.normal(size=60), 2) + 0.001 * np.arange(60) - 1e-5 * np.arange(60)**2
    held_out = random.permutation(np.arange(1_000) < 150)
    return [(np.array([0.1, 0.9, 0.4, 0.4, 0.8, 0.6, 0.2]), np.array([0, 1, 0, 1, 0, 1, 0])),
            (ties, labels.astype(int)),
            (random.normal(90, 20, 30) + 25 * (labels := random.random(30) < 0.4), labels.astype(int)),
            (close_by, random.random(60) < 0.3),
            (random.normal(100, 20, 1_000) - 15 * held_out, held_out)]


def _average_precision(scores, labels):
    hits = labels[np.argsort(-scores)]
    return np.sum(hits * np.cumsum(hits) / np.arange(1, len(hits) + 1)) / np.sum(hits)


def _area_and_facts(function, scores, labels):
    """Return the area and, if it is wrong, what it does not do that an area does."""
    kept = scores.copy()
    area, right = function(scores, labels), roc_auc(kept, labels)
    if np.shape(area) != () or area is None or _equal(right, area, 1e-5):
        return {**dict.fromkeys(_FACTS_OF_AREA, True), "area": area}

    def same(other_scores, other_labels=labels, wanted=area):
        return _equal(wanted, function(np.array(other_scores), np.array(other_labels)), 1e-5)

    order, count, ranks = np.random.default_rng(0).permutation(len(labels)), len(labels), rankdata(kept, "ordinal")
    facts = (not same(ranks, wanted=_average_precision(ranks, labels)),
             same(kept[order], labels[order]) and same(kept[::-1], labels[::-1]),
             same(np.tile(kept, 2), np.tile(labels, 2)), same(np.exp(3 * rankdata(kept) / count)),
             same(np.arange(count) + 1e4 * labels, wanted=1.0), same(np.ones(count), wanted=0.5),
             right > 0.5 or not _equal(1 - right, area, 1e-5))
    return {"area": area, **dict(zip(_FACTS_OF_AREA, facts))}  # listed mistakes are compared with the first entry


_area_and_facts.plain = lambda function, *arguments: function(*arguments)


def _at_one_threshold(threshold, share):
    """Return a function that looks at one threshold alone; `share` is made of how far above it the two kinds are."""
    def mistaken(scores, labels):
        least = threshold(scores, scores[labels == 0])
        return share(scores[labels == 1] - least, scores[labels == 0] - least)

    return mistaken


def _above(scores):
    return np.mean(scores > 0)


_THRESHOLDS = (lambda every, normals: np.mean(every), lambda every, normals: np.median(every),
               lambda every, normals: np.mean(normals), lambda every, normals: np.median(normals),
               lambda every, normals: np.max(normals))
_SHARES = (lambda anomalies, normals: _above(anomalies), lambda anomalies, normals: np.mean(1 + np.sign(anomalies)) / 2,
           lambda anomalies, normals: (_above(anomalies) + 1 - _above(normals)) / 2,
           lambda anomalies, normals: np.mean(np.concatenate([anomalies > 0, normals <= 0])))

_of_area, _of_fill = map(edits_of, (roc_auc, inpaint))
_OF_AREA = (
    Mistake("this is 1 − A: you count how often the *normal* image scores higher. Look at the sign of the scores, and "
            "at which label is the anomaly.", lambda *asked: 1 - roc_auc(*asked)),
    Mistake("this is 1 − A: you count how often the *normal* image scores higher. Look at the sign of the scores, and "
            "at which label is the anomaly.",
            lambda scores, labels: np.mean(scores[labels == 1][:, None] < scores[labels == 0])),
    Mistake("ties count nothing. Of two equal scores the detector can only guess: what is that worth?",
            lambda scores, labels: np.mean(scores[labels == 1][:, None] > scores[labels == 0])),
    Mistake("ties count as won. Of two equal scores the detector can only guess: what is that worth?",
            lambda scores, labels: np.mean(scores[labels == 1][:, None] >= scores[labels == 0])),
    Mistake("the scores are not sorted: you stepped through the images as they came. A threshold that falls meets the "
            "highest score first.", lambda scores, labels: roc_auc(-np.arange(len(labels)), labels)),
    Mistake("ranks begin at 1 and yours at 0, or the sum taken off is too large. What is the smallest sum that the "
            "anomalies' ranks can have?", _of_area("rankdata(scores)", "(rankdata(scores) - 1)")),
    Mistake("the sum of ranks is not reduced by the smallest that it can be. Which is it for so many anomalies?",
            _of_area("- anomalies * (anomalies + 1) / 2", "")),
    Mistake("`argsort` returns who stands where, not the rank of each. It takes two of them, or `rankdata`.",
            _of_area("rankdata(scores)", "(np.argsort(scores, kind='stable') + 1)")),
    Mistake("tied scores have ranks one after the other, as they happened to stand. Give them their average rank, as "
            "`rankdata` does.", _of_area("rankdata(scores)", "rankdata(scores, method='ordinal')")),
    Mistake("you count pairs. Divide by how many pairs of an anomaly and a normal image there are.",
            _of_area("/ (anomalies * normals)", "")),
    Mistake("you divide by the anomalies alone. How many pairs of an anomaly and a normal image are there?",
            _of_area("(anomalies * normals)", "anomalies")),
    Mistake("you divide by the normal images alone. How many pairs of an anomaly and a normal image are there?",
            _of_area("(anomalies * normals)", "normals")),
    Mistake("you divide by all pairs of images. Only those of an anomaly and a normal image count.",
            _of_area("(anomalies * normals)", "(len(labels) * (len(labels) - 1) / 2)")),
    Mistake("you divide by all pairs of images. Only those of an anomaly and a normal image count.",
            _of_area("(anomalies * normals)", "len(labels)**2")),
    Mistake("each anomaly is compared with all images, other anomalies among them. Compare it with the normal ones.",
            lambda scores, labels: np.mean((1 + np.sign(scores[labels == 1][:, None] - scores)) / 2)),
    *(Mistake("this looks at one threshold alone, or at one score that all others are compared with. The area knows "
              "all thresholds: every anomaly meets every normal image.", _at_one_threshold(*parts))
      for parts in itertools.product(_THRESHOLDS, _SHARES)),
    Mistake("only the two average scores are compared. Compare every anomaly with every normal image.",
            lambda scores, labels: (1 + np.sign(scores[labels == 1].mean() - scores[labels == 0].mean())) / 2),
    Mistake("the area is rounded to a whole number. Is there a `//`, or an `int`?",
            lambda *asked: np.floor(roc_auc(*asked))),
    Mistake("these are percent. The area is a share, from 0 to 1.", lambda *asked: 100 * roc_auc(*asked)),
    Mistake("this is 2A − 1, which is 0 for a score that says nothing. The area itself was asked for.",
            lambda *asked: 2 * roc_auc(*asked) - 1),
)


# 11.3 -------------------------------------------------------------------------------------------------------

_NEVER = ("`search` was never called. Give your log_joint and the starts to the argument of that name, not to "
          "`search_latents`, which is only its default, and decode the latents that it returns.")
_ONE_SEARCH = Fact("how many searches?",
                   "more latents are searched than there are images. One search from each start is enough: "
                   "is `search` called twice?")
_FROM_STARTS = Fact("where does it begin?", "the search does not begin at `starts`. Hand them over as they are.")
_IN_A_GRAPH = Fact("can the search compute with it?",
                   "`search` cannot climb your log_joint: where NumPy, `np.asarray`, `.numpy()` "
                   "or `float` compute, no gradient passes. Use `ops` on tensors from the first step to the last.")
_A_ROW = Fact("a number for each row?",
              "log_joint must return one number for each row of latents, (n,): each image searches for "
              "itself. Sum over pixels and over latents, not over the images, and do not average them.")
_PASSES = Fact("does a gradient pass?",
               "the search climbs nowhere: the gradient of your log_joint is 0. Does it use the latents "
               "that it is given, without `stop_gradient` or a rounding?")
_CLIMBS = Fact("does it climb?", "this is a loss, to be minimised. The search climbs.")
_JOINT = Fact("is the objective right?",
              "your log_joint does not rise and fall with the latents as log p(visible pixels | z) + "
              "log p(z) does.")
_PICTURES_KEPT = "the whole picture is the model's. What is known need not be guessed: keep the visible pixels."


def _sum(values):
    return ops.sum(values, axis=-1)


def _visible_nats(x, v, logits):
    return _sum(v * (x * logits - ops.softplus(logits)))


# What the objective's two parts may be by mistake: of images x, mask v and logits; of latents z, starts s.
_LIKELIHOODS = {
    None: _visible_nats,
    "the likelihood is missing: the search does not look at the visible pixels at all.": lambda x,
    v, logits: 0 * _sum(logits),
    "the likelihood has the wrong sign: the search should make the visible pixels *more* probable.":
        lambda x, v, logits: -_visible_nats(x, v, logits),
    "the objective counts the hidden pixels and not the visible ones. What is 1 in `visible`?":
        lambda x, v, logits: _visible_nats(x, 1 - v, logits),
    "the objective looks at all pixels, also at the hidden ones, which nobody may know.":
        lambda x, v, logits: _visible_nats(x, 1, logits),
    "hidden pixels count as zeros: the search is told that they are black. They must not count at all: what is to be "
    "multiplied by `visible`?": lambda x, v, logits: _visible_nats(v * x, 1, logits),
    "one row of `visible` serves all images. Each image has a mask of its own.": lambda x,
    v, logits: _visible_nats(x, v[:1], logits),
    "only the pixels that are 1 are scored. A visible 0 says as much: log p(x | z) has two parts.":
        lambda x, v, logits: _sum(-v * x * ops.softplus(-logits)),
    "the softplus of the logits is missing, or taken of the images. Without it logits grow without end: log p(x | z) "
    "has two parts.":
        lambda x, v, logits: _sum(v * x * logits),
    "only the pixels that are 0 are scored. A visible 1 says as much: log p(x | z) has two parts.":
        lambda x, v, logits: _sum(-v * (1 - x) * ops.softplus(logits)),
    "the likelihood is averaged over the pixels, and the prior drowns it. Nats add up.":
        lambda x, v, logits: _visible_nats(x, v, logits) / x.shape[-1],
    "the likelihood is divided by the number of visible pixels, and the prior drowns it. Nats add up.":
        lambda x, v, logits: _visible_nats(x, v, logits) / _sum(v),
    "probabilities stand where the likelihood wants logits. Is there a sigmoid too many?":
        lambda x, v, logits: _visible_nats(x, v, ops.sigmoid(logits)),
    "this is a squared error. The pixels are zeros and ones, and their log-likelihood is a Bernoulli's.":
        lambda x, v, logits: -_sum(v * (x - ops.sigmoid(logits))**2),
    "half a squared error stands where the log-likelihood of zeros and ones belongs, a Bernoulli's.":
        lambda x, v, logits: -_sum(v * (x - ops.sigmoid(logits))**2) / 2,
    "probabilities are added up. A logarithm is missing: log p of independent pixels is a sum of logarithms.":
        lambda x, v, logits: _sum(v * ops.sigmoid((2 * x - 1) * logits)),
}
_PRIORS = {
    None: lambda z, s, pixels: -_sum(z**2) / 2,
    "the prior is missing. Without it the latents go anywhere that fits the visible pixels, also where no digit was "
    "ever encoded.": lambda z, s, pixels: 0 * _sum(z),
    "the prior has the wrong sign: latents far from 0 are *less* probable.": lambda z, s, pixels: _sum(z**2) / 2,
    "the prior counts twice. log N(z; 0, I) is, but for a constant, minus *half* the sum of squares.":
        lambda z, s, pixels: -_sum(z**2),
    "the prior is averaged over the latents, the likelihood is a sum. Nats add up.":
        lambda z, s, pixels: -_sum(z**2) / 2 / z.shape[-1],
    "the prior is added at every pixel. It counts once for an image: add it after the sum over the pixels.":
        lambda z, s, pixels: -_sum(z**2) / 2 * pixels,
    "the prior is centred on the starts. p(z) is N(0, I), wherever the search begins.":
        lambda z, s, pixels: -_sum((z - s)**2) / 2,
    "the prior's log variance is 1. p(z) is N(0, I): its *variance* is 1.": lambda z,
    s, pixels: -_sum(z**2) / 2 / math.e,
    "the prior has absolute values of the latents. A Gaussian has squares.": lambda z, s, pixels: -_sum(ops.abs(z)) / 2,
    "the prior has absolute values of the latents, and not even their half. A Gaussian has squares.":
        lambda z, s, pixels: -_sum(ops.abs(z)),
    "the prior has the length of the latents. A Gaussian has the *squared* length.":
        lambda z, s, pixels: -ops.sqrt(_sum(z**2)) / 2,
    "the prior has the latents themselves. A Gaussian has their squares.": lambda z, s, pixels: -_sum(z) / 2,
}
# What may be returned: of images x, mask v, the logits after the search and before.
_PICTURES = {
    _PICTURES_KEPT: lambda x, v, after, before: ops.sigmoid(after),
    "the picture keeps what was hidden and replaces what was visible.": lambda x,
    v, after, before: (1 - v) * x + v * ops.sigmoid(after),
    "hidden pixels are filled with logits. The decoder's numbers are no probabilities yet.":
        lambda x, v, after, before: v * x + (1 - v) * after,
    "the sigmoid is applied twice to what is filled in.": lambda x,
    v, after, before: v * x + (1 - v) * ops.sigmoid(ops.sigmoid(after)),
    "hidden pixels stay empty: the model's part is multiplied by the wrong mask or missing.": lambda x,
    v, after, before: v * x,
    "only what was hidden comes back: the visible pixels are missing in the picture.":
        lambda x, v, after, before: (1 - v) * ops.sigmoid(after),
    "the two parts overlap: the model's picture is added whole to the visible pixels.":
        lambda x, v, after, before: v * x + ops.sigmoid(after),
    "the two parts overlap: all of the image is kept, and the model's picture is added to it.":
        lambda x, v, after, before: x + (1 - v) * ops.sigmoid(after),
    "hidden pixels are rounded to 0 or 1. Return the probabilities, which also say how sure the model is.":
        lambda x, v, after, before: v * x + (1 - v) * ops.round(ops.sigmoid(after)),
    "the brighter of picture and drawing is taken, so that visible black pixels are painted over. `visible` says which "
    "to keep.": lambda x, v, after, before: ops.maximum(v * x, ops.sigmoid(after)),
    "all images are filled with one drawing, an average over the batch. Each has its own.":
        lambda x, v, after, before: v * x + (1 - v) * ops.mean(ops.sigmoid(after), axis=0),
    "one row of `visible` serves all images. Each image has a mask of its own.":
        lambda x, v, after, before: v[:1] * x + (1 - v[:1]) * ops.sigmoid(after),
    "the picture is decoded from the starts. The search returned something better.":
        lambda x, v, after, before: v * x + (1 - v) * ops.sigmoid(before),
    "the images came back as they were, with nothing filled in.": lambda x, v, after, before: x,
}


def _pictures_with_holes():
    random = np.random.default_rng(2)
    for images, latent_dim, pixels, width in ((3, 4, 5, 0.7), (4, 3, 9, 0.7), (6, 2, 8, 25.0)):
        yield (_unspoilt(width, latent_dim, pixels), _zeros_and_ones(random, images, pixels),
               np.roll(_zeros_and_ones(random, images, pixels), 1, axis=-1),
               np.float32(random.normal(size=(images, latent_dim))))


def _joint_and_pictures(function, decoder, images, visible, starts):
    """Return what the search is asked to climb, as facts, and pictures from the latents that it "finds".

    The search is not made: its place takes one that asks for the objective's slope elsewhere, and adds ½ to the starts.
    """
    asked, x, v = [], images.copy(), visible.copy()

    def search(objective, starts, *settings, **named):
        latents = tf.convert_to_tensor(starts, tf.float32)
        asked.append((latents, *_heights_and_slope(objective, _elsewhere(latents))))
        return latents + 0.5

    pictures = function(decoder, images, visible, starts, search)
    if not asked:
        raise Unusable(_NEVER)
    if _equal(starts + 0.5, pictures):
        raise Unusable("the latents came back, as the search found them. Pictures are wanted: what does the decoder "
                       "make of them?")
    begun, heights, slopes = zip(*asked)
    facts = {_ONE_SEARCH: sum(map(len, begun)) == len(starts), _FROM_STARTS: True,
             _IN_A_GRAPH: all(each is not None for each in slopes)}
    if all(facts.values()):
        facts[_FROM_STARTS] = _equal(starts, np.concatenate(begun))
        facts[_A_ROW] = all(each.shape == one.shape[:1] for each, one in zip(heights, begun))
        facts |= _facts_of_slope(np.concatenate(slopes), decoder, x, v, np.concatenate(begun))
    return facts | _facts_of_pictures(pictures, decoder, x, v, starts) | {"filled pictures": pictures}


def _elsewhere(latents):
    return latents + 0.5 * ops.cos(5 * latents)


def _heights_and_slope(objective, latents):
    """Return the objective's values and slope, from a graph as `search_latents` builds it; None where none can be."""
    def of_objective(latents):
        with tf.GradientTape() as tape:
            tape.watch(latents)
            heights = objective(latents)
        return heights, tape.gradient(heights, latents, unconnected_gradients="zero")

    try:
        return tf.function(of_objective, autograph=False)(latents)
    except Exception:
        return objective(latents), None  # an error of the learner's own is raised again here, and shown


def _facts_of_slope(slope, decoder, x, v, starts):
    """Return as facts which mistake in the likelihood and which in the prior give this slope together."""
    z = _elsewhere(tf.constant(starts))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        logits = decoder(z)
        likelihoods = {name: function(x, v, logits) for name, function in _LIKELIHOODS.items()}
        priors = {name: function(z, starts, x.shape[1]) for name, function in _PRIORS.items()}
    right = tape.gradient(likelihoods[None], z) + tape.gradient(priors[None], z)
    named = {None, *_LIKELIHOODS, *_PRIORS}
    made = set()
    if not _equal(right, slope) and len(x) < 6:
        slopes = [{name: tape.gradient(values, z).numpy() for name, values in part.items()}
                  for part in (likelihoods, priors)]
        made = next(({likelihood, prior} for likelihood, prior in itertools.product(*slopes)
                     if _equal(slopes[0][likelihood] + slopes[1][prior], slope)), made)
    flat, down = not np.any(slope), _equal(-right, slope)
    facts = {_PASSES: not flat, _CLIMBS: not down, _LARGE: len(x) < 6 or _equal(right, slope)}
    return facts | {Fact(name, name): flat or down or name not in made for name in sorted(named - {None})} | {
        _JOINT: _equal(right, slope)}


def _facts_of_pictures(pictures, decoder, x, v, starts):
    after, before = decoder(starts + 0.5), decoder(starts)
    right = _equal(v * x + (1 - v) * ops.sigmoid(after), pictures)
    return {Fact(name, name): right or not _equal(function(x, v, after, before), pictures)
            for name, function in _PICTURES.items()}


# 11.4 and all ------------------------------------------------------------------------------------------------

EXERCISES = (
    Exercise(identifier="11.1", reference=anomaly_score, cases=_vaes, observe=_scores, tolerance=1e-4, calls=600,
             mistakes=_OF_SCORE, hints=(
        "The encoder is asked once, the decoder once for each draw. Lesson 6's three functions do the rest: "
        "`bernoulli_log_likelihood`; and from lesson 6 `reparameterise` (utils.models) and `kl_to_standard_normal` "
        "(utils.losses), which you may import.",
        "`for draw in noise` gives the noise of one draw, (n, latent_dim). Collect the log-likelihoods, (n,) each.",
        "Average the log-likelihoods over the draws. ELBO = that average − KL; which sign makes strange images score "
        "high?",
    )),
    Exercise(identifier="11.2", reference=roc_auc, cases=_scores_and_labels, observe=_area_and_facts, calls=800,
             mistakes=_OF_AREA, hints=(
        "Compare every anomaly's score with every normal image's: won 1, tied ½, lost 0. The area is the average.",
        "Few images: `scores[labels == 1][:, None]` against `scores[labels == 0]` makes a matrix of all pairs. Many "
        "images: `scipy.stats.rankdata` ranks all scores at once, ties with their average.",
        "An anomaly's rank counts all scores up to its own. Add the anomalies' ranks, take off what they would add up "
        "to if they stood lowest (1 + 2 + …), and divide by the number of pairs.",
    )),
    Exercise(identifier="11.3",
                        reference=inpaint, cases=_pictures_with_holes, observe=_joint_and_pictures, tolerance=1e-4,
             mistakes=(
        Mistake("hidden pixels are filled with noise or with one number. Let the decoder draw them, from the latents "
                "that the search returned.", _of_fill("(1 - visible) * probabilities", "(1 - visible) * 0.5")),
        Mistake("the prior takes the latents for probabilities: log p(z) is a Gaussian's, −½ Σ z² but for a constant.",
                _of_fill("- 0.5 * ops.sum(ops.square(latents), axis=-1)",
                         "+ ops.sum(ops.log_sigmoid(latents), axis=-1)")),
    ), hints=(
        "Two parts: a function of latents that the search climbs, and a picture made of two halves. "
        "`search(your_function, starts)` returns the latents.",
        "One pixel's log-likelihood is x · l − softplus(l), with the logit l. Multiply by `visible` before the sum "
        "over the pixels, then add log p(z).",
        "Up to a constant, log p(z) is −½ Σ z². The picture is `visible` times one thing plus `1 - visible` times "
        "another.",
    )),
    Exercise(identifier="11.4", reference=bits_per_image,
             cases=lambda: [(-18.5,), (np.array([-811.4, -58.25]),), (np.array([[-31.5], [-12.0], [-3.7]]),)],
             mistakes=(
        Mistake("these are nats. A bit is ln 2 = 0.69 nats: does a number of bits come out larger or smaller?",
                lambda elbo: -elbo),
        Mistake("you multiply by ln 2. A bit is the smaller unit, so there are more bits than nats.",
                lambda elbo: -elbo * np.log(2)),
        Mistake("the sign is missing: a code has a positive length, the ELBO is negative.",
                lambda elbo: elbo / np.log(2)),
        Mistake("the sign is missing, and you multiply by ln 2. A code has a positive length, and more bits than nats.",
                lambda elbo: elbo * np.log(2)),
        Mistake("you subtract ln 2. Is something added to a logarithm when its base changes, or is it multiplied?",
                lambda elbo: -elbo - np.log(2)),
        Mistake("the logarithm of 2 is taken to the base 10. The ELBO is a natural logarithm.",
                lambda elbo: -elbo / np.log10(2)),
        Mistake("these are decimal digits: log 10 where log 2 belongs.", lambda elbo: -elbo / np.log(10)),
        Mistake("this is the logarithm of the ELBO. It is a logarithm already: only its base changes.",
                lambda elbo: np.log2(-elbo)),
        Mistake("2 is raised to the power of the nats. The ELBO is a logarithm already: only its base changes.",
                lambda elbo: 2.0**-elbo),
        Mistake("this is the probability of an image. How long is its name in a code?", np.exp),
        Mistake("these are the bits saved against one bit a pixel. The bits needed were asked for.",
                lambda elbo: 784 + elbo / np.log(2)),
        Mistake("the bits are rounded up. One file has a whole number of bits; of many coded together, each need not.",
                lambda elbo: np.ceil(-elbo / np.log(2))),
        Mistake("these are bits per pixel. Those of the whole image were asked for.",
                lambda elbo: -elbo / np.log(2) / 784),
        Mistake("these are bytes. Bits were asked for.", lambda elbo: -elbo / np.log(2) / 8),
        Mistake("you divide by 2. A nat is 1 / ln 2 bits.", lambda elbo: -elbo / 2),
    ), hints=(
        "An image of probability p needs −log₂ p bits. The ELBO stands for ln p.",
        "log₂ p = ln p divided by which number?",
    )),
)
