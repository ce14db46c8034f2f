"""The figures of yolo. Every function returns a matplotlib ``Figure`` or ``Axes`` and shows nothing itself."""
