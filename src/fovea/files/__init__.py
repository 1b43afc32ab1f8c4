"""Files on disk: written whole or not at all, read up to a size limit; JSON, tensors, the cache."""

from fovea.files.whole import absolute, expanded, open_regular, read, write_whole

__all__ = ["absolute", "expanded", "open_regular", "read", "write_whole"]
