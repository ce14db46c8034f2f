"""One picture's loss, taken apart: which prediction has to learn which object, and what each of them costs.

    explanation = yolo.explain_loss(model, photograph, boxes, classes, names=names)
    print(explanation)

The figure of it is `yolo.plots.explanation.draw_explanation`.
"""

from yolo.explanation.loss import explain_loss
from yolo.explanation.records import Explanation, HeadView, Lesson, Prediction

__all__ = ["Explanation", "HeadView", "Lesson", "Prediction", "explain_loss"]
