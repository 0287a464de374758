"""Lesson 11 · Applications and limits."""

import functools
import itertools
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from scipy.stats import rankdata

from utils.exercises.comparing import Fact, equal
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.lesson_11.study import anomaly_score, bits_per_image, inpaint, roc_auc


@functools.cache
def _network(width, inputs, *outputs):
    """Return a network and its weights; to build one takes longer than all else in a check."""
    given, random = keras.Input((inputs,)), np.random.default_rng(inputs)
    hidden = layers.Dense(6, "tanh")(given)
    heads = [layers.Dense(units)(hidden) for units in outputs]
    network = keras.Model(given, heads if len(heads) > 1 else heads[0])
    network.set_weights([random.normal(0, width if place > 1 else 0.7, weight.shape)  # the hidden layer comes first
                         for place, weight in enumerate(network.get_weights())])
    return network, network.get_weights()


def _unspoilt(*size):
    network, weights = _network(*size)
    if not all(map(np.array_equal, network.get_weights(), weights)):
        network.set_weights(weights)
    return network


def _zeros_and_ones(random, *shape):
    """Return zeros and ones, at least one of each in every row."""
    return np.float32(np.argsort(np.argsort(random.random(shape), axis=-1), axis=-1) % 2)


def _facts(found, *tables):
    """Return as facts that of all sentences in the tables only those that were found are true."""
    return {Fact(said, said): said not in found for table in tables for said in table if said}


def _sum(values):
    return ops.sum(values, axis=-1)


# Tables of sentences: what may stand in the place of one part of the right answer, which is the first.
_LARGE = ("right for logits of ordinary size, and wrong where they reach ±20 or more. There a sigmoid is exactly 0 or "
          "1: what is its logarithm?")
