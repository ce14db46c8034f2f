"""Watch a network look: a camera, a video or pictures, with a heat map or the activation maps, as they come.

    python -m cnnviz live                        the camera, in the browser
    python -m cnnviz live clip.mp4 --output seen.mp4

Keys: q quit, w and e the layer before and behind, 1 to 6 the method, t the class that is explained, space pause.

The window is a page in the browser: the OpenCV that comes with cnnviz has no windows, and a browser has every system.
"""

from cnnviz.live.looking import METHODS, Look, Sight
from cnnviz.live.loop import Outcome, run
from cnnviz.live.screen import compose

__all__ = ["METHODS", "Look", "Outcome", "Sight", "compose", "run"]
