"""The hub of the tests speaks as the real one: its own library finds and fetches everything from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.fakes.file_server import serving
from tests.services.repositories import COMMIT, diffusers

FETCH = """
import sys
from huggingface_hub import HfApi, snapshot_download
repo, endpoint, folder = sys.argv[1:]
info = HfApi(endpoint=endpoint).model_info(repo, files_metadata=True)
snapshot_download(repo, endpoint=endpoint, local_dir=folder)
print(info.sha, len(info.siblings))
"""


def test_the_hubs_own_library_fetches_from_it(tmp_path: Path) -> None:
    files = diffusers()
    with serving() as server:
        server.hub("maker/model", COMMIT, files)
        assert fetched("maker/model", server.url, tmp_path / "there") == f"{COMMIT} {len(files)}"
    for name, data in files.items():
        assert (tmp_path / "there" / name).read_bytes() == data


def test_also_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.bin").write_bytes(os.urandom(300_000))
    (tmp_path / "files" / "b.json").write_bytes(b"{}")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.file_server", str(tmp_path / "files")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert fetched("bench/files", url, tmp_path / "there").endswith(" 2")
        server.communicate()
    for name in ("a.bin", "b.json"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "files" / name).read_bytes()


def fetched(repo: str, endpoint: str, folder: Path) -> str:
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder.parent / "home")}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, repo, endpoint, str(folder)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
