"""Messenger. Meta's libraries sign no webhooks; the signature is WhatsApp's, which pywa judges."""

import meta
import pytest

from product import PICTURE

PAGE, TOKEN, PERSON = "102938475610293", "EAAGpageAccessToken0123456789", "7392015648120394"


def play(call):
    if call.path.endswith("/messages"):
        return 200, {"recipient_id": PERSON, "message_id": "m_reply"}
    return 200, {"id": PAGE, "name": "Acme", "success": True}


@pytest.fixture(scope="module")
def bot(product, recorder):
    for name in ["messenger", "graph", "meta"]:
        recorder.plays[name] = play
    known = {
        "page_id": PAGE, "page_access_token": TOKEN, "access_token": TOKEN, "app_secret": meta.APP_SECRET,
        "verify_token": meta.VERIFY_TOKEN, "app_id": "1234567890",
    }
    return product.bot("messenger", known)


def update(text):
    now = meta.milliseconds()
    message = {
        "sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": now, "message": {"mid": f"m_{now}", "text": text},
    }
    return {"object": "page", "entry": [{"id": PAGE, "time": now, "messaging": [message]}]}


def test_metas_handshake_is_answered(product, bot):
    meta.check_handshake(product, bot)


def test_a_message_that_meta_signed_is_answered(product, recorder, bot):
    text, token = product.question()

    assert meta.post(product, bot, update(f"{text} ü👋")).status_code == 200

    sent = recorder.wait("the reply", lambda call: call.path.endswith("/messages") and token in call.body.decode())
    fields = sent.fields
    assert fields["recipient"] == {"id": PERSON} and fields["messaging_type"] == "RESPONSE"
    assert "open" in fields["message"]["text"] and "*" not in fields["message"]["text"]


def test_a_message_that_somebody_else_signed_or_changed_is_refused(product, bot):
    meta.check_forgery(product, bot, update("opening hours?"))


def test_a_reply_with_a_picture_is_as_metas_reference_has_it(product, recorder, bot):
    text, token = product.question()
    assert meta.post(product, bot, update(text)).status_code == 200
    recorder.wait("the answer", lambda call: call.path.endswith("/messages") and token in call.body.decode())

    token = product.reply(bot)

    def to_them(call, part):
        body = call.body.decode(errors="replace")
        return call.path.endswith("/messages") and PERSON in body and part in body

    recorder.wait("the text", lambda call: to_them(call, token))
    sent = recorder.wait("the picture", lambda call: to_them(call, PICTURE))
    attachment = sent.fields["message"]["attachment"]
    assert (attachment["type"], attachment["payload"]["url"]) == ("image", PICTURE)
