"""Files on disk: written whole or not at all, of bounded size when read; JSON, tensors, the cache."""

from fovea.files.whole import open_regular, read, write_whole

__all__ = ["open_regular", "read", "write_whole"]
