"""`data.assets` and `python -m data`, against a server on 127.0.0.1 that drops, lies and refuses on demand."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pooch
import pytest

from data import assets as module
from data.__main__ import main
from data.assets import AssetUnavailableError, HashMismatchError, assets, fetch, locate, verify

ROOT = Path(__file__).parents[2]
MANY = {
    "list.txt": b"one two\n",
    "photos of cats/a b.jpg": bytes(range(256)) * 300,
    "deep/er/c.bin": b"\x00\xff" * 50_000,
}
ONE = b"weights " * 20_000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server:
    """Serves `files`; `drop[path]` answers break off half way, each lowering the count; counts what was asked."""

    def __init__(self) -> None:
        self.files = {"one.weights": ONE} | {f"base/{path}": content for path, content in MANY.items()}
        self.drop: dict[str, int] = {}
        self.asked: list[str] = []
        self.pause = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path).lstrip("/")
                outer.asked.append(path)
                if path not in outer.files:
                    self.send_error(404)
                    return
                content = outer.files[path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                half = len(content) // 2
                self.wfile.write(content[:half])
                self.wfile.flush()
                if outer.drop.get(path, 0) > 0:
                    outer.drop[path] -= 1
                    return  # HTTP/1.0: the connection closes with half of what was promised
                threading.Event().wait(outer.pause)  # not time.sleep: the tests make that one instant
                self.wfile.write(content[half:])

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def write_registry(folder: Path, url: str, manifest: str | None = None) -> Path:
    """A registry of a single-file asset `one` and a many-file asset `many`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{sha256(content)}  {len(content)}  {path}\n" for path, content in MANY.items()]
    (folder / "many.txt").write_text("# a comment\n\n" + "".join(rows) if manifest is None else manifest)
    common = "home = 'https://example.org/home'\nlicence = 'MIT'\ncitation = 'A. Author'\nwithout = 'the rest'\n"
    (folder / "registry.toml").write_text(
        f"[one]\ndescription = 'one file'\nfolder = '.'\nurl = '{url}one.weights'\nfile = 'one.weights'\n"
        f"sha256 = '{sha256(ONE)}'\nfiles = 1\nbytes = {len(ONE)}\n{common}"
        f"[many]\ndescription = 'three files'\nfolder = 'sets/many'\nurl = '{url}base/'\nmanifest = 'many.txt'\n"
        f"files = {len(MANY)}\nbytes = {sum(map(len, MANY.values()))}\n{common}"
    )
    return folder / "registry.toml"


