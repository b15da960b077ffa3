"""A running `botsmith all`, and its API as its owner uses it."""

import itertools
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from recorder import Recorder

ROOT = Path(__file__).resolve().parents[2]
# How the platforms know us. Nobody listens there: what is signed is this address, what is called is the local one.
PUBLIC_URL = "https://bots.example"
PICTURE = "https://bots.example/picture.png"
QUESTION = "What are your opening hours?"


def binary() -> str:
    """The `botsmith` under test."""
    return os.environ.get("BOTSMITH_BIN") or str(ROOT / "target/debug/botsmith")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(what: str, look: Any, patience: float = 30) -> Any:
    """What `look` returns once that is something."""
    ends = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < ends, f"{what}: not within {patience} s"
        time.sleep(0.1)


@dataclass
class Bot:
    """A chatbot that is connected to a platform."""

    id: str
    workspace: str
    webhook_url: str


class Product:
    """One installation, with everything that it calls played by the recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.folder = Path(tempfile.mkdtemp(prefix="botsmith-sdk-"))
        # Started by root, PostgreSQL runs as a user of its own, who has to get in.
        self.folder.chmod(0o711)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._numbers = itertools.count(1)
        self._log = open(self.folder / "log", "wb")
        self._environment = os.environ | self._settings()
        self._process = self._start("all", "--no-demo")
        self.http = httpx.Client(base_url=self.url, headers={"x-requested-with": "tests"}, timeout=20, trust_env=False)
        try:
            self._set_up()
        except BaseException:
            self.stop()
            raise

    def _settings(self) -> dict[str, str]:
        settings = {
            "gateway__listen": self.url.removeprefix("http://"),
            "gateway__public_url": PUBLIC_URL,
            "models__base_url": f"{self.recorder.url}/v1",
            "models__model": "recorded",
            "telemetry__filter": "info",
            "platforms__rest_allowed_private_cidrs": "127.0.0.0/8",
        }
        defaults = tomllib.loads((ROOT / "crates/botsmith/settings.default.toml").read_text())
        for name in defaults["platforms"]:
            if name.endswith("_url") and not name.endswith("_simulator_url"):
                settings[f"platforms__{name}"] = f"{self.recorder.url}/{name}"
            elif name.endswith("_service_hosts"):
                settings[f"platforms__{name}"] = self.recorder.url
        return {f"BOTSMITH__{name}".upper(): value for name, value in settings.items()}

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [binary(), "--data-dir", str(self.folder / "data"), *arguments]
        return subprocess.Popen(command, env=self._environment, cwd=self.folder, stdout=self._log, stderr=self._log)

    def _set_up(self) -> None:
        until("botsmith is ready", self._is_ready, 90)
        command = [binary(), "--data-dir", str(self.folder / "data"), "setup-link"]
        link = subprocess.run(command, env=self._environment, cwd=self.folder, capture_output=True, text=True, check=True)
        token = [word for word in re.split(r"[\s=#/]+", link.stdout) if len(word) >= 32][-1]
        owner = {"email": "ada@example.com", "name": "Ada", "password": "correct horse battery staple 7"}
        self.post("/api/setup", owner | {"token": token})
        self.platforms = {platform["platform"]: platform for platform in self.get("/api/platforms")["items"]}

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, f"botsmith has ended; its log:\n{self.log()}"
        try:
            return self.http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def log(self) -> str:
        """The end of what it wrote."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.is_success, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        # The session is read from the cookie as it came: it is marked for https only, and this is not.
        answer = self.http.post(path, json=body)
        assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
        cookies = [value.split(";")[0] for value in answer.headers.get_list("set-cookie")]
        if cookies:
            self.http.cookies.clear()
            self.http.headers["cookie"] = "; ".join(cookies)
        return answer.json() if answer.content else None

    def bot(self, platform: str, known: dict[str, str]) -> Bot:
        """A chatbot on a platform, which knows when we are open. Of the credentials those are given that the platform
        asks for. Skips the test where this BotSmith does not have the platform."""
        if platform not in self.platforms:
            pytest.skip(f"this BotSmith has no {platform}")
        fields = self.platforms[platform]["fields"]
        missing = [field["name"] for field in fields if not field["optional"] and field["name"] not in known]
        assert not missing, f"{platform} asks for {missing}, which this test does not know"
        names = {field["name"] for field in fields}
        credentials = {name: value for name, value in known.items() if name in names}
        name = f"{platform} {next(self._numbers)}"
        workspace = self.post("/api/workspaces", {"name": name})["id"]
        bot = self.post(f"/api/workspaces/{workspace}/chatbots", {"name": name})["id"]
        pairs = [{"question": QUESTION, "answer": "We are open Monday to Friday from 9:00 to 17:00."}]
        self.post(f"/api/chatbots/{bot}/sources", {"title": "Questions", "pairs": pairs})
        body = {"platform": platform, "credentials": credentials}
        integration = self.post(f"/api/integrations/{bot}", body)
        sources = f"/api/chatbots/{bot}/sources"
        until("the knowledge is indexed", lambda: all(s["state"] == "ready" for s in self.get(sources)["items"]))
        return Bot(bot, workspace, integration["webhook_url"])

    def send(self, platform: str, bot: Bot, to: str, buttons: dict[str, str]) -> str:
        """Sends a text with a picture and buttons (titles and values), and returns the token to know it by."""
        token = f"TOKEN{next(self._numbers):06}"
        buttons = [{"title": title, "value": value} for title, value in buttons.items()]
        body = {"to": to, "text": f"We are **open**, {token}", "media": [PICTURE], "buttons": buttons}
        self.post(f"/api/{platform}/{bot.id}/send", body)
        return token

    def reply(self, bot: Bot) -> str:
        """An agent's reply with a picture to the chatbot's last conversation, and the token to know it by."""
        token = f"TOKEN{next(self._numbers):06}"
        conversation = self.get(f"/api/workspaces/{bot.workspace}/conversations")["items"][0]["id"]
        body = {"text": f"We are **open**, {token}", "media": [PICTURE]}
        self.post(f"/api/conversations/{conversation}/replies", body)
        return token

    def question(self) -> tuple[str, str]:
        """A question that nobody else asks, and the token to know its answer by."""
        token = f"TOKEN{next(self._numbers):06}"
        return f"{QUESTION} {token}", token

    def webhook(self, bot: Bot, body: bytes | str, headers: dict[str, str], path: str = "") -> httpx.Response:
        """Posts to a chatbot's webhook as the platform would: at the address that it knows, through whatever stands
        before us."""
        assert bot.webhook_url.startswith(PUBLIC_URL), bot.webhook_url
        address = self.url + bot.webhook_url.removeprefix(PUBLIC_URL) + path
        return httpx.post(address, content=body, headers=headers, timeout=20, trust_env=False)

    def stop(self) -> None:
        """Ends it as its operator would."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            code = self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._log.close()
        log = self.log()
        shutil.rmtree(self.folder, ignore_errors=True)
        assert code == 0, f"botsmith ended with {code}; its log:\n{log}"


class Simulator:
    """`botsmith simulate server`, with one account."""

    def __init__(self, account_sid: str, auth_token: str, number: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="botsmith-sdk-")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [binary(), "--data-dir", self.folder, "simulate", "server", "--port", str(port)]
        command += ["--account-sid", account_sid, "--number", number, "--no-callbacks"]
        environment = os.environ | {"TWILIO_AUTH_TOKEN": auth_token}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("the simulator answers", self._answers)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the simulator has ended"
        try:
            return httpx.get(f"{self.url}/_simulator/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
