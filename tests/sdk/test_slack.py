"""Slack, with its own library: https://github.com/slackapi/python-slack-sdk"""

import inspect
import json
import time
from urllib.parse import urlencode

import pytest
from slack_sdk import WebClient
from slack_sdk.models.blocks import Block
from slack_sdk.signature import SignatureVerifier

from product import PICTURE

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BOT_TOKEN = "xoxb-1234567890-1234567890123-abcdefghijklmnopqrstuvwx"


def play(call):
    method = call.path.rsplit("/", 1)[-1]
    if method == "auth.test":
        return 200, {
            "ok": True, "url": "https://acme.slack.com/", "team": "Acme", "team_id": "T0001", "user": "botsmith",
            "user_id": "U0BOT", "bot_id": "B0BOT", "is_enterprise_install": False,
        }
    return 200, {"ok": True, "channel": "D0001", "ts": f"{time.time():.6f}", "message": {}}


@pytest.fixture(scope="module")
def bot(product, recorder):
    recorder.plays["slack"] = play
    known = {"signing_secret": SIGNING_SECRET, "bot_token": BOT_TOKEN, "team_id": "T0001", "app_id": "A0001"}
    return product.bot("slack", known)


def post(product, bot, body, secret=SIGNING_SECRET, age=0, sent=None):
    text, timestamp = json.dumps(body), str(int(time.time()) - age)
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=text)
    headers = {
        "content-type": "application/json", "x-slack-request-timestamp": timestamp, "x-slack-signature": signature,
    }
    return product.webhook(bot, sent or text, headers)


def event(text):
    ts = f"{time.time():.6f}"
    return {
        "token": "x", "team_id": "T0001", "api_app_id": "A0001", "type": "event_callback", "event_id": f"Ev{ts}",
        "event_time": int(time.time()), "authorizations": [{"team_id": "T0001", "user_id": "U0BOT", "is_bot": True}],
        "event": {
            "type": "message", "channel": "D0001", "channel_type": "im", "user": "U0001", "text": text, "ts": ts, "event_ts": ts,
        },
    }


def test_slacks_handshake_is_answered(product, bot):
    answer = post(product, bot, {"type": "url_verification", "token": "x", "challenge": "a-challenge"})

    assert answer.status_code == 200
    assert answer.text == "a-challenge" or answer.json() == {"challenge": "a-challenge"}


def test_a_message_that_slack_signed_is_answered_with_what_slacks_client_knows(product, recorder, bot):
    text, token = product.question()

    assert post(product, bot, event(f"{text} &amp; more")).status_code == 200

    sent = recorder.wait(
        "the reply", lambda call: call.path.endswith("/chat.postMessage") and token in call.body.decode()
    )
    assert sent.headers["authorization"] == f"Bearer {BOT_TOKEN}"
    fields = sent.fields
    unknown = set(fields) - set(inspect.signature(WebClient.chat_postMessage).parameters)
    assert not unknown, f"Slack's client knows no {unknown}"
    assert fields["channel"] == "D0001"
    if "markdown_text" in fields:
        assert "**open**" in fields["markdown_text"]
    else:
        assert "*open*" in fields["text"] and "**open**" not in fields["text"]
    blocks = fields.get("blocks", [])
    blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
    assert None not in Block.parse_all(blocks), "a block that Slack's library does not know"


def test_a_message_that_somebody_else_signed_or_changed_or_repeats_is_refused(product, bot):
    text, _ = product.question()

    assert post(product, bot, event(text), secret="fedcba9876543210").status_code == 401
    assert post(product, bot, event(text), sent=json.dumps(event("something else"))).status_code == 401
    assert post(product, bot, event(text), age=3600).status_code == 401


def test_a_message_with_a_picture_and_buttons_is_made_of_blocks_that_slacks_library_accepts(product, recorder, bot):
    question, asked = product.question()

    token = product.send("slack", bot, "U0001", {"Hours": question, "No": "no"})

    sent = recorder.wait("the message", lambda call: call.path.endswith("/chat.postMessage") and token in call.body.decode())
    blocks = Block.parse_all(json.loads(sent.fields["blocks"]))
    # The library checks lengths and what is required as it writes them.
    written = [block.to_dict() for block in blocks]
    assert written == json.loads(sent.fields["blocks"])
    assert [block["type"] for block in written] == ["section", "image", "actions"]
    assert written[1]["image_url"] == PICTURE
    assert [button.text.text for button in blocks[2].elements] == ["Hours", "No"]
    assert press(product, bot, blocks[2].elements[0]).status_code == 200
    recorder.wait(
        "the answer to the button", lambda call: call.path.endswith("/chat.postMessage") and asked in call.body.decode()
    )


def press(product, bot, button):
    ts, timestamp = f"{time.time():.6f}", str(int(time.time()))
    action = button.to_dict() | {"block_id": "b1", "action_ts": ts}
    payload = {
        "type": "block_actions", "team": {"id": "T0001", "domain": "acme"}, "user": {"id": "U0001", "team_id": "T0001"},
        "api_app_id": "A0001", "token": "x", "trigger_id": "1.2.3", "channel": {"id": "D0001", "name": "directmessage"},
        "container": {"type": "message", "message_ts": ts, "channel_id": "D0001", "is_ephemeral": False},
        "message": {"type": "message", "user": "U0BOT", "bot_id": "B0BOT", "ts": ts, "text": "We are open"},
        "response_url": "https://hooks.slack.com/actions/T0001/1/x", "actions": [action],
    }
    body = urlencode({"payload": json.dumps(payload)})
    headers = {
        "content-type": "application/x-www-form-urlencoded", "x-slack-request-timestamp": timestamp,
        "x-slack-signature": SignatureVerifier(SIGNING_SECRET).generate_signature(timestamp=timestamp, body=body),
    }
    return product.webhook(bot, body, headers)
