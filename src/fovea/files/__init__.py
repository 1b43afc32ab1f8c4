"""Files on disk: written whole or not at all, read up to a size limit; JSON, tensors, the cache."""

from fovea.files.whole import expanded, open_regular, read, write_whole

__all__ = ["expanded", "open_regular", "read", "write_whole"]
