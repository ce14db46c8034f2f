"""Find, check and fetch what is too large for the repository: public weights and data sets.

`registry.toml` names every such asset with its public address, size, licence and the SHA-256 of each file. An asset is
looked for in the folders of `$LECTURE_DATA` (local mirrors, never written to), then in the per-user cache (another
folder with `$LECTURE_CACHE`), then on the network, which fills the cache. Whatever is returned has been hashed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import pooch

REGISTRY = Path(__file__).with_name("registry.toml")
RETRIES = 2  # after the first attempt, per file
WORKERS = 8  # downloads at once: these are many small files, so waiting is most of the time
TIMEOUT = (10, 30)  # seconds to connect, seconds between two pieces of the answer


class AssetUnavailableError(OSError):
    """An asset is neither here nor to be had from the network, or the cache cannot be written."""


class HashMismatchError(OSError):
    """A file is not the one the registry names. Kept apart: an absent file may be skipped, a wrong one never."""


@dataclass(frozen=True)
class Member:
    """One file of an asset: `path` below the asset's folder (posix), `url`, `sha256` (64 hex digits), `bytes`."""

    path: str
    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Asset:
    """One entry of the registry; `home` is the page for a person, `without` what works where it cannot be had."""

    name: str
    description: str
    folder: str
    home: str
    licence: str
    citation: str
    without: str
    members: tuple[Member, ...]
    single: bool

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(member.bytes for member in self.members)

    @property
    def size(self) -> str:
        """Size and number of files for a message: `125.5 MB in 938 files`."""
        return f"{self.bytes / 1e6:.1f} MB" + ("" if self.single else f" in {len(self.members)} files")

    def at(self, root: Path) -> Path:
        """The asset's place below `root`: the file of a single-file asset, the folder of a many-file asset."""
        return root / self.folder / self.members[0].path if self.single else root / self.folder


def assets() -> dict[str, Asset]:
    """Read the registry.

    Returns: name -> `Asset`, in the registry's order.
    Raises: ValueError for an entry that lacks a field, a damaged manifest line, or a path that would leave its folder.
    """
    import tomllib

    entries = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    return {name: _parse(name, entry) for name, entry in entries.items()}


def fetch(name: str, *, replace: bool = False, verbose: bool = True) -> Path:
    """Return where an asset lies, downloading it into the cache if no copy is here.

    Args:
        name: a name in `registry.toml`.
        replace: download again what is wrong in the cache, instead of raising. `$LECTURE_DATA` is never written to.
        verbose: show a progress bar while downloading.

    Returns: the file of a single-file asset, the folder of a many-file asset. Every listed file has been hashed.

    Raises:
        ValueError: no such name.
        HashMismatchError: a file here, or the one downloaded, is not the registry's; the message names both hashes.
        AssetUnavailableError: not here and not to be had; the message says what works without it.
    """
    asset = _asset(name)
    found, looked = _find(asset, replace)
    return found if found else _download(asset, looked, verbose)


def verify(name: str) -> Path:
    """Hash the copy that `fetch` would return, without the network. Args, returns and raises as `fetch`."""
    asset = _asset(name)
    found, looked = _find(asset, replace=False)
    if found is None:
        raise _unavailable(asset, looked)
    return found


def locate(name: str) -> Path | None:
    """Where the first complete copy lies, by its files' names only (nothing is hashed), or None. Never downloads.

    Raises: ValueError for no such name.
    """
    asset = _asset(name)
    return next((asset.at(root) for root, _ in _roots() if not _missing(asset, root)), None)


def _asset(name: str) -> Asset:
    known = assets()
    if name not in known:
        raise ValueError(f"no asset {name!r}; assets: {', '.join(known)}")
    return known[name]


