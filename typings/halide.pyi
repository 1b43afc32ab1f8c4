# Halide fills its module when it is imported; to pyright every name in it is known, and may be anything.
from typing import Any

def __getattr__(name: str) -> Any: ...