_LIKELIHOODS = {  # of images x, a mask v, logits a
    None: (_nats := lambda x, v, a: _sum(v * (x * a - ops.softplus(a)))),
    "only the pixels that are 1 count: log p(x | z) has two parts.": lambda x, v, a: _sum(-v * x * ops.softplus(-a)),
    "only the pixels that are 0 count: log p(x | z) has two parts.":
        lambda x, v, a: _sum(v * (x - 1) * ops.softplus(a)),
    "the softplus of the logits is missing: log p(x | z) has two parts.": lambda x, v, a: _sum(v * x * a),
    "images and logits have changed places in the likelihood.": lambda x, v, a: _sum(v * (x * a - ops.softplus(x))),
    "probabilities stand where logits belong: a sigmoid too many.": lambda x, v, a: _nats(x, v, ops.sigmoid(a)),
    "this is a squared error. Zeros and ones want a Bernoulli.": lambda x, v, a: -_sum(v * (x - ops.sigmoid(a))**2),
    "the likelihood is averaged over the pixels. Nats add up.": lambda x, v, a: _nats(x, v, a) / x.shape[-1],
    "probabilities are added up: a logarithm is missing.": lambda x, v, a: _sum(v * ops.sigmoid((2 * x - 1) * a)),
}
_MASKS = {
    "the likelihood is missing: the search does not look at the pixels.": lambda x, v, a: 0 * _sum(a),
    "the likelihood has the wrong sign: make the pixels *more* probable.": lambda x, v, a: -_nats(x, v, a),
    "the hidden pixels count and the visible ones do not. What is 1 in `visible`?": lambda x, v, a: _nats(x, 1 - v, a),
    "the search looks at all pixels, also at the hidden ones, which nobody may know.": lambda x, v, a: _nats(x, 1, a),
    "hidden pixels count as black. They must not count at all: multiply what by `visible`?":
        lambda x, v, a: _nats(v * x, 1, a),
    "one row of `visible` serves all images. Each has its own.": lambda x, v, a: _nats(x, v[:1], a),
    "the likelihood is divided by the number of visible pixels. Nats add up.": lambda x, v, a: _nats(x, v, a) / _sum(v),
}
_PRIORS = {  # of latents z, the starts s and the number of pixels
    None: lambda z, s, pixels: -_sum(z**2) / 2,
    "the prior is missing: latents go where no digit was ever encoded.": lambda z, s, pixels: 0 * _sum(z),
    "the prior has the wrong sign: latents far from 0 are *less* probable.": lambda z, s, pixels: _sum(z**2) / 2,
    "the prior counts twice. log N(z; 0, I) has *half* the sum of squares.": lambda z, s, pixels: -_sum(z**2),
    "the prior is averaged over the latents. Nats add up.": lambda z, s, pixels: -_sum(z**2) / 2 / z.shape[-1],
    "the prior is added at every pixel. It counts once for an image.": lambda z, s, pixels: -_sum(z**2) / 2 * pixels,
    "the prior is centred on the starts. p(z) is N(0, I).": lambda z, s, pixels: -_sum((z - s)**2) / 2,
    "the prior's log variance is 1. In N(0, I) the *variance* is 1.": lambda z, s, pixels: -_sum(z**2) / 2 / math.e,
    "the prior has absolute values. A Gaussian has squares.": lambda z, s, pixels: -_sum(ops.abs(z)) / 2,
}
_PICTURES = {  # of images x, mask v, pictures p from the latents found, logits a of them, pictures b from the starts
    None: lambda x, v, p, a, b: v * x + (1 - v) * p,
    "the whole picture is the model's: keep the visible pixels.": lambda x, v, p, a, b: p,
    "the picture keeps what was hidden and replaces what was visible.": lambda x, v, p, a, b: (1 - v) * x + v * p,
    "hidden pixels are filled with logits, not probabilities.": lambda x, v, p, a, b: v * x + (1 - v) * a,
    "the sigmoid is applied twice to what is filled in.": lambda x, v, p, a, b: v * x + (1 - v) * ops.sigmoid(p),
    "hidden pixels stay empty. What does the decoder draw there?": lambda x, v, p, a, b: v * x,
    "only what was hidden comes back: the visible pixels are missing.": lambda x, v, p, a, b: (1 - v) * p,
    "the two parts overlap: the model's picture is added whole.": lambda x, v, p, a, b: v * x + p,
    "the two parts overlap: the image is added whole.": lambda x, v, p, a, b: x + (1 - v) * p,
    "hidden pixels are rounded to 0 or 1, not probabilities.": lambda x, v, p, a, b: v * x + (1 - v) * ops.round(p),
    "the brighter of image and drawing is taken: black is painted over.": lambda x, v, p, a, b: np.maximum(v * x, p),
    "all images get one drawing, an average over the batch.": lambda x, v, p, a, b: v * x + (1 - v) * ops.mean(p, 0),
    "the picture is decoded from the starts, not from what was found.": lambda x, v, p, a, b: v * x + (1 - v) * b,
    "the images came back as they were, with nothing filled in.": lambda x, v, p, a, b: x,
}
_SWAPPED = "the encoder's two outputs have changed places: first comes the mean, then the log variance."
_KLS = {  # twice what is added up, of mean m and log variance v
    None: (_terms := lambda m, v: m**2 + ops.exp(v) - 1 - v),
    "the KL is twice what it should be: where is its ½?": lambda m, v: 2 * _terms(m, v),
    "the KL is averaged over the latents. Nats add up.": lambda m, v: _terms(m, v) / m.shape[-1],
    "the KL is added up over the batch. Each image has its own.":
        lambda m, v: 0 * m + ops.sum(_terms(m, v)) / m.shape[1],
    "the KL is averaged over the batch. Each image has its own.": lambda m, v: 0 * m + ops.mean(_terms(m, v)),
    "the KL holds the standard deviation, not the variance.": lambda m, v: m**2 + ops.exp(v / 2) - 1 - v,
    "the mean is missing in the KL.": lambda m, v: ops.exp(v) - 1 - v,
    "the mean is not squared in the KL.": lambda m, v: m + ops.exp(v) - 1 - v,
    "the log variance has the wrong sign in the KL.": lambda m, v: m**2 + ops.exp(v) - 1 + v,
    "the log variance is missing in the KL.": lambda m, v: m**2 + ops.exp(v) - 1,
    "the −1 is missing in the KL, which can be 0.": lambda m, v: m**2 + ops.exp(v) - v,
    "this is the KL from the prior to the posterior, the wrong way.": lambda m, v: v + (1 + m**2) / ops.exp(v) - 1,
    _SWAPPED: lambda m, v: _terms(v, m),
}
_LATENTS = {  # of mean m, log variance v and noise e
    None: lambda m, v, e: m + ops.exp(v / 2) * e,
    "you decode the mean, without noise: the encoder's width never shows.": lambda m, v, e: m + 0 * e,
    "noise is scaled by the variance, not by the standard deviation.": lambda m, v, e: m + ops.exp(v) * e,
    "noise is scaled by the log variance itself. What is the standard deviation?": lambda m, v, e: m + v * e,
    "the noise is not scaled at all: the encoder's width is never used.": lambda m, v, e: m + e,
    "all images get the noise of the first one. Each has its own.": lambda m, v, e: m + ops.exp(v / 2) * e[:, :1],
    "the noise is averaged over the draws. Decode each draw.": lambda m, v, e: m + ops.exp(v / 2) * e.mean(0) + 0 * e,
    _SWAPPED: lambda m, v, e: v + ops.exp(m / 2) * e,
}
_SCORES = {  # of KL k, log-likelihoods n (draws, images) and latents z
    None: lambda k, n, z: k - n.mean(0),
    "the sign is turned: this is the ELBO, which is low for what is strange.": lambda k, n, z: n.mean(0) - k,
    "the sign is turned, and the draws are added up, not averaged.": lambda k, n, z: n.sum(0) - k,
    "the KL is missing: how far did the latents have to go from the prior?": lambda k, n, z: -n.mean(0),
    "this is the KL alone. Can the decoder draw the image?": lambda k, n, z: k,
    "the KL has the wrong sign: it is a price, and what costs more is stranger.": lambda k, n, z: -k - n.mean(0),
    "the likelihood has the wrong sign: what is drawn well is less strange.": lambda k, n, z: k + n.mean(0),
    "the KL is divided by the number of draws. It does not depend on them.": lambda k, n, z: k / len(n) - n.mean(0),
    "the log-likelihoods of the draws are added up, not averaged.": lambda k, n, z: k - n.sum(0),
    "you divide by one less than the number of draws.": lambda k, n, z: k - n.sum(0) / (len(n) - 1),
    "you keep the best draw. The ELBO is an average over draws.": lambda k, n, z: k - n.max(0),
    "you keep the worst draw. The ELBO is an average over draws.": lambda k, n, z: k - n.min(0),
    "only the first draw counts. Average over all of them.": lambda k, n, z: k - n[0],
    "the likelihoods are averaged, and then comes the logarithm. Average the logarithms.":
        lambda k, n, z: k - np.logaddexp.reduce(n) + math.log(len(n)),
    "log p(z) stands where the KL belongs: log q(z | x) is missing.": lambda k, n, z: ((z**2).sum(-1) / 2 - n).mean(0),
    "log p(z) stands where the KL belongs, without log q(z | x).":
        lambda k, n, z: ((z**2 + math.log(2 * math.pi)).sum(-1) / 2 - n).mean(0),
    "these are bits. Nats are wanted: do not divide by ln 2.": lambda k, n, z: (k - n.mean(0)) / math.log(2),
    "the axes have changed places: one number for each draw, an average over images.": lambda k, n, z: (k - n).mean(-1),
    "you average over the images as well. Each has a score of its own.": lambda k, n, z: (k - n).mean(),
}
_TWICE = "two calls with the same arguments give different scores. Do you draw noise of your own? Take `noise`."
_LOGITS = "the logits of the draws are averaged. Average their log-likelihoods."


