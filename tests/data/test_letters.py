"""`data.letters`: as high as asked for, with the letters of more than one language."""

import numpy as np
from PIL import Image, ImageDraw

from data.letters import letters


def test_letters_grow_and_know_accents():
    assert letters(20) is letters(20)
    assert letters(40).getlength("dog") / letters(20).getlength("dog") > 1.8
    drawn = []
    for letter in "éńβж\uffff":
        picture = Image.new("L", (40, 40))
        ImageDraw.Draw(picture).text((4, 4), letter, fill=255, font=letters(24))
        drawn.append(np.asarray(picture))
    for one in drawn[:-1]:
        assert one.any() and (one != drawn[-1]).any()  # the last is the box for letters that are missing
