"""Is this explanation any good? Four questions that a map has to answer.

- `model_randomisation`: does the map change when the weights that it should explain are shuffled?
- `data_randomisation`: does it change when the network has learned nothing but noise?
- `deletion` and `insertion`: do the pixels that it points at matter to the network?
- `pointing_game`: does it point at the object?

Each takes an explanation, which is a function ``explain(model, images, target)`` that returns maps, as those of
`cnnviz.saliency` and `cnnviz.cam` do, or the maps themselves. All of them are needed: a map of edges looks convincing
and fails the first; a map that only knows what the network looks at may well miss the object, and be right.
"""

from cnnviz.sanity.deletion import Curve, deletion, insertion
from cnnviz.sanity.maps import Explanation, importance
from cnnviz.sanity.pointing import Pointing, pointing_game
from cnnviz.sanity.randomisation import (
    DataRandomisation,
    ModelRandomisation,
    data_randomisation,
    model_randomisation,
    permuted,
    randomised,
)
from cnnviz.sanity.similarity import rank_correlation, structural_similarity

__all__ = [
    "Curve",
    "DataRandomisation",
    "Explanation",
    "ModelRandomisation",
    "Pointing",
    "data_randomisation",
    "deletion",
    "importance",
    "insertion",
    "model_randomisation",
    "permuted",
    "pointing_game",
    "randomised",
    "rank_correlation",
    "structural_similarity",
]