def _vaes():
    random = np.random.default_rng(0)
    for images, draws, latent_dim, pixels, width in ((2, 3, 4, 5, 0.7), (5, 4, 3, 9, 0.7), (32, 4, 2, 784, 25.0)):
        yield (_unspoilt(0.7, pixels, latent_dim, latent_dim), _unspoilt(width, latent_dim, pixels),
               _zeros_and_ones(random, images, pixels), np.float32(random.normal(size=(draws, images, latent_dim))))


def _scores(function, encoder, decoder, images, noise):
    """Return the scores, and facts on what is wrong with them."""
    scores, found = function(encoder, decoder, images, noise), set()
    if np.shape(scores) == noise.shape[:2]:
        raise Unusable("a score for each draw came back. The draws of an image are averaged: it has one score, (n,).")
    if np.ndim(scores) > 1:
        raise Unusable(f"shape {np.shape(scores)} came back, but shape {(len(images),)} is wanted: one score an image.")
    if not equal(anomaly_score(encoder, decoder, images, noise), scores):
        if images.shape[1] == 784:
            found = {_LARGE}
        elif not equal(scores, function(encoder, decoder, images, noise)):
            found = {_TWICE}
        else:
            found = _parts_of_score(scores, encoder, decoder, images, noise)
    return _facts(found, (_LARGE, _TWICE), _LATENTS, _KLS, (_LOGITS,), _LIKELIHOODS, _SCORES) | {"scores": scores}


