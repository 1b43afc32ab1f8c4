"""Trained weights of torchvision's, fetched from its own server when asked for, and kept in the cache.

A file's name ends in the first 8 hexadecimal digits of its SHA-256, which every download is checked against.
The cache has a model file made of the download, under the same name with .safetensors. `fetch` alone uses the
network, over HTTPS. FOVEA_WEIGHTS_URL names a mirror; on this machine itself it may speak HTTP.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fovea.errors import DISTRIBUTION, DataError, FoveaError, mismatch
from fovea.files import caching

if TYPE_CHECKING:  # not imported at the start, as it takes long
    from urllib.request import OpenerDirector

PART = "weights"  # of the cache
_URL, _MIRROR = "https://download.pytorch.org/models/", "FOVEA_WEIGHTS_URL"
_LOOPBACK = "localhost", "127.0.0.1", "::1"
_ELSEWHERE = "name a folder with room in FOVEA_CACHE"
_OFFLINE = "connect to the internet, or fetch the file elsewhere: fovea.load and --weights read it"
_TIMEOUT = 30.0  # seconds without an answer
_PIECE = 1 << 20  # bytes per read
_MARGIN = 1.01  # sizes are rounded to 0.001 MiB


@dataclass(frozen=True)
class Download:
    """A file of weights: `size` in MiB, `parameters` of the network, and its top-1 accuracy on ImageNet as
    published, from 0 to 1."""

    file: str
    size: float
    parameters: int
    top1: float
    licence: str = "BSD-3-Clause"

    @property
    def digest(self) -> str:
        """The first digits of the file's SHA-256."""
        return Path(self.file).stem.rpartition("-")[2]

    @property
    def limit(self) -> int:
        """The most bytes that the file may have."""
        return round(self.size * _MARGIN * 2**20)


# The first weights of each ("IMAGENET1K_V1"), for pictures of 224×224:
# https://github.com/pytorch/vision/tree/main/torchvision/models
DOWNLOADS = {
    "squeezenet1_1": Download("squeezenet1_1-b8a52dc0.pth", 4.729, 1_235_496, 0.58178),
    "mobilenet_v2": Download("mobilenet_v2-b0353104.pth", 13.555, 3_504_872, 0.71878),
    "resnet18": Download("resnet18-f37072fd.pth", 44.661, 11_689_512, 0.69758),
    "resnet34": Download("resnet34-b627a593.pth", 83.275, 21_797_672, 0.73314),
    "resnet50": Download("resnet50-0676ba61.pth", 97.781, 25_557_032, 0.76130),
    "vgg16": Download("vgg16-397923af.pth", 527.796, 138_357_544, 0.71592),
}


def url_of(name: str) -> str:
    """The address of the weights `name`."""
    return (os.environ.get(_MIRROR) or _URL).rstrip("/") + "/" + DOWNLOADS[name].file


def cached(name: str) -> Path | None:
    """The model file of the weights `name` in the cache; None if they have not been fetched."""
    if name not in DOWNLOADS:
        return None
    path = _place(name)
    return path if path.is_file() else None


def fetch(
    name: str,
    convert: Callable[[Path, Path], object],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Path:
    """Download the weights `name`, and return the path of the model file that `convert(file, path)` makes.

    The cache has it whole or not at all. `progress(done, total)` counts megabytes. Raises FoveaError for
    unknown weights, no connection, or a cache without room, and DataError for another file than the expected.
    """
    if name not in DOWNLOADS:
        raise FoveaError(mismatch("weights", f"one of {', '.join(DOWNLOADS)}", repr(name)))
    wanted, path = DOWNLOADS[name], _place(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(path.parent).free
        needed = 2 * wanted.limit  # the download, and the model file
        if room < needed:
            expected = f"{needed / 1e6:,.0f} MB of free space for the weights of {name}"
            raise FoveaError(mismatch(f"cache {path.parent}", expected, f"{room / 1e6:,.0f} MB", _ELSEWHERE))
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as folder:
            file, made = Path(folder, wanted.file), Path(folder, path.name)
            _download(url_of(name), file, wanted, progress)
            convert(file, made)
            made.replace(path)
    except OSError as error:
        expected = f"to write the weights of {name}"
        got = error.strerror or str(error)
        raise FoveaError(mismatch(f"cache {path.parent}", expected, got, _ELSEWHERE)) from error
    return path


def _place(name: str) -> Path:
    return caching.root() / PART / f"{Path(DOWNLOADS[name].file).stem}.safetensors"


def _download(url: str, file: Path, wanted: Download, progress: Callable[[int, int], object]) -> None:
    """Write the file at `url`, and check its digest. Raises OSError for `file` alone."""
    from hashlib import sha256

    digest, done = sha256(), 0
    with file.open("wb") as out:
        for piece in _pieces(url, wanted.limit):
            out.write(piece)
            digest.update(piece)
            done += len(piece)
            progress(done // _PIECE, round(wanted.size))
    if not digest.hexdigest().startswith(wanted.digest):
        expected, got = f"a file whose SHA-256 begins with {wanted.digest}", digest.hexdigest()[:16]
        raise DataError(mismatch(url, expected, f"{got}…", "another file, or damaged; nothing is kept"))


def _pieces(url: str, limit: int) -> Iterator[bytes]:
    """The content at `url`, at most `limit` bytes. Raises FoveaError where there is no connection, and
    DataError for anything but a whole file."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

    host = url.split("/")[2] if url.count("/") > 2 else url
    try:
        request = Request(_checked(url, url), headers={"User-Agent": DISTRIBUTION})
        with _opener(url).open(request, timeout=_TIMEOUT) as answer:
            length = int(answer.headers.get("Content-Length", "-1"))
            done = 0
            while done <= limit and length <= limit and (piece := answer.read(_PIECE)):
                done += len(piece)
                yield piece
    except FoveaError:
        raise
    except HTTPError as error:
        raise DataError(mismatch(url, "the weights", f"HTTP {error.code} {error.reason}")) from error
    except (HTTPException, ValueError) as error:
        raise DataError(mismatch(url, "the weights", f"{type(error).__name__} {error}".rstrip())) from error
    except OSError as error:
        cause = error.reason if isinstance(error, URLError) else error
        got = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise FoveaError(mismatch(url, f"a connection to {host}", got, _OFFLINE)) from error
    if max(done, length) > limit:
        raise DataError(mismatch(url, f"at most {limit:,} bytes", f"{max(done, length):,}"))
    if done < length:
        raise DataError(mismatch(url, f"{length:,} bytes", f"{done:,}", "the connection ended: try again"))


def _checked(url: str, first: str) -> str:
    """`url`, if it is one of HTTPS, or of HTTP on this machine as `first` is. Raises DataError."""
    if not url.startswith("https://") and not (_is_here(url) and _is_here(first)):
        raise DataError(mismatch(first, "an address that begins with https://", url))
    return url


def _is_here(url: str) -> bool:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _opener(url: str) -> "OpenerDirector":
    """An opener that follows redirects to HTTPS alone; without proxies for this machine itself."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class Redirects(HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):
            return super().redirect_request(req, fp, code, msg, headers, _checked(newurl, url))

    return build_opener(Redirects, *([ProxyHandler({})] if _is_here(url) else []))
