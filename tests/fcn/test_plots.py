"""The figures that have no file of their own: `fcn.plots.training`."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fcn.plots.training import draw_history


def rows(*phases, held_out=True):
    history = []
    for number, (name, epochs) in enumerate(phases):
        for _ in range(epochs):
            epoch = len(history) + 1
            row = {"epoch": epoch, "phase": name, "phase_number": number, "loss": 1 / epoch, "mean_iou": epoch / 10}
            history.append(row | ({"val_loss": 2 / epoch, "val_mean_iou": epoch / 20} if held_out else {}))
    return history


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_both_curves_and_the_phases():
    ax = draw_history(rows(("decoder", 2), ("everything", 4)))
    learnt, held_out, *marks = ax.lines
    np.testing.assert_allclose(learnt.get_xydata(), [(n, n / 10) for n in range(1, 7)])
    np.testing.assert_allclose(held_out.get_ydata(), np.arange(1, 7) / 20)
    assert [mark.get_xdata()[0] for mark in marks] == [2.5]
    assert [(text.get_text(), text.xy[0]) for text in ax.texts] == [("decoder", 1.5), ("everything", 4.5)]
    assert ax.get_ylabel() == "mean IoU" and ax.get_ylim() == (0, 1)


def test_one_phase_without_pairs_held_out():
    _, ax = plt.subplots()
    assert draw_history(rows(("everything", 1), held_out=False), "loss", ax=ax) is ax
    assert len(ax.lines) == 1 and not ax.texts
    assert len(ax.get_legend().get_texts()) == 1


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(ValueError, match="history is empty"):
        draw_history([])
    with pytest.raises(ValueError, match="the history has epoch, phase"):
        draw_history(rows(("everything", 1)), "accuracy")
