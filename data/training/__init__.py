"""What every resumable training needs, whatever is learnt: phases, the learning rate, checkpoints, a recipe.

- `Record`: history, checkpoint and best weights, in the files of a run's folder.
- `learning_rate`, `BasePhase`, `frozen`, `stale`: of a phase: its rate, what stands still in it, when it is over.
- `Watch`: what goes on beside an epoch, the bar and the line in the end.
- `network_in_words`, `update_with_array`, `words`: what decides the result of a training, as JSON can hold it.

Importing this imports no TensorFlow.
"""

from __future__ import annotations

from data.training.checkpoints import Record, Row, read_history
from data.training.epochs import Epochs, Watch
from data.training.phases import BasePhase, frozen, learning_rate, stale
from data.training.recipe import network_in_words, update_with_array, words

__all__ = [
    "BasePhase",
    "Epochs",
    "Record",
    "Row",
    "Watch",
    "frozen",
    "learning_rate",
    "network_in_words",
    "read_history",
    "stale",
    "update_with_array",
    "words",
]