def put(root: Path, skip: str = "") -> Path:
    """A mirror that holds both assets, but for the file `skip`."""
    for path, content in {
        "one.weights": ONE,
        **{f"sets/many/{path}": content for path, content in MANY.items()},
    }.items():
        if not path.endswith(skip or "\0"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    return root


def files_in(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def cache(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no mirror, the registry of `write_registry`, and retries that do not wait."""
    monkeypatch.setattr(module, "REGISTRY", write_registry(tmp_path / "registry", server.url))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.delenv("LECTURE_DATA", raising=False)
    monkeypatch.setenv("LECTURE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


# ---- downloading


def test_fetch_downloads_once_and_returns_file_or_folder(cache: Path, server: Server) -> None:
    assert fetch("one", verbose=False) == cache / "one.weights"
    assert (cache / "one.weights").read_bytes() == ONE
    assert fetch("many", verbose=False) == cache / "sets/many"
    assert {path: (cache / "sets/many" / path).read_bytes() for path in MANY} == MANY
    assert files_in(cache) == {"one.weights", *(f"sets/many/{path}" for path in MANY)}
    asked = len(server.asked)
    fetch("one"), fetch("many"), verify("one"), verify("many")
    assert len(server.asked) == asked == 4


@pytest.mark.skipif(os.name == "nt", reason="POSIX permission bits")
def test_downloads_can_be_read_by_the_whole_class(cache: Path) -> None:
    assert fetch("one", verbose=False).stat().st_mode & 0o777 == 0o644


def test_progress_only_when_verbose(cache: Path, capfd: pytest.CaptureFixture) -> None:
    fetch("one", verbose=False)
    assert capfd.readouterr() == ("", "")
    fetch("many", verbose=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "many: 100%" in err
    assert "3/3" in err


def test_connection_dropped_half_way_is_tried_again(cache: Path, server: Server) -> None:
    server.drop = {"one.weights": 1, "base/deep/er/c.bin": 1}
    assert fetch("one", verbose=False).read_bytes() == ONE
    fetch("many", verbose=False)
    assert server.asked.count("one.weights") == server.asked.count("base/deep/er/c.bin") == 2


def test_interrupted_download_keeps_what_is_complete_and_resumes(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORKERS", 1)  # in the manifest's order: the last file is the one that fails
    server.drop = {"base/deep/er/c.bin": 99}
    with pytest.raises(AssetUnavailableError, match="the network: "):
        fetch("many", verbose=False)
    assert server.asked.count("base/deep/er/c.bin") == 1 + module.RETRIES
    assert files_in(cache) == {"sets/many/list.txt", "sets/many/photos of cats/a b.jpg"}, "no half file, none lost"
    with pytest.raises(AssetUnavailableError, match=r"1 of 3 files missing, first deep/er/c\.bin"):
        verify("many")
    server.drop, server.asked = {}, []
    fetch("many", verbose=False)
    assert server.asked == ["base/deep/er/c.bin"]


def test_first_failure_ends_the_queue(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORKERS", 1)
    server.drop, server.pause = {"base/list.txt": 99}, 0.3  # the second file is under way when the first is reported
    with pytest.raises(AssetUnavailableError):
        fetch("many", verbose=False)
    assert "base/deep/er/c.bin" not in server.asked


@pytest.mark.parametrize("name", ["one", "many"])
def test_wrong_bytes_from_the_network_are_refused(cache: Path, server: Server, name: str) -> None:
    path = {"one": "one.weights", "many": "base/list.txt"}[name]
    right, server.files[path] = server.files[path], b"<html>moved</html>"
    with pytest.raises(HashMismatchError) as caught:
        fetch(name, verbose=False)
    assert sha256(right) in str(caught.value)
    assert sha256(b"<html>moved</html>") in str(caught.value)
    assert Path(path).name in str(caught.value)
    assert Path(path).name not in {file.name for file in cache.rglob("*")}


def test_without_network_the_error_says_all(cache: Path, server: Server, tmp_path: Path, monkeypatch) -> None:
    server.http.server_close()  # the port is closed now
    monkeypatch.setenv("LECTURE_DATA", str(put(tmp_path / "mirror", skip="c.bin")))
    with pytest.raises(AssetUnavailableError) as caught:
        fetch("many", verbose=False)
    assert isinstance(caught.value, OSError)
    for part in [
        "'many'", "three files", "0.2 MB in 3 files", f"LECTURE_DATA: {tmp_path / 'mirror'}", "1 of ", "deep/er/c.bin",
        f"cache: {cache}", "not there", "the network: ConnectionError", server.url.split("/")[2].split(":")[1],
        "https://example.org/home", f"put it at {Path('DIR/sets/many')}", "LECTURE_DATA=DIR", "still works: the rest",
    ]:  # fmt: skip
        assert part in str(caught.value), part
    assert files_in(cache) == set()


def test_404_is_said(cache: Path, server: Server) -> None:
    del server.files["one.weights"]
    with pytest.raises(AssetUnavailableError, match="HTTPError: 404"):
        fetch("one", verbose=False)


@pytest.mark.parametrize("name", ["one", "many"])
@pytest.mark.parametrize(
    ("stop", "expected", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), AssetUnavailableError, "could not write .*No space left"),
        (KeyboardInterrupt("by hand"), KeyboardInterrupt, "by hand"),
    ],
)
def test_disk_full_and_ctrl_c_leave_no_half_file(cache: Path, monkeypatch, name, stop, expected, words) -> None:
    class Stops:
        def __init__(self, **_: object) -> None: ...

        def __call__(self, url: str, output_file: str, pooch: object) -> None:
            Path(output_file).write_bytes(b"half")
            raise stop

    monkeypatch.setattr(pooch, "HTTPDownloader", Stops)
    with pytest.raises(expected, match=words):
        fetch(name, verbose=False)
    assert files_in(cache) == set()


def test_two_processes_at_once_see_no_half_file(cache: Path, server: Server) -> None:
    server.pause = 0.2  # every answer stops half way for a while: the window in which a half file could be seen
    code = (
        "import pathlib, sys; from data import assets; assets.REGISTRY = pathlib.Path(sys.argv[1])\n"
        "print(assets.fetch('one', verbose=False)); print(assets.fetch('many', verbose=False))"
    )
    command = [sys.executable, "-c", code, str(module.REGISTRY)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"
    ]
    sizes = {"one.weights": len(ONE)} | {f"sets/many/{path}": len(content) for path, content in MANY.items()}
    while any(process.poll() is None for process in processes):
        for path, size in sizes.items():
            if (cache / path).exists():
                assert (cache / path).stat().st_size == size
        threading.Event().wait(0.005)
    said = f"{cache / 'one.weights'}\n{cache / 'sets/many'}\n"
    assert [process.communicate() for process in processes] == [(said, "")] * 2, "nothing on stderr unless asked for"
    assert files_in(cache) == set(sizes)
    assert verify("many") == cache / "sets/many"


# ---- mirrors and the cache


def test_order_is_mirrors_then_cache_then_network(cache: Path, server: Server, tmp_path: Path, monkeypatch) -> None:
    empty, partial = tmp_path / "empty", put(tmp_path / "partial", skip="list.txt")
    first, second = put(tmp_path / "first"), put(tmp_path / "second")
    put(cache)
    for folders, expected in [
        ([first, second], first),
        ([second, first], second),
        ([empty, partial, tmp_path / "not there", second], second),
        ([empty, partial], cache),
        (["", empty, ""], cache),
    ]:
        monkeypatch.setenv("LECTURE_DATA", os.pathsep.join(map(str, folders)))
        assert fetch("many") == verify("many") == locate("many") == expected / "sets/many"
    monkeypatch.setenv("LECTURE_DATA", str(partial))
    assert fetch("one") == partial / "one.weights"
    assert server.asked == []


def test_mirror_is_never_written(cache: Path, tmp_path: Path, monkeypatch) -> None:
    mirror = put(tmp_path / "mirror", skip="list.txt")
    before = files_in(mirror)
    monkeypatch.setenv("LECTURE_DATA", str(mirror))
    assert fetch("many", verbose=False) == cache / "sets/many"
    assert files_in(mirror) == before


def test_links_in_a_mirror_are_followed(cache: Path, tmp_path: Path, monkeypatch) -> None:
    real = put(tmp_path / "real")
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    try:
        (mirror / "sets").symlink_to(real / "sets")
        (mirror / "one.weights").symlink_to(real / "one.weights")
    except OSError:
        pytest.skip("this system refuses symbolic links")
    monkeypatch.setenv("LECTURE_DATA", str(mirror))
    assert fetch("one") == mirror / "one.weights"
    assert fetch("many") == mirror / "sets/many"


def test_wrong_file_in_a_mirror_is_an_error_even_if_another_is_right(cache: Path, tmp_path: Path, monkeypatch) -> None:
    wrong, right = put(tmp_path / "wrong"), put(tmp_path / "right")
    path = wrong / "sets/many/deep/er/c.bin"
    path.write_bytes(b"other")
    monkeypatch.setenv("LECTURE_DATA", f"{wrong}{os.pathsep}{right}")
    for action in (fetch, verify, lambda name: fetch(name, replace=True)):
        with pytest.raises(HashMismatchError) as caught:
            action("many")
        for part in (str(path), sha256(b"other"), sha256(MANY["deep/er/c.bin"]), "LECTURE_DATA", "1 of 3 files"):
            assert part in str(caught.value)
    assert path.read_bytes() == b"other"


@pytest.mark.parametrize("missing", ["", "list.txt"], ids=["complete", "interrupted"])
def test_wrong_file_in_the_cache_is_named_and_replaced_on_request(cache: Path, server: Server, missing: str) -> None:
    path = put(cache, skip=missing or "\0") / "sets/many/deep/er/c.bin"
    path.write_bytes(MANY["deep/er/c.bin"][:-1] + b"!")  # the right size
    with pytest.raises(HashMismatchError, match="fetch --replace many") as caught:
        fetch("many", verbose=False)
    assert str(path) in str(caught.value)
    assert sha256(path.read_bytes()) in str(caught.value)
    assert fetch("many", replace=True, verbose=False) == cache / "sets/many"
    assert path.read_bytes() == MANY["deep/er/c.bin"]
    assert sorted(server.asked) == sorted({"base/deep/er/c.bin", f"base/{missing or 'deep/er/c.bin'}"})


def test_cache_that_cannot_be_made(cache: Path, server: Server) -> None:
    cache.write_text("a file where the folder should be")
    for name in ("one", "many"):
        with pytest.raises(AssetUnavailableError, match=r"cannot be written .*set LECTURE_CACHE") as caught:
            fetch(name, verbose=False)
        assert "LECTURE_DATA=DIR" in str(caught.value)
        assert str(cache) in str(caught.value)
    assert server.asked == []


@pytest.mark.parametrize("simulated", [True, False], ids=["simulated", "by permissions"])
def test_read_only_cache_is_read_but_not_written(cache: Path, server: Server, monkeypatch, simulated: bool) -> None:
    if not simulated and (os.name == "nt" or os.geteuid() == 0):
        pytest.skip("permission bits do not stop root, nor Windows")
    put(cache, skip="list.txt")
    (cache / "sets/many/list.txt").unlink(missing_ok=True)
    if simulated:

        def refuse(**_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    else:
        (cache / "sets/many").chmod(0o555)
    assert fetch("one") == cache / "one.weights"
    with pytest.raises(AssetUnavailableError, match=r"Permission denied.*set LECTURE_CACHE"):
        fetch("many", verbose=False)
    if not simulated:
        (cache / "sets/many").chmod(0o755)
    assert server.asked == []


def test_default_cache_is_the_users(monkeypatch) -> None:
    monkeypatch.delenv("LECTURE_CACHE", raising=False)
    monkeypatch.setenv("LECTURE_DATA", "")
    monkeypatch.setattr(pooch, "os_cache", lambda project: Path("/nowhere") / project)
    with pytest.raises(AssetUnavailableError, match=r"nowhere.convnet-lectures"):
        verify("bccd")


# ---- the registry


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/x",
        "C:/x",
        "C:x",
        "a\\..\\x",
        "\\\\host\\x",
        ".",
        "./x",
        "a//x",
        "a/",
        "a/./x",
        "/",
        "..",
        "a\x07",
    ],
)
def test_paths_that_climb_are_refused_before_anything_is_written(cache: Path, server: Server, tmp_path, path) -> None:
    rows = f"{sha256(b'x')}  1  fine.txt\n{sha256(b'x')}  1  {path}\n"
    write_registry(tmp_path / "registry", server.url, manifest=rows)
    with pytest.raises(ValueError, match=r"path .* is refused"):
        fetch("many", verbose=False)
    write_registry(tmp_path / "registry", server.url, manifest=f"{sha256(b'x')}  1  fine.txt  {path}\n")
    with pytest.raises(ValueError, match=r"path .* is refused"):
        fetch("many", verbose=False)
    assert not cache.exists()
    assert server.asked == []


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("", "no file listed"),
        (f"{'0' * 64}  1  a\n{'0' * 64}  1  A\n", "listed twice"),
        (f"{'0' * 63}  1  a\n", "64 lower-case hex digits"),
        (f"{'0' * 64}  -1  a\n", "a size in bytes"),
        (f"{'0' * 64}  1\n", "missing 1 required positional argument"),
        (f"{'0' * 64}  1  a\n", "`files` and `bytes`"),
    ],
)
def test_damaged_manifest(cache: Path, server: Server, tmp_path: Path, manifest: str, words: str) -> None:
    write_registry(tmp_path / "registry", server.url, manifest)
    with pytest.raises(ValueError, match=r"registry\.toml: \[many\].*" + words):
        assets()


def test_entry_without_a_licence(cache: Path) -> None:
    module.REGISTRY.write_text(module.REGISTRY.read_text().replace("licence = 'MIT'\n", "", 1))
    with pytest.raises(ValueError, match=r"\[one\] lacks 'licence'"):
        assets()


@pytest.mark.parametrize("action", [fetch, verify, locate])
def test_unknown_name_lists_the_names(cache: Path, action) -> None:
    with pytest.raises(ValueError, match="no asset 'camvd'; assets: one, many"):
        action("camvd")


def test_the_registry_itself() -> None:
    found = assets()
    assert set(found) == {"yolov3-tiny.weights", "yolo-fastest", "yolov3-tiny-aix", "darknet-photos", "camvid", "bccd"}
    for name, asset in found.items():
        assert asset.name == name
        assert asset.home.startswith("https://")
        for text in (asset.description, asset.licence, asset.citation, asset.without):
            assert text
            assert "\n" not in text
        for member in asset.members:
            fixed = "https://raw.githubusercontent.com/" in member.url and any(
                len(part) == 40 and set(part) <= set("0123456789abcdef") for part in member.url.split("/")
            )
            assert fixed or member.url == "https://pjreddie.com/media/files/yolov3-tiny.weights"
            assert len(member.sha256) == 64
            assert member.bytes > 0
            assert "SOURCE.txt" not in member.path
    camvid = [member.path.split("/")[0] for member in found["camvid"].members]
    assert [camvid.count(folder) for folder in ("train", "trainannot", "val", "valannot")] == [367, 367, 101, 101]
    assert [path for path in camvid if path.endswith(".txt")] == ["train.txt", "val.txt"]
    assert sum(member.path.endswith(".xml") for member in found["bccd"].members) == 292
    weights = found["yolov3-tiny.weights"].members[0]
    assert weights.sha256 == "dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c"
    # The size follows from the network: a header of 20 bytes and 8858734 float32 parameters.
    assert weights.bytes == 20 + 4 * 8858734
    assert found["darknet-photos"].members[1].url == (
        "https://raw.githubusercontent.com/pjreddie/darknet/f6afaabcdf85f77e7aff2ec55c020c0e297c77f9/data/dog.jpg"
    )


def test_addresses_are_quoted(cache: Path, server: Server) -> None:
    assert [member.url for member in assets()["many"].members][1] == server.url + "base/photos%20of%20cats/a%20b.jpg"


@pytest.mark.parametrize(
    "name", ["yolov3-tiny.weights", "yolo-fastest", "yolov3-tiny-aix", "darknet-photos", "camvid", "bccd"]
)
def test_mirror_holds_what_the_registry_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LECTURE_CACHE", str(tmp_path))
    if locate(name) is None:
        pytest.skip(f"no folder of LECTURE_DATA holds {name}")
    assert verify(name) == fetch(name) == locate(name)
    assert files_in(tmp_path) == set()


def test_import_is_light() -> None:
    code = "import sys, data.assets; print({'pooch', 'tqdm', 'requests', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "set()\n"


# ---- the command line


def test_list(cache: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LECTURE_DATA", str(put(tmp_path / "mirror", skip="list.txt")))
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert f"one  (0.2 MB, {tmp_path / 'mirror' / 'one.weights'})" in out
    assert "many  (0.2 MB in 3 files, not here)" in out
    assert "licence: MIT" in out
    assert "cite: A. Author" in out


def test_fetch_and_verify(cache: Path, server: Server, capsys) -> None:
    assert main(["verify"]) == 0, "nothing here is nothing wrong"
    assert capsys.readouterr().out == "one: not here\nmany: not here\n"
    assert main(["verify", "many"]) == 1, "but asked for by name it is"
    assert "asset 'many' is not to be had" in capsys.readouterr().err
    assert main(["fetch", "-q", "many"]) == 0
    assert capsys.readouterr() == (f"many: {cache / 'sets/many'}\n", "")
    assert main(["fetch", "--all", "-q"]) == 0
    assert main(["verify"]) == 0
    (cache / "one.weights").write_bytes(b"other")
    capsys.readouterr()
    assert main(["verify"]) == main(["fetch", "--all", "-q"]) == 1
    out, err = capsys.readouterr()
    assert sha256(b"other") in err
    assert sha256(ONE) in err
    assert out.count("many: ") == 2, "the others are still done"
    assert main(["fetch", "--replace", "-q", "one"]) == 0
    assert (cache / "one.weights").read_bytes() == ONE


def test_fetch_interrupted_at_the_keyboard(cache: Path, monkeypatch, capsys) -> None:
    def interrupt(name: str, **_: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("data.__main__.fetch", interrupt)
    assert main(["fetch", "--all"]) == 1
    assert capsys.readouterr().err == "one: interrupted; the files that are complete are kept\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required"),
        (["fetch"], "one or more names, or --all"),
        (["fetch", "--all", "one"], "one or more names, or --all"),
        (["fetch", "camvd"], "no asset 'camvd'; assets: one, many"),
        (["verify", "one", "camvd"], "no asset 'camvd'"),
        (["get", "one"], "invalid choice"),
    ],
)
def test_wrong_usage(cache: Path, capsys, arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_help_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "data", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "python -m data fetch --all" in done.stdout
    assert "LECTURE_CACHE" in done.stdout
