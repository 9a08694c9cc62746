"""Data sets that are downloaded once.

A downloaded file is pinned by the sha256 of its bytes, those of a .gz file or of files in a .zip decompressed (mirrors compress
differently), and kept in the cache folder. EVO_DATA=FOLDER reads FOLDER/<name>/ in its place and never goes to the network.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from evo.machine import cache_folder

RETRIES = 3  # of a download that fails or is not the pinned file


@dataclass(frozen=True)
class Download:
    """Files of a data set: `name` of its folder, `url` that their names are appended to, and the sha256 of each.

    there: what a file is called at the url, where that is another name. check(bytes, sha256, origin) raises ValueError for a
    file that is not the pinned one.
    """

    name: str
    url: str
    sha256: Mapping[str, str]
    there: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[bytes, str, str | Path], object] | None = None

    def path(self, file: str) -> Path:
        """Where a file lies, once it is there.

        Raises FileNotFoundError or ConnectionError, saying what to do, if it cannot be had; ValueError if what was downloaded
        is not the pinned file.
        """
        if os.environ.get("EVO_DATA"):
            path = Path(os.environ["EVO_DATA"], self.name, file)
            if not path.is_file():
                raise FileNotFoundError(
                    f"EVO_DATA: no file {path}; put it there, or unset EVO_DATA to download {self._source(file)}"
                )
            return path
        path = cache_folder() / self.name / file
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.parent / "download.lock"):  # several runs start at once; one of them downloads
                if not path.is_file():
                    self._download(file, path.parent)
        return path

    def _source(self, file: str) -> str:
        return self.url + self.there.get(file, file)

    def _download(self, file: str, folder: Path) -> None:
        import pooch

        download = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)

        def checked(url: str, beside: str, cache: Any) -> None:  # before the file takes its name
            download(url, beside, cache)
            (self.check or unpacked)(Path(beside).read_bytes(), self.sha256[file], url)

        try:
            known = pooch.create(
                folder, self.url, registry={file: None}, urls={file: self._source(file)}, retry_if_failed=RETRIES
            )
            known.fetch(file, downloader=checked)
        except OSError as error:
            raise ConnectionError(
                f"{self.name}: could not download {self._source(file)} ({error}); go online, or put {', '.join(self.sha256)} "
                f"into {folder}, or set EVO_DATA to a folder that holds them in {self.name}/"
            ) from error


def unpacked(packed: bytes, sha256: str, origin: str | Path) -> bytes:
    """The bytes of a file of that origin, decompressed if it is a .gz. Raises ValueError if they are not the pinned ones."""
    raw = packed
    if str(origin).endswith(".gz"):
        try:
            raw = gzip.decompress(packed)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{origin}: not a complete gzip file ({error}); remove it and download it again") from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        kind = "decompressed " if raw is not packed else ""
        raise ValueError(f"{origin}: expected sha256 {sha256} of the {kind}file; got {found}: it is refused")
    return raw


def members(packed: bytes, sha256: str, origin: str | Path, suffix: str) -> dict[str, bytes]:
    """The files of a .zip whose names end so, by name without folders, in order. sha256: of their bytes, one after another in
    that order. Raises ValueError if they are not the pinned ones."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            names = [name for name in archive.namelist() if name.endswith(suffix)]
            found = dict(sorted((Path(name).name, archive.read(name)) for name in names))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{origin}: not a complete zip file ({error}); remove it and download it again") from error
    digest = hashlib.sha256(b"".join(found.values())).hexdigest()
    if digest != sha256:
        raise ValueError(f"{origin}: expected sha256 {sha256} of its {suffix} files; got {digest}: it is refused")
    return found
