"""The rules of the house that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"data": set(), "cnnviz": {"data"}, "fcn": {"data"}, "yolo": {"data"}}
PACKAGES = set(MAY_IMPORT)


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_one_direction(package):
    for path in (ROOT / package).rglob("*.py"):
        names = {name.split(".")[0] for name in imported(path)}
        others = (names & PACKAGES) - {package} - MAY_IMPORT[package]
        assert not others, f"{path.relative_to(ROOT)} imports {others}"
        outside = names & {"lectures", "labs", "tests", "benchmarks"}
        assert not outside, f"{path.relative_to(ROOT)} imports {outside}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_private_imports_from_keras_or_tensorflow(package):
    for path in (ROOT / package).rglob("*.py"):
        private = {name for name in imported(path) if name.startswith(("keras.src", "tensorflow.python"))}
        assert not private, f"{path.relative_to(ROOT)} imports {private}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_importing_a_package_imports_nothing_heavy(package):
    code = (
        f"import sys, {package}; "
        "print([name for name in ('tensorflow', 'keras', 'cv2', 'matplotlib', 'skimage') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_module_has_its_test():
    """tests/cnnviz/test_cam.py tests cnnviz/cam.py."""
    missing = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            inside = path.relative_to(ROOT / package)
            folder = ROOT / "tests" / package
            candidates = [folder / f"test_{part}.py" for part in inside.with_suffix("").parts]
            if path.name not in ("__init__.py", "__main__.py") and not any(file.exists() for file in candidates):
                missing.append(str(path.relative_to(ROOT)))
    assert not missing


def test_no_local_paths_in_the_repository():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    for name in filter(None, tracked):
        path = ROOT / name
        if path.suffix in {".py", ".ipynb", ".md", ".toml", ".json", ".txt", ".cfg"} and path != Path(__file__):
            text = path.read_text(encoding="utf-8")
            for trace in ("/home/", "/root/", "/work/", "/Users/", "site-packages/"):
                assert trace not in text, f"{name} holds the local path {trace}"