def _parts_of_score(scores, encoder, decoder, images, noise):
    """Return the sentences on at most two parts that make these scores together, as few as can be."""
    m, v = encoder(images)
    drawn = {name: np.asarray(latents(m, v, noise)) for name, latents in _LATENTS.items()}
    logits = {name: ops.reshape(decoder(z.reshape(-1, z.shape[-1])), (*z.shape[:2], -1)) for name, z in drawn.items()}
    logits[_LOGITS], drawn[_LOGITS] = 0 * logits[None] + ops.mean(logits[None], 0), drawn[None]
    kls = {name: np.asarray(_sum(terms(m, v))) / 2 for name, terms in _KLS.items()}
    nats = {(name, None): np.asarray(_nats(images, 1, each)) for name, each in logits.items()} | {
        (None, name): np.asarray(likelihood(images, 1, logits[None])) for name, likelihood in _LIKELIHOODS.items()}
    choices = sorted(itertools.product(kls, nats, _SCORES), key=lambda names: len({names[0], *names[1], names[2]}))
    for kl, (latents, likelihood), score in choices:
        names = {kl, latents, likelihood, score} - {None}
        if len(names) <= 2 and equal(_SCORES[score](kls[kl], nats[latents, likelihood], drawn[latents]), scores):
            return names
    return set()


# 11.2: what holds for any area, of the function f, the area that it gave, scores s and labels y.
_AREA_HAS = {
    "the images in another order get another area. Do you pick images by their place, or sort scores without labels?":
        lambda f, area, s, y: equal(area, f(s[::-1], y[::-1])) and equal(area, f(np.roll(s, 1), np.roll(y, 1))),
    "with every image listed twice the area is another. Divide by the number of pairs: anomalies times normal images.":
        lambda f, area, s, y: equal(area, f(np.tile(s, 2), np.tile(y, 2))),
    "stretched scores, none of which overtakes another, get another area. Only the order counts: do not average.":
        lambda f, area, s, y: equal(area, f(np.exp(3 * rankdata(s) / len(s)), y)),
    "where all anomalies score above all normal images the area is 1, and yours is not. What do you divide by?":
        lambda f, area, s, y: equal(1.0, f(np.arange(len(s)) + 1e4 * y, y)),
    "where all scores are equal the area is one half, and yours is not. What is a tied pair worth?":
        lambda f, area, s, y: equal(0.5, f(np.ones(len(s)), y)),
    "right above one half; but a score that is worse than a coin has an area below it, and yours turns it over.":
        lambda f, area, s, y: roc_auc(s, y) > 0.5 or not equal(1 - roc_auc(s, y), area),
}
_PRECISION = "this is the average precision, the area under another curve."


def _scores_and_labels():
    random = np.random.default_rng(1)
    ties = random.integers(0, 6, 40) + 2.0 * (labels := random.permutation(np.arange(40) % 3 == 0))
    close_by = np.round(random.normal(size=60), 2) + 0.001 * np.arange(60) - 1e-5 * np.arange(60)**2
    held_out = random.permutation(np.arange(1_000) < 150)
    return [(np.array([0.1, 0.9, 0.4, 0.4, 0.8, 0.6, 0.2]), np.array([0, 1, 0, 1, 0, 1, 0])),
            (ties, 1 * labels), (random.normal(90, 20, 30) + 25 * (labels := random.random(30) < 0.4), 1 * labels),
            (close_by, random.random(60) < 0.3), (random.normal(100, 20, 1_000) - 15 * held_out, held_out)]


def _area_and_facts(function, scores, labels):
    """Return the area and, if it is wrong, facts on what does not hold for it."""
    def asked(scores, labels):
        return function(np.array(scores), np.array(labels, kind))

    kept, kind, found = scores.copy(), labels.dtype, set()
    area = function(scores, labels)
    if np.shape(area) == () and area is not None and not equal(roc_auc(kept, labels), area, 1e-5):
        found = {said for said, holds in _AREA_HAS.items() if not holds(asked, area, kept, labels)}
        untied = rankdata(kept, "ordinal")
        hits = labels[np.argsort(-untied)]
        if equal(np.sum(hits * np.cumsum(hits) / np.arange(1, len(hits) + 1)) / np.sum(hits), asked(untied, labels)):
            found.add(_PRECISION)
    return _facts(found, (_PRECISION,), _AREA_HAS) | {"area": area}


