"""Components, codes, and what random codes decode to (lesson 5).

A plane of codes is shown inside a `box`, (left, right, bottom, top).
"""

import numpy as np

from utils import plots
from utils.plots.canvas import BLACK, BLUE, GRID, INK, RED, SERIES, canvas, label

_MARKERS = "os^Dv"  # curves are not told apart by colour alone


def signed_images(images, columns=8, row_labels=()):
    """Return pictures of weights in rows: orange above zero, violet below, white at zero, each on its own scale.

    Args:
        images: (n, 784).
        row_labels: names of the rows, at the left.
    """
    images = np.asarray(images)
    if images.ndim != 2 or images.shape[1] != 784:
        raise ValueError(f"signed_images wants shape (n, 784), but got {images.shape}. Weights of a layer in front of "
                         "the pixels are columns: transpose them.")
    unit = 0.5 + 0.5 * images / np.maximum(np.abs(images).max(axis=1, keepdims=True), 1e-12)
    picture = plots.digits(np.clip(unit, 0, 1), columns, row_labels=row_labels)
    picture.axes[0].images[0].set_cmap("PuOr_r")
    return picture


def over_code_size(curves, y, reference_lines=None):
    """Return curves over the size of the code, on a logarithmic axis; long ones have no markers.

    Args:
        curves: dictionary of name → (sizes, values).
        y: name of the values, with their unit.
        reference_lines: dictionary of name → value, drawn dashed.
    """
    picture, axis = canvas(height=3.4)
    for (name, (sizes, values)), colour, marker in zip(curves.items(), SERIES, _MARKERS, strict=False):
        axis.semilogx(sizes, values, color=colour, linewidth=1.8, marker=marker if len(sizes) < 20 else None,
                      markersize=7, linestyle="-" if len(sizes) > 1 else "", label=name)
    for name, value in (reference_lines or {}).items():
        axis.axhline(value, color="#777777", linestyle="--", linewidth=1)
        axis.annotate(name, (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                      textcoords="offset points", ha="right", fontsize=8.5, color="#555555")
    most = max(max(sizes) for sizes, _ in curves.values())
    ticks = [2**power for power in range(10) if min(min(sizes) for sizes, _ in curves.values()) <= 2**power <= most]
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.set_ylim(0, 1.09 * axis.dataLim.ymax)
    axis.grid(color=GRID, linewidth=0.6)
    if len(curves) > 1:
        axis.legend(frameon=False, fontsize=9)
    label(axis, "", "numbers in the code", y)
    return picture


def principal_angles(angles):
    """Return the principal angles between subspaces on a logarithmic axis, smallest first.

    Args:
        angles: dictionary of name → degrees, as many in each.
    """
    picture, axis = canvas(height=2.9)
    for (name, degrees), colour, marker in zip(angles.items(), (BLUE, RED, BLACK), _MARKERS, strict=False):
        degrees = np.sort(np.maximum(degrees, 1e-3))
        axis.semilogy(np.arange(1, len(degrees) + 1), degrees, color=colour, marker=marker, linewidth=1, label=name)
    ticks = [0.01, 0.1, 1, 10, 90]
    axis.set(xticks=range(1, len(degrees) + 1), ylim=(0.01, 200))
    axis.set_yticks(ticks, [f"{tick}°" for tick in ticks])
    axis.grid(color=GRID, linewidth=0.6)
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=9, loc="center", bbox_to_anchor=(0.5, 0.72))
    label(axis, "", "principal angle, from the smallest to the largest", "angle")
    return picture


def draw_codes(axis, codes, labels, box, title=""):
    """Draw codes as dots in their plane, each digit in its colour and named at its median.

    Args:
        codes: (n, 2).
        labels: (n,) digits 0..9.
    """
    plots.draw_latents(axis, codes, labels, title, extent=max(box[1] - box[0], box[3] - box[2]) / 2)
    axis.set(xlim=box[:2], ylim=box[2:], aspect="auto")
    label(axis, title, "code c₁", "code c₂")


def code_plane(codes, labels, digits, box):
    """Return a plane of codes beside what the decoder makes of an even grid over the same part of it.

    Args:
        digits: (side², 784) in [0, 1], decoded row by row from the top left.
    """
    picture, (plane, decoded) = canvas(height=4.3, columns=2)
    draw_codes(plane, codes, labels, box, "codes of validation images")
    # Sixteen shades are enough for small digits, and a picture of them takes a third of the room.
    sheet = np.ma.masked_invalid(np.round(15 * plots.mosaic(digits, round(len(digits) ** 0.5))) / 15)
    decoded.imshow(sheet, cmap="gray", vmin=0, vmax=1, extent=box, aspect="auto", interpolation="nearest")
    label(decoded, "the decoder's picture at every place", "code c₁", "")
    return picture


def code_sources(codes, draws, pictures, box):
    """Return draws of codes from several sources among the codes of images, and what they decode to, in rows.

    Args:
        codes: (n, 2) of images, in grey.
        draws: dictionary of name → (n, 2); one colour and marker each.
        pictures: dictionary of the same names → (n, 784) in [0, 1].
    """
    picture, axes = canvas(height=4.4, rows=len(draws), columns=2, width_ratios=(1, 1.15), squeeze=False)
    plane, *others = axes[:, 0]
    plane.set_subplotspec(plane.get_gridspec()[:, 0])
    for axis in others:
        axis.remove()
    plane.scatter(*np.asarray(codes).T, s=3, color="#BBBBBB", linewidths=0)
    for (name, places), axis, colour, marker in zip(draws.items(), axes[:, 1], (BLUE, RED, BLACK), _MARKERS):
        plane.plot(*np.asarray(places).T, marker, color=colour, markersize=5, label=name)
        plots.draw_digits(axis, pictures[name], -(-len(pictures[name]) // 2))
        axis.set_title(name, fontsize=10.5, color=colour)
    plane.set(xlim=box[:2], ylim=box[2:])
    label(plane, "grey: codes of validation images", "code c₁", "code c₂")
    return picture


def unit_activity(networks):
    """Return one panel a network: the share of images for which each unit of its code is not zero, sorted.

    Args:
        networks: dictionary of name → (units,) shares in [0, 1].
    """
    picture, axes = canvas(height=2.7, columns=len(networks), sharey=True, squeeze=False)
    for axis, (name, shares) in zip(axes[0], networks.items(), strict=True):
        shares = np.sort(shares)[::-1]
        units, dead = np.arange(1, len(shares) + 1), shares == 0
        axis.bar(units[~dead], np.maximum(100 * shares[~dead], 1), color=BLUE)  # a stub where there is hardly an answer
        axis.plot(units[dead], 0 * units[dead] + 4, "x", color=RED, markersize=7, markeredgewidth=2)
        axis.set(xlim=(0.2, len(shares) + 0.8), ylim=(0, 100))
        axis.grid(axis="y", color=GRID, linewidth=0.6)
        axis.set_axisbelow(True)
        label(axis, f"{name}\n{dead.sum()} of {len(shares)} units dead", "unit of the code, sorted", "")
    axes[0, 0].set_ylabel("images with an answer, in %", fontsize=9.5, color=INK)
    return picture
