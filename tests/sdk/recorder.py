"""Plays the platforms' APIs and the model, and keeps what it is asked."""

import json
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable
from urllib.parse import parse_qsl, urlsplit

# What tests write into a question, to find it again in the answer.
TOKEN = re.compile(r"TOKEN\d+")


@dataclass
class Call:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def fields(self) -> dict[str, Any]:
        """The body, whether it is JSON, a form, or JSON within `payload_json` of a form."""
        kind = self.headers.get("content-type", "")
        if "json" in kind:
            return self.json
        if "urlencoded" in kind:
            return self.form
        if "multipart/form-data" in kind:
            found = re.search(rb'name="payload_json"[^\r\n]*(?:\r\n[^\r\n]+)*\r\n\r\n(.*?)\r\n--', self.body, re.S)
            return json.loads(found.group(1)) if found else {}
        return {}


# Status, body (bytes, or something to be written as JSON), and the body's type.
Answer = tuple[int, Any] | tuple[int, Any, str]


def sentence(prompt: str) -> str:
    """What the model says: with some formatting, and with the question's token."""
    tokens = TOKEN.findall(prompt)
    return f"We are **open** from 9 to 17, see {tokens[-1] if tokens else 'nothing'} [1]"


def model(call: Call) -> Answer:
    """An endpoint as OpenAI's."""
    asked = call.json
    text = sentence(asked["messages"][-1]["content"])
    head = {"id": "chatcmpl-1", "created": 1_763_800_000, "model": asked["model"]}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    if not asked.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return 200, head | {"object": "chat.completion", "choices": [choice], "usage": usage}
    events = [{"choices": [{"index": 0, "delta": {"content": word + " "}}]} for word in text.split(" ")]
    events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}]
    lines = [f"data: {json.dumps(head | {'object': 'chat.completion.chunk'} | event)}\n\n" for event in events]
    return 200, "".join([*lines, "data: [DONE]\n\n"]).encode(), "text/event-stream"


class Recorder:
    """A server on this machine. What a platform answers is set by its test: `recorder.plays["slack"] = …`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.plays: dict[str, Callable[[Call], Answer]] = {}
        self._changed = threading.Condition()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _handle(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                split = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                call = Call(self.command, split.path, dict(parse_qsl(split.query)), headers, self.rfile.read(length))
                status, body, *kind = recorder._take(call)
                if not isinstance(body, bytes):
                    body, kind = json.dumps(body).encode(), ["application/json"]
                self.send_response(status)
                self.send_header("content-type", kind[0] if kind else "text/plain")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _take(self, call: Call) -> Answer:
        if call.path == "/v1/chat/completions":
            answer = model(call)
        else:
            # The name of a setting begins with the platform's: /slack_api_url/chat.postMessage
            platform = call.path.strip("/").split("_")[0]
            play = self.plays.get(platform)
            answer = play(call) if play else (404, {"error": f"nobody plays {platform}"})
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        return answer

    def wait(self, what: str, fits: Callable[[Call], bool], patience: float = 20) -> Call:
        """The first call that fits, once it has come."""
        ends = time.monotonic() + patience
        with self._changed:
            while True:
                for call in self.calls:
                    if fits(call):
                        return call
                left = ends - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    heard = [f"{call.method} {call.path}" for call in self.calls[-10:]]
                    raise AssertionError(f"{what} did not come within {patience} s; the last calls were {heard}")

    def stop(self) -> None:
        self._server.shutdown()