def _at_one_threshold(of, normals_alone, share):
    """Return a function of one threshold; `share` is made of how far above it anomalies and normal images are."""
    def mistaken(scores, labels):
        least = of(scores[labels == 0] if normals_alone else scores)
        return share(scores[labels == 1] - least, scores[labels == 0] - least)

    return mistaken


_SHARES = (lambda a, n: np.mean(a > 0), lambda a, n: np.mean(1 + np.sign(a)) / 2,
           lambda a, n: (np.mean(a > 0) + np.mean(n <= 0)) / 2, lambda a, n: np.mean(np.concatenate([a > 0, n <= 0])))
_of_area, _of_fill = map(edits_of, (roc_auc, inpaint))
_AREAS = {
    "this is 1 − A: you count how often the *normal* image scores higher.": lambda s, y: 1 - roc_auc(s, y),
    "this is 1 − A, without ties: you count the normal images that win.":
        lambda s, y: np.mean(s[y == 1][:, None] < s[y == 0]),
    "ties count nothing. Of equal scores one can only guess.": lambda s, y: np.mean(s[y == 1][:, None] > s[y == 0]),
    "ties count as won. Of equal scores one can only guess.": lambda s, y: np.mean(s[y == 1][:, None] >= s[y == 0]),
    "the scores are not sorted: you step through images as they come.": lambda s, y: roc_auc(-np.arange(len(y)), y),
    "ranks begin at 1 and yours at 0, or the sum taken off is too large. What is the smallest sum of ranks?":
        _of_area("rankdata(scores)", "(rankdata(scores) - 1)"),
    "the sum of ranks is not reduced by the smallest one possible.": _of_area("- anomalies * (anomalies + 1) / 2", ""),
    "`argsort` returns who stands where, not the rank of each.":
        _of_area("rankdata(scores)", "(np.argsort(scores, kind='stable') + 1)"),
    "tied scores have ranks one after the other, as they happened to stand. Give them their average.":
        _of_area("rankdata(scores)", "rankdata(scores, method='ordinal')"),
    "you count pairs. Divide by how many pairs there are.": _of_area("/ (anomalies * normals)", ""),
    "you divide by the anomalies alone. How many pairs are there?": _of_area("(anomalies * normals)", "anomalies"),
    "you divide by the normal images alone. How many pairs are there?": _of_area("(anomalies * normals)", "normals"),
    "you divide by all pairs of images, not by those of two kinds.":
        _of_area("(anomalies * normals)", "len(labels)**2"),
    "each anomaly is compared with other anomalies too. Compare it with the normal images.":
        lambda s, y: np.mean((1 + np.sign(s[y == 1][:, None] - s)) / 2),
    "only the two average scores are compared, not each with each.":
        lambda s, y: (1 + np.sign(s[y == 1].mean() - s[y == 0].mean())) / 2,
    "the area is rounded to a whole number. Is there a `//`, or an `int`?": lambda s, y: np.floor(roc_auc(s, y)),
    "these are percent. The area is a share, from 0 to 1.": lambda s, y: 100 * roc_auc(s, y),
    "this is 2A − 1, which is 0 where the score says nothing. A was asked for.": lambda s, y: 2 * roc_auc(s, y) - 1,
}
_ONE = "this looks at one threshold, or compares all with one score. The area knows all thresholds."

# 11.3: the search.
_SEARCH = {  # of the latents b with which it began, the starts s, heights h and slopes g of log_joint
    "more latents are searched than there are images. Is `search` called twice?":
        lambda b, s, h, g: sum(map(len, b)) == len(s),
    "the search does not begin at `starts`. Pass them on.": lambda b, s, h, g: equal(s, np.concatenate(b)),
    "`search` cannot climb your log_joint: in the graph that it builds, NumPy, `.numpy()`, `float` and loops over rows "
    "do not work. Use `ops` on whole tensors.": lambda b, s, h, g: all(each is not None for each in g),
    "log_joint must return one number for each row of latents, (n,): each image searches for itself. Sum over pixels "
    "and latents, not over images.": lambda b, s, h, g: all(each.shape == one.shape[:1] for each, one in zip(h, b)),
    "the gradient of your log_joint is 0, and the search climbs nowhere. Does it use the latents that it is given?":
        lambda b, s, h, g: any(map(np.any, g)),
}
_LOSS, _JOINT = "this is a loss, to be minimised. The search climbs.", (
    "your log_joint does not rise and fall with the latents as log p(visible pixels | z) + log p(z) does.")


