import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from data.errors import DataError
from data.published.download import Published, fetch

CONTENT = bytes(range(256)) * 1000


class Publisher(ThreadingHTTPServer):
    """A real server that answers well or badly, by path."""

    daemon_threads = False  # Closing it waits for every answer under way.

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.n_requests = 0
        self.closing = Event()

    def published(self, path: str) -> Published:
        url = f"http://127.0.0.1:{self.server_port}/{path}"
        return Published("file.zip", url, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Answers(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        self.server.n_requests += 1
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/whole":
            self.wfile.write(CONTENT)
        elif self.path == "/short":
            self.wfile.write(CONTENT[:1000])
        elif self.path == "/other":
            self.wfile.write(bytes(len(CONTENT)))
        elif self.path == "/silent":
            self.server.closing.wait(10)
        elif self.path == "/dripping":
            with suppress(ConnectionError):  # The other side gives up.
                while not self.server.closing.wait(0.02):
                    self.wfile.write(b"x")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Publisher() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def test_fetches_once(publisher: Publisher, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    for _ in range(2):
        path = fetch(publisher.published("whole"), folder)
        assert path == folder / "file.zip"
        assert path.read_bytes() == CONTENT
    assert publisher.n_requests == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "the server answers 404 Not Found"),
        ("short", "1,000 bytes came, and their sha256 is"),
        ("other", "256,000 bytes came, and their sha256 is"),
        ("silent", "timed out"),
        ("dripping", "it took too long"),
    ],
)
def test_a_bad_answer_leaves_nothing_behind(publisher: Publisher, tmp_path: Path, path: str, reason: str) -> None:
    published = publisher.published(path)
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        fetch(published, tmp_path, silence_seconds=0.3, total_seconds=0.2 if path == "dripping" else 60)
    message = str(caught.value)
    assert message.startswith(f"{published.url} could not be downloaded: {reason}")
    assert f"Put file.zip (256,000 bytes, sha256 {published.sha256}) into {tmp_path}" in message
    assert list(tmp_path.iterdir()) == []
    assert time.monotonic() - started < 5


def test_more_than_was_published_is_not_read_on(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is larger than the 10 bytes"):
        fetch(replace(publisher.published("whole"), n_bytes=10), tmp_path)


def test_offline_says_what_to_put_where(tmp_path: Path) -> None:
    # A name under .invalid never resolves (RFC 2606).
    published = Published("file.zip", "https://nowhere.invalid/file.zip", 2_156_283, "4a6c")
    with pytest.raises(DataError, match=r"could not be downloaded: .*Put file.zip \(2,156,283 bytes, sha256 4a6c\)"):
        fetch(published, tmp_path)


def test_nobody_listens(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not be downloaded: .*refused"):
        fetch(replace(publisher.published("whole"), url="http://127.0.0.1:1/file.zip"), tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"file.zip cannot be written: Not a directory. Put file.zip"):
        fetch(publisher.published("whole"), tmp_path / "file" / "folder")
