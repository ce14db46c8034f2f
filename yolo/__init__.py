"""yolo: every object a box. Object detection with YOLO v1 to v3 (to come with lectures 9 to 11)."""