def _pictures_with_holes():
    random = np.random.default_rng(2)
    for images, latent_dim, pixels, width in ((3, 4, 5, 0.7), (4, 3, 9, 0.7), (6, 2, 784, 25.0)):
        yield (_unspoilt(width, latent_dim, pixels), _zeros_and_ones(random, images, pixels),
               np.roll(_zeros_and_ones(random, images, pixels), 1, axis=-1),
               np.float32(random.normal(size=(images, latent_dim))))


def _joint_and_pictures(function, decoder, images, visible, starts):
    """Return pictures from the latents that a search "finds", starts + ½, and facts on what it is asked to climb."""
    asked, x, v = [], images.copy(), visible.copy()

    def search(objective, starts, *settings, **named):
        latents = tf.convert_to_tensor(starts, tf.float32)
        asked.append((latents, *_heights_and_slope(objective, _elsewhere(latents))))
        return latents + 0.5

    pictures, found = function(decoder, images, visible, starts, search), set()
    if not asked:
        raise Unusable("`search` was never called. Call the argument of that name, not `search_latents`, which is only "
                       "its default, with your log_joint and the starts; and decode the latents that it returns.")
    if equal(starts + 0.5, pictures):
        raise Unusable("the latents came back, as the search found them. Pictures are wanted.")
    begun, heights, slopes = zip(*asked)
    said = next((said for said, holds in _SEARCH.items() if not holds(begun, starts, heights, slopes)), None)
    found = {said} if said else _parts_of_joint(np.concatenate(slopes), decoder, x, v, starts)
    p, a, b = ops.sigmoid(decoder(starts + 0.5)), decoder(starts + 0.5), ops.sigmoid(decoder(starts))
    found.add(next((said for said, made in _PICTURES.items() if equal(made(x, v, p, a, b), pictures)), None))
    return _facts(found, _SEARCH, (_LOSS, _LARGE), _LIKELIHOODS, _MASKS, _PRIORS, (_JOINT,), _PICTURES) | {
        "filled pictures": pictures}


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


def _parts_of_joint(slope, decoder, x, v, starts):
    """Return the sentences on the likelihood and on the prior that give this slope together."""
    z = _elsewhere(tf.constant(starts))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        logits = decoder(z)
        tables = ({name: made(x, v, logits) for name, made in (_LIKELIHOODS | _MASKS).items()},
                  {name: made(z, starts, x.shape[1]) for name, made in _PRIORS.items()})
    slopes = [{name: tape.gradient(heights, z).numpy() for name, heights in table.items()} for table in tables]
    right = slopes[0][None] + slopes[1][None]
    if equal(right, slope) or x.shape[1] == 784:
        return set() if equal(right, slope) else {_LARGE}
    return {_LOSS} if equal(-right, slope) else next((
        {likelihood, prior} for likelihood, prior in itertools.product(*slopes)
        if equal(slopes[0][likelihood] + slopes[1][prior], slope)), {_JOINT})


