"""Dreams as videos: the functions of `data.videos`."""

from data.videos import SUFFIXES, check_path, write_video

__all__ = ["SUFFIXES", "check_path", "write_video"]
