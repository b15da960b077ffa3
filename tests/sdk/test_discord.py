"""Discord's interactions, signed by PyNaCl as Discord's documentation does and judged by Discord's own library:
https://github.com/discord/discord-interactions-python"""

import json
import time

import discord
import discord_interactions
import pytest
from nacl.signing import SigningKey

from product import PICTURE

KEY = SigningKey.generate()
APPLICATION = "1100000000000000001"
BOT_TOKEN = "MTEwMDAwMDAwMDAwMDAwMDAwMQ.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"


def play(call):
    if call.path.endswith("/users/@me"):
        return 200, {"id": APPLICATION, "username": "botsmith", "bot": True}
    if call.path.endswith("/applications/@me"):
        return 200, {"id": APPLICATION, "name": "BotSmith", "verify_key": KEY.verify_key.encode().hex(), "flags": 0}
    # Until the answer takes its place, "thinking" stands there: LOADING.
    flags = 1 << 7 if call.method == "GET" and call.path.endswith("/messages/@original") else 0
    return 200, {"flags": flags, "id": "1200000000000000900", "channel_id": "1000000000000000002", "type": 0, "content": "", "author": {"id": APPLICATION, "bot": True}}


@pytest.fixture(scope="module")
def bot(product, recorder):
    recorder.plays["discord"] = play
    known = {"application_id": APPLICATION, "public_key": KEY.verify_key.encode().hex(), "bot_token": BOT_TOKEN}
    return product.bot("discord", known)


def snowflake():
    return str((int(time.time() * 1000) - 1_420_070_400_000) << 22)


def post(product, bot, body, key=KEY, sent=None):
    text, timestamp = json.dumps(body), str(int(time.time()))
    signature = key.sign(timestamp.encode() + text.encode()).signature.hex()
    mine = key is KEY
    assert discord_interactions.verify_key(text.encode(), signature, timestamp, KEY.verify_key.encode().hex()) == mine
    headers = {
        "content-type": "application/json", "x-signature-ed25519": signature, "x-signature-timestamp": timestamp,
    }
    return product.webhook(bot, sent or text, headers)


def command(question):
    return {
        "id": snowflake(), "application_id": APPLICATION, "type": discord_interactions.InteractionType.APPLICATION_COMMAND,
        "token": f"interaction-token-{snowflake()}", "version": 1, "guild_id": "1000000000000000001",
        "channel_id": "1000000000000000002", "channel": {"id": "1000000000000000002", "type": 0}, "context": 0, "locale": "en-US",
        "member": {"user": {"id": "900000000000000001", "username": "ann", "global_name": "Ann"}, "permissions": "0"},
        "data": {"id": "1", "name": "ask", "type": 1, "options": [{"name": "question", "type": 3, "value": question}]},
    }


def test_discords_ping_is_answered(product, bot):
    answer = post(product, bot, {"id": snowflake(), "application_id": APPLICATION, "type": 1, "token": "x", "version": 1})

    assert (answer.status_code, answer.json()) == (200, {"type": discord_interactions.InteractionResponseType.PONG})
    assert answer.headers["content-type"].startswith("application/json")


def test_a_command_that_discord_signed_is_answered_where_it_was_given(product, recorder, bot):
    text, token = product.question()
    given = command(text)

    answer = post(product, bot, given)

    assert answer.status_code == 200
    deferred = discord_interactions.InteractionResponseType.DEFERRED_CHANNEL_MESSAGE_WITH_SOURCE
    assert answer.json()["type"] == deferred
    sent = recorder.wait("the reply", lambda call: f"/webhooks/{APPLICATION}/" in call.path and token in call.body.decode())
    assert given["token"] in sent.path
    assert "**open**" in sent.fields["content"]
    assert sent.fields["allowed_mentions"]["parse"] == []


def test_an_interaction_that_somebody_else_signed_or_changed_is_refused_as_discord_demands(product, bot):
    text, _ = product.question()

    assert post(product, bot, command(text), key=SigningKey.generate()).status_code == 401
    assert post(product, bot, command(text), sent=json.dumps(command("something else"))).status_code == 401
    assert post(product, bot, {"type": 1}, key=SigningKey.generate()).status_code == 401


def test_a_message_with_a_picture_and_buttons_is_one_that_discord_py_reads(product, recorder, bot):
    question, asked = product.question()

    token = product.send("discord", bot, "900000000000000001", {"Hours": question, "No": "no"})

    sent = recorder.wait(
        "the message", lambda call: call.method == "POST" and "/channels/" in call.path and token in call.body.decode(errors="replace")
    )
    fields = sent.fields
    assert PICTURE in json.dumps(fields)
    rows = [discord.ActionRow(row) for row in fields["components"]]
    assert [row.to_dict() for row in rows]
    buttons = [button for row in rows for button in row.children]
    assert all(isinstance(button, discord.Button) and len(button.custom_id) <= 100 for button in buttons)
    assert [(button.label, button.style) for button in buttons] == [
        ("Hours", discord.ButtonStyle.secondary), ("No", discord.ButtonStyle.secondary),
    ]
    assert len(fields["nonce"]) <= 25 and fields["enforce_nonce"]
    pressed = command(question) | {
        "type": discord_interactions.InteractionType.MESSAGE_COMPONENT,
        "data": {"component_type": 2, "custom_id": buttons[0].custom_id},
        "message": {"id": snowflake(), "channel_id": "1000000000000000002", "author": {"id": APPLICATION, "bot": True}},
    }
    assert post(product, bot, pressed).status_code == 200
    answer = recorder.wait("the answer to the button", lambda call: call.method == "PATCH" and asked in call.body.decode())
    assert pressed["token"] in answer.path
