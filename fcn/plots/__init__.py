"""The figures of fcn. Every function returns a matplotlib ``Figure`` or ``Axes`` and shows nothing itself."""
