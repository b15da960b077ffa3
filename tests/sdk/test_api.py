"""The API against its own description, in every way that the description allows and in some that it does not."""

import os
import subprocess
import sys
from pathlib import Path

from product import Product

# What makes all other requests those of somebody else, or of nobody.
LEFT_OUT = r"^/api/(session|setup|password|administration/users/\{user_id\}/)"
# Whatever is asked: never a server's error, never a status, a type or a body that the description does not name.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 10


def settings(known: dict[str, str]) -> str:
    """What stands for ids, which cannot be guessed."""
    lines = [f'"path.{name}" = "{value}"' for name, value in known.items()]
    return "\n".join(["[parameters]", *lines])


def test_the_api_answers_as_its_description_says(product: Product, tmp_path: Path) -> None:
    workspace = product.post("/api/workspaces", {"name": "Anything"})["id"]
    chatbot = product.post(f"/api/workspaces/{workspace}/chatbots", {"name": "Anything"})["id"]
    pairs = [{"question": "When are you open?", "answer": "From 9:00 to 17:00."}]
    source = product.post(f"/api/chatbots/{chatbot}/sources", {"title": "Questions", "pairs": pairs})["id"]
    known = {"workspace_id": workspace, "chatbot_id": chatbot, "source_id": source, "platform": "twilio"}
    (tmp_path / "schemathesis.toml").write_text(settings(known))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(tmp_path / "schemathesis.toml")),
        *("run", f"{product.url}/api/openapi.json", "--url", product.url),
        *("--header", "x-requested-with:tests", "--header", f"cookie:{product.http.headers['cookie']}"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)),
        *("--exclude-path-regex", LEFT_OUT, "--continue-on-failure", "--generation-database", "none"),
        *("--warnings", "off", "--request-timeout", "20"),
    ]
    ran = subprocess.run(command, cwd=tmp_path, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
