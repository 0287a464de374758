"""Lesson 0: what its pictures draw and what its explorers do."""


from tests.drawing import *


def binarisation():
    return binarisation_explorer(RNG.random((12, 784)))
