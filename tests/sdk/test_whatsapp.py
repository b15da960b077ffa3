"""WhatsApp, with the library that most bots are written with in Python: https://github.com/david-lev/pywa"""

import time

import meta
import pytest

from product import PICTURE

NUMBER_ID, ACCOUNT_ID, TOKEN = "106540352242922", "102290129340398", "EAAGaccessToken0123456789"


def play(call):
    if call.path.endswith("/messages"):
        return 200, {
            "messaging_product": "whatsapp", "contacts": [{"input": "16505551234", "wa_id": "16505551234"}],
            "messages": [{"id": "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI", "message_status": "accepted"}],
        }
    return 200, {"id": NUMBER_ID, "display_phone_number": "+1 555-010-0000", "verified_name": "Acme", "success": True}


@pytest.fixture(scope="module")
def bot(product, recorder):
    for name in ["whatsapp", "graph", "meta"]:
        recorder.plays[name] = play
    known = {
        "phone_number_id": NUMBER_ID, "waba_id": ACCOUNT_ID, "business_account_id": ACCOUNT_ID, "access_token": TOKEN,
        "app_secret": meta.APP_SECRET, "verify_token": meta.VERIFY_TOKEN, "app_id": "1234567890",
    }
    return product.bot("whatsapp", known)


def update(text):
    message = {
        "from": "16505551234", "id": f"wamid.{meta.milliseconds()}", "timestamp": str(int(time.time())), "type": "text",
        "text": {"body": text},
    }
    value = {
        "messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550100000", "phone_number_id": NUMBER_ID},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": "16505551234"}], "messages": [message],
    }
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": [change]}]}


def test_metas_handshake_is_answered(product, bot):
    meta.check_handshake(product, bot)


def test_a_message_whose_signature_pywa_accepts_is_answered(product, recorder, bot):
    text, token = product.question()

    assert meta.post(product, bot, update(f"{text} ü👋")).status_code == 200

    sent = recorder.wait("the reply", lambda call: f"/{NUMBER_ID}/messages" in call.path and token in call.body.decode())
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    fields = sent.json
    assert (fields["messaging_product"], fields["to"].lstrip("+"), fields["type"]) == ("whatsapp", "16505551234", "text")
    assert "*open*" in fields["text"]["body"] and "**open**" not in fields["text"]["body"]


def test_a_message_whose_signature_pywa_refuses_is_refused(product, bot):
    meta.check_forgery(product, bot, update("opening hours?"))


def test_a_message_with_a_picture_and_buttons_is_as_metas_reference_has_it(product, recorder, bot):
    text, token = product.question()
    assert meta.post(product, bot, update(text)).status_code == 200
    recorder.wait("the answer", lambda call: f"/{NUMBER_ID}/messages" in call.path and token in call.body.decode())

    token = product.send("whatsapp", bot, "+16505551234", {"Yes": "yes", "No": "no"})

    sent = recorder.wait("the message", lambda call: f"/{NUMBER_ID}/messages" in call.path and token in call.body.decode())
    interactive = sent.json["interactive"]
    assert (sent.json["type"], interactive["type"]) == ("interactive", "button")
    # The picture is a message of its own.
    picture = recorder.wait("the picture", lambda call: f"/{NUMBER_ID}/messages" in call.path and PICTURE in call.body.decode())
    assert (picture.json["type"], picture.json["image"]) == ("image", {"link": PICTURE})
    assert token in interactive["body"]["text"]
    assert [button["reply"]["title"] for button in interactive["action"]["buttons"]] == ["Yes", "No"]
    assert all(button["type"] == "reply" and len(button["reply"]["id"]) <= 256 for button in interactive["action"]["buttons"])
