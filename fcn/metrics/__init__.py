"""How good a segmentation is: one confusion matrix over the whole set, and what is read from it; boundary F1."""

from fcn.metrics.boundary import boundary_f1
from fcn.metrics.running import ClassAverage, ConfusionMatrix, FrequencyWeightedIoU, GlobalAccuracy, MeanDice, MeanIoU
from fcn.metrics.scores import (
    class_average,
    class_scores,
    confusion_matrix,
    dice,
    frequency_weighted_iou,
    global_accuracy,
    mean_iou,
    per_class_table,
)

__all__ = [
    "ClassAverage",
    "ConfusionMatrix",
    "FrequencyWeightedIoU",
    "GlobalAccuracy",
    "MeanDice",
    "MeanIoU",
    "boundary_f1",
    "class_average",
    "class_scores",
    "confusion_matrix",
    "dice",
    "frequency_weighted_iou",
    "global_accuracy",
    "mean_iou",
    "per_class_table",
]
