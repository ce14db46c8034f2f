"""Training in phases, that goes on after a kill, and measuring on a whole set.

    from fcn.training import decoder_then_all, evaluate, train
    train(network, camvid("train"), decoder_then_all(4, 40), validation=camvid("validation"), run="runs/segnet")

- `train`, `Phase`, `decoder_then_all`: the encoder frozen, the decoder trained, then all.
- `evaluate`: one confusion matrix of a whole set, at the labels' own size.
"""

from __future__ import annotations

from fcn.training.evaluation import evaluate
from fcn.training.phases import Phase, decoder_then_all, encoder_frozen
from fcn.training.procedure import train

__all__ = ["Phase", "decoder_then_all", "encoder_frozen", "evaluate", "train"]
