"""What the tests need of npm's packages: fetched for them alone, and held against what npm
published (`npm view NAME@VERSION dist.integrity`)."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

CACHE = Path(__file__).parents[1] / ".venv" / "npm"


def text_of(name: str, version: str, integrity: str, path: str) -> str:
    """The file `path` of a package, from the cache where it is there already. Raises
    subprocess.CalledProcessError when npm cannot fetch it, ValueError when what it fetched is not
    what was published."""
    package = CACHE / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
    if not package.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as fetched:  # several may fetch it at once
            subprocess.run(
                ["npm", "pack", "--silent", f"{name}@{version}"],
                cwd=fetched,
                check=True,
                timeout=60,
                capture_output=True,
            )
            Path(fetched, package.name).rename(package)
    found = hashlib.sha512(package.read_bytes()).digest()
    if f"sha512-{base64.b64encode(found).decode()}" != integrity:
        raise ValueError(f"{package} is not what npm published")
    with tarfile.open(package) as archive:
        file = archive.extractfile(f"package/{path}")
        assert file is not None
        return file.read().decode()
