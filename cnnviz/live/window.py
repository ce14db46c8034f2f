"""A window that every system has: a page in the browser, fed by this process, that hands the keys back."""

from __future__ import annotations

import contextlib
import functools
import io
import secrets
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

KEYS = {"ArrowLeft": "w", "ArrowRight": "e", "Escape": "q", "Space": " "}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>cnnviz live</title>
<style>
body{margin:0;background:#09090b;color:#fafafa;font:15px system-ui,sans-serif;text-align:center}
img{width:100%;height:calc(100vh - 60px);object-fit:contain}button{font:inherit;margin:2px;padding:6px 10px;
color:#fafafa;background:#27272a;border:1px solid #71717a;border-radius:5px}
</style>
<img id="seen" src="stream" alt="The picture with what the network sees in it, and its answer">
<div id="keys">BUTTONS</div>
<script>
const say = key => fetch('key?k=' + encodeURIComponent(key), {method: 'POST'}).catch(() => 0);
const end = () => { clearInterval(timer); document.getElementById('keys').textContent =
  'cnnviz has stopped; this page can be closed.'; };
document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === ' ') event.preventDefault();
  say(event.key); });
const timer = setInterval(() => fetch('alive').catch(end), 1000);
</script></html>"""
BUTTONS = (
    ("w", "w previous layer"),
    ("e", "e next layer"),
    *((str(number), str(number)) for number in range(1, 7)),
    ("t", "t class"),
    (" ", "pause"),
    ("q", "q quit"),
)


class Window:
    """The page; a context manager. Only this machine can open it, and only with the address that is printed.

    Attributes:
        address: of the page.
    """

    def __init__(self) -> None:
        """Open a port; nothing is shown yet."""
        self._condition = threading.Condition()
        self._newest, self._number = b"", 0
        self._keys: list[str] = []
        self._watching, self._left = 0, time.monotonic()
        self._came = False
        self._closed = False
        # A page of another origin must not be able to look at the camera: nobody can guess the path.
        self._secret = secrets.token_urlsafe(12)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}/{self._secret}/"

    def __enter__(self) -> Window:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def show(self, frame: np.ndarray) -> None:
        """Show a frame, uint8 RGB; one that nobody has fetched yet is dropped."""
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, "JPEG", quality=88)
        with self._condition:
            self._newest, self._number = stream.getvalue(), self._number + 1
            self._condition.notify_all()

    def pressed(self) -> list[str]:
        """The keys that were pressed since the last call."""
        with self._condition:
            pressed, self._keys = self._keys, []
        return pressed

    def _news(self, sent: int) -> bool:
        """Whether there is something newer than what was sent."""
        return self._closed or self._number > sent

    def deserted(self, patience: float = 5.0) -> bool:
        """Whether the page was open, and has been closed for some seconds."""
        return self._came and not self._watching and time.monotonic() - self._left > patience


def _handler(window: Window) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self._path()
            if path == "":
                buttons = "".join(f"<button onclick=\"say('{key}')\">{text}</button>" for key, text in BUTTONS)
                self._send(PAGE.replace("BUTTONS", buttons).encode(), "text/html; charset=utf-8")
            elif path == "stream":
                self._stream()
            elif path == "alive":
                self._send(b"", "text/plain")
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            if self._path() != "key":
                return self.send_error(404)
            (key,) = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("k", [""])[:1]
            key = KEYS.get(key, key)
            if len(key) == 1:
                with window._condition:
                    window._keys.append(key.lower())
            return self._send(b"", "text/plain")

        def _path(self) -> str | None:
            path = urllib.parse.urlsplit(self.path).path
            start = f"/{window._secret}/"
            return path.removeprefix(start) if path.startswith(start) else None

        def _send(self, content: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def _stream(self) -> None:
            """One JPEG after the other, always the newest; what the browser is too slow for is never sent."""
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            window._came, sent = True, 0
            window._watching += 1
            with contextlib.suppress(OSError):  # the page was closed
                while True:
                    with window._condition:
                        window._condition.wait_for(functools.partial(window._news, sent), timeout=1)
                        if window._closed:
                            break
                        content, sent = window._newest, window._number
                    # Twice, since browsers show a part when the next one begins. An unchanged one tells if it is gone.
                    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
                    if content:
                        self.wfile.write(part % (len(content), content))
            window._watching -= 1
            window._left = time.monotonic()

        def log_message(self, *_: object) -> None:
            """Nothing: the terminal is the user's."""

    return Handler