def _parse(name: str, entry: dict) -> Asset:
    try:
        if "manifest" in entry:
            lines = (REGISTRY.parent / _inside(entry["manifest"])).read_text(encoding="utf-8").splitlines()
            rows = [line.split("  ") for line in lines if line.strip() and not line.startswith("#")]
        else:
            rows = [[entry["sha256"], str(entry["bytes"]), entry["file"], entry["url"]]]
        members = tuple(_member(entry["url"], *row) for row in rows)
        if not members or len({member.path.casefold() for member in members}) < len(members):
            raise ValueError("no file listed, or one listed twice")
        if (len(members), sum(member.bytes for member in members)) != (entry["files"], entry["bytes"]):
            raise ValueError("`files` and `bytes` are not those of the manifest")
        texts = {key: entry[key] for key in ("description", "home", "licence", "citation", "without")}
        folder = entry["folder"] if entry["folder"] == "." else _inside(entry["folder"])
        return Asset(name=name, folder=folder, members=members, single="file" in entry, **texts)
    except KeyError as error:
        raise ValueError(f"{REGISTRY.name}: [{name}] lacks {error}") from error
    except (TypeError, ValueError) as error:  # TypeError: a manifest line with too few or too many columns
        raise ValueError(f"{REGISTRY.name}: [{name}]: {error}") from error


def _member(base: str, sha256: str, size: str, path: str, remote: str = "") -> Member:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not re.fullmatch(r"[0-9]+", size):
        raise ValueError(f"{path}: want 64 lower-case hex digits and a size in bytes, got {sha256!r} and {size!r}")
    _inside(path)
    remote = remote or path
    url = remote if "://" in remote else base + quote(_inside(remote))
    return Member(path, url, sha256, int(size))


def _inside(path: str) -> str:
    # Checked as text and for every system at once: what is harmless here may climb out of the folder on Windows.
    parts = PurePosixPath(path).parts
    odd = re.search(r"[\\:\x00-\x1f]", path)
    if odd or not parts or "/".join(parts) != path or path.startswith("/") or ".." in parts:
        raise ValueError(f"path {path!r} is refused: want a plain relative path that stays in its folder")
    return path


def _roots() -> Iterator[tuple[Path, str]]:
    for folder in os.environ.get("LECTURE_DATA", "").split(os.pathsep):
        if folder:
            yield Path(folder).expanduser(), "LECTURE_DATA"
    yield _cache(), "cache"