_BITS = {
    "these are nats. A bit is ln 2 = 0.69 nats: is the number of bits larger or smaller?": lambda elbo: -elbo,
    "you multiply by ln 2. A bit is smaller than a nat, so there are more bits.": lambda elbo: -elbo * np.log(2),
    "the sign is missing: a code has a positive length, the ELBO is negative.": lambda elbo: elbo / np.log(2),
    "the sign is missing, and you multiply by ln 2. Bits are smaller than nats.": lambda elbo: elbo * np.log(2),
    "you subtract ln 2. What happens to a logarithm when its base changes?": lambda elbo: -elbo - np.log(2),
    "the logarithm of 2 is taken to the base 10. The ELBO is a natural logarithm.": lambda elbo: -elbo / np.log10(2),
    "these are decimal digits: log 10 where log 2 belongs.": lambda elbo: -elbo / np.log(10),
    "this is the logarithm of the ELBO. It is one already: only its base changes.": lambda elbo: np.log2(-elbo),
    "2 is raised to the power of the nats. The ELBO is a logarithm: only its base changes.": lambda elbo: 2.0**-elbo,
    "this is the probability of an image. How long is its name in a code?": np.exp,
    "these are the bits saved against one bit a pixel, not those needed.": lambda elbo: 784 + elbo / np.log(2),
    "the bits are rounded up. On average they need not be whole.": lambda elbo: np.ceil(-elbo / np.log(2)),
    "these are bits per pixel. Those of the whole image were asked for.": lambda elbo: -elbo / np.log(2) / 784,
    "these are bytes. Bits were asked for.": lambda elbo: -elbo / np.log(2) / 8,
    "you divide by 2. A nat is 1 / ln 2 bits.": lambda elbo: -elbo / 2,
}
EXERCISES = (
    Exercise(identifier="11.1", reference=anomaly_score, cases=_vaes, observe=_scores, tolerance=1e-4, calls=600,
             mistakes=(
        Mistake("the likelihood and the KL have both the wrong weight: divide neither by the number of pixels.",
                lambda *asked: anomaly_score(*asked) / asked[2].shape[-1]),
        Mistake("the scores are those of other images: they came back in reversed order.",
                lambda *asked: anomaly_score(*asked)[::-1]),
    ), hints=(
        "Call the encoder once: it returns the mean and the log variance. Call the decoder once for each draw: it "
        "returns logits. Three functions do the rest: `bernoulli_log_likelihood`, and lesson 6's `reparameterise` and "
        "`kl_to_standard_normal`. Import these two from utils.models and utils.losses.",
        "`for draw in noise` gives the noise of one draw, (n, latent_dim). Collect the log-likelihoods, (n,) each.",
        "Average the log-likelihoods over the draws. ELBO = that average − KL. Which sign makes strange images high?",
    )),
    Exercise(identifier="11.2", reference=roc_auc, cases=_scores_and_labels, observe=_area_and_facts, calls=800,
             mistakes=(
        *itertools.starmap(Mistake, _AREAS.items()),
        *(Mistake(_ONE, _at_one_threshold(*parts))
          for parts in itertools.product((np.mean, np.median, np.max), (False, True), _SHARES)),
    ), hints=(
        "Compare every anomaly's score with every normal image's: won 1, tied ½, lost 0. The area is the average.",
        "Few images: `scores[labels == 1][:, None]` against `scores[labels == 0]` makes a matrix of all pairs. Many "
        "images: `scipy.stats.rankdata` ranks all scores at once, ties with their average.",
        "An anomaly's rank counts all scores up to its own. Add the anomalies' ranks, take off what they would add up "
        "to if they stood lowest (1 + 2 + …), and divide by the number of pairs.",
    )),
    Exercise(identifier="11.3", reference=inpaint, cases=_pictures_with_holes, observe=_joint_and_pictures,
             tolerance=1e-4, mistakes=(
        Mistake("hidden pixels are filled with one number. Let the decoder draw them, from the latents found.",
                _of_fill("(1 - visible) * probabilities", "(1 - visible) * 0.5")),
        Mistake("the prior takes the latents for logits: log p(z) is a Gaussian's, −½ Σ z² but for a constant.",
                _of_fill("- 0.5 * ops.sum(ops.square(latents), axis=-1)",
                         "+ ops.sum(ops.log_sigmoid(latents), axis=-1)")),
    ), hints=(
        "Two parts: a function of latents that the search climbs, and a picture made of two halves. "
        "`search(your_function, starts)` returns the latents.",
        "The decoder returns a logit l for each pixel, whose log-likelihood is x · l − softplus(l). Multiply by "
        "`visible` before the sum over the pixels, then add log p(z).",
        "Up to a constant, log p(z) is −½ Σ z². The picture is `visible` times one thing plus `1 - visible` times "
        "another.",
    )),
    Exercise(identifier="11.4", reference=bits_per_image, mistakes=tuple(itertools.starmap(Mistake, _BITS.items())),
             cases=lambda: [(-18.5,), (np.array([-811.4, -58.25]),), (np.array([[-31.5], [-12.0], [-3.7]]),)], hints=(
        "An image of probability p needs −log₂ p bits. The ELBO stands for ln p.",
        "log₂ p = ln p divided by which number?",
    )),
)
