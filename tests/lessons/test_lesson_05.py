"""What lesson 5's first exercise takes for right, against scikit-learn, and what it refuses."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from utils.lesson_05.study import pca_reconstruct

RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(60, 9)) @ RNG.normal(size=(9, 9)) + RNG.normal(size=9)
MEAN = IMAGES.mean(axis=0)
COMPONENTS = np.linalg.svd(IMAGES - MEAN)[2]


@pytest.mark.parametrize("k", [1, 4, 9])
def test_reconstruction_is_that_of_scikit_learn(k):
    pca = PCA(k, svd_solver="full").fit(IMAGES)
    new = RNG.normal(size=(5, 9))
    theirs = pca.inverse_transform(pca.transform(new))
    np.testing.assert_allclose(pca_reconstruct(new, MEAN, COMPONENTS, k), theirs, rtol=1e-9, atol=1e-9)


def test_no_component_leaves_the_mean():
    np.testing.assert_array_equal(pca_reconstruct(IMAGES[:3], MEAN, COMPONENTS, 0), np.tile(MEAN, (3, 1)))


@pytest.mark.parametrize(("arguments", "match"), [
    ((IMAGES.reshape(60, 3, 3), MEAN, COMPONENTS, 2), r"wants images \(batch, pixels\).*\(60, 3, 3\).*Flatten"),
    ((IMAGES[0], MEAN, COMPONENTS, 2), r"but got \(9,\)"),
    ((IMAGES, MEAN[:1], COMPONENTS, 2), r"\(1,\)"),
    ((IMAGES, MEAN, COMPONENTS[:, :8], 2), r"\(9, 8\)"),
    ((IMAGES, MEAN, COMPONENTS[:4], 5), "k from 0 to the number of components, 4, but got 5"),
    ((IMAGES, MEAN, COMPONENTS, -1), "but got -1"),
])
def test_reconstruction_refuses_what_does_not_fit(arguments, match):
    with pytest.raises(ValueError, match=match):
        pca_reconstruct(*arguments)
