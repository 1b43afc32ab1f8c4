"""Writes the parts of ARCHITECTURE.md that follow from the code: its tree and the order of imports.

    python docs/architecture.py        (`make architecture`)

The tree takes the first sentence of each folder's and file's docstring; the order is that of the import
contracts in pyproject.toml. A test fails where ARCHITECTURE.md is not what this would write.
"""

import ast
import re
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
NAME, LINE = 20, 118  # columns of a name, and of a line


def sentence(path: Path) -> str:
    """The first sentence of a module's or package's docstring. ValueError where there is none."""
    source = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"{source.relative_to(ROOT)}: expected a docstring, got none")
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".:")


def tree() -> str:
    """`src/fovea`: its files, and its folders with the names of what is in them."""
    place = ROOT / "src" / "fovea"
    folders = sorted(path for path in place.iterdir() if (path / "__init__.py").is_file())
    files = sorted(path for path in place.glob("*.py") if path.name != "__init__.py")
    lines = ["src/fovea/"]
    for path in files:
        lines += _entry(path.name, sentence(path))
    for path in folders:
        inside = [f"{p.name}/" for p in sorted(path.iterdir()) if p.is_dir() and p.name != "__pycache__"]
        inside += [p.stem for p in sorted(path.glob("*.py")) if not p.stem.startswith("__")]
        lines += _entry(f"{path.name}/", sentence(path)) + _entry("", ", ".join(inside))
    return "\n".join(lines)


def order() -> str:
    """The strata of the import contracts, from top to bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = contracts["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c.get("containers") == ["fovea"])
    return "\n".join(layer.replace(" | ", "  ") for layer in layers)


def written(page: str) -> str:
    """`page` with these parts as the code is now."""
    for name, text in (("tree", tree()), ("order", order())):
        block = f"<!-- {name} -->\n```\n{text}\n```\n<!-- end of {name} -->"
        page = re.sub(
            rf"<!-- {name} -->.*?<!-- end of {name} -->", lambda _, b=block: b, page, flags=re.DOTALL
        )
    return page


def _entry(name: str, words: str) -> list[str]:
    first = f"  {name:{NAME}}"
    return textwrap.wrap(words, LINE, initial_indent=first, subsequent_indent=" " * len(first)) or [
        first.rstrip()
    ]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