def _cache() -> Path:
    chosen = os.environ.get("LECTURE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch  # here, not above: a tenth of a second that only this line and a download need

    return Path(pooch.os_cache("convnet-lectures"))


def _missing(asset: Asset, root: Path) -> list[Member]:
    return [member for member in asset.members if not (root / asset.folder / member.path).is_file()]


def _wrong(asset: Asset, root: Path, skip: set[Member]) -> dict[Member, str]:
    """The members whose file below `root` is another one, with its hash."""
    hashes = {}
    for member in asset.members:
        if member not in skip:
            with (root / asset.folder / member.path).open("rb") as stream:
                hashes[member] = hashlib.file_digest(stream, "sha256").hexdigest()
    return {member: found for member, found in hashes.items() if found != member.sha256}


def _find(asset: Asset, replace: bool) -> tuple[Path | None, list[str]]:
    """Look in every place on this machine: the checked copy if there is one, and a line for each place without one."""
    looked = [] if os.environ.get("LECTURE_DATA") else ["LECTURE_DATA: not set"]
    for root, kind in _roots():
        missing = _missing(asset, root)
        # What the cache holds of an interrupted download is kept, so it must be right; a partial mirror is passed over.
        if not missing or kind == "cache":
            wrong = _wrong(asset, root, set(missing))
            if wrong and not (replace and kind == "cache"):
                raise _mismatch(asset, root, kind, wrong)
            if not missing and not wrong:
                return asset.at(root), looked
        if len(missing) == len(asset.members):
            looked.append(f"{kind}: {asset.at(root)}: not there")
        elif missing:
            count = f"{len(missing)} of {len(asset.members)} files missing"
            looked.append(f"{kind}: {asset.at(root)}: {count}, first {missing[0].path}")
    return None, looked


def _mismatch(asset: Asset, root: Path, kind: str, wrong: dict[Member, str]) -> HashMismatchError:
    lines = [f"{asset.name}: {len(wrong)} of {len(asset.members)} files in {kind} are not the registry's:"]
    for member, found in list(wrong.items())[:5]:
        path = root / asset.folder / member.path
        got = f"sha256 {found} ({path.stat().st_size} bytes)"
        lines.append(f"  {path}: {got}, expected {member.sha256} ({member.bytes} bytes)")
    if kind == "cache":
        lines.append(f"Delete them, or download them again: python -m data fetch --replace {asset.name}")
    else:
        lines.append("Replace them with the files of " + asset.home + ", or take this folder out of LECTURE_DATA.")
    return HashMismatchError("\n".join(lines))


def _unavailable(asset: Asset, looked: list[str]) -> AssetUnavailableError:
    source = asset.members[0].url if asset.single else asset.home
    names = "" if asset.single else f", its files named as in data/manifests/{asset.name}.txt,"
    lines = [
        f"asset {asset.name!r} is not to be had: {asset.description} ({asset.size}).",
        *(f"  looked in {line}" for line in looked),
        f"By hand: get it from {source}, put it at {asset.at(Path('DIR'))}{names} and set LECTURE_DATA=DIR.",
        f"Without it still works: {asset.without}.",
    ]
    return AssetUnavailableError("\n".join(lines))


def _download(asset: Asset, looked: list[str], verbose: bool) -> Path:
    """Fill the cache. pooch writes beside the target, checks, renames: no half file has the final name."""
    import tempfile

    import pooch
    from requests.exceptions import RequestException  # pooch's own downloader raises it; also an OSError

    cache = _cache()
    target = cache / asset.folder
    try:
        for folder in {(target / member.path).parent for member in asset.members}:
            folder.mkdir(parents=True, exist_ok=True)  # here, once: pooch's own mkdir is not safe among threads
        with tempfile.TemporaryFile(dir=target):
            pass
    except OSError as error:
        looked = [*looked, f"the network: not tried, the cache {cache} cannot be written ({error}); set LECTURE_CACHE"]
        raise _unavailable(asset, looked) from error

    store = pooch.create(
        path=target,
        base_url="",
        registry={member.path: f"sha256:{member.sha256}" for member in asset.members},
        urls={member.path: member.url for member in asset.members},
        retry_if_failed=RETRIES,
    )
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # one line per file otherwise
    try:
        _download_members(asset, store, verbose)
    except RequestException as error:
        raise _unavailable(asset, [*looked, f"the network: {type(error).__name__}: {error}"]) from error
    except ValueError as error:  # pooch's word for a wrong hash; it names both
        raise HashMismatchError(f"{asset.name}: {error}") from error
    except OSError as error:
        raise _unavailable(asset, [*looked, f"the network: could not write to {target}: {error}"]) from error
    finally:
        logger.setLevel(level)
    return asset.at(cache)


def _download_members(asset: Asset, store: pooch.Pooch, verbose: bool) -> None:
    from concurrent.futures import ThreadPoolExecutor, as_completed

    import pooch
    from tqdm.auto import tqdm

    def get(member: Member, bar: tqdm | bool = False) -> None:
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=TIMEOUT)
        path = Path(store.fetch(member.path, downloader=downloader))  # a right file is hashed and kept
        if path.stat().st_mode & 0o777 == 0o600:
            path.chmod(0o644)  # a temporary file is private, a cache may be shared by a class

    if asset.single:
        with tqdm(desc=asset.name, total=asset.bytes, unit="B", unit_scale=True, disable=not verbose) as bar:
            get(asset.members[0], bar)
        return
    with (
        ThreadPoolExecutor(WORKERS) as pool,
        tqdm(desc=asset.name, total=len(asset.members), unit="file", disable=not verbose) as bar,
    ):
        jobs = [pool.submit(get, member) for member in asset.members]
        try:
            for job in as_completed(jobs):
                job.result()
                bar.update()
        finally:  # the first failure, or Ctrl-C, ends the queue; the files that are complete stay
            pool.shutdown(cancel_futures=True)
