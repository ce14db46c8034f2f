"""fcn: every pixel a class. Semantic segmentation with fully convolutional networks (to come with lectures 6 to 8)."""
