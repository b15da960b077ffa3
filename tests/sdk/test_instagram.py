"""Instagram. Meta's libraries sign no webhooks; the signature is WhatsApp's, which pywa judges."""

import meta
import pytest

from product import PICTURE

ACCOUNT, TOKEN, PERSON = "17841400000000000", "IGAAaccessToken0123456789", "6841100000000000"


def play(call):
    if call.path.endswith("/messages"):
        return 200, {"recipient_id": PERSON, "message_id": "aWdfZG1f"}
    return 200, {"id": "1", "user_id": ACCOUNT, "username": "acme", "account_type": "BUSINESS", "success": True}


@pytest.fixture(scope="module")
def bot(product, recorder):
    for name in ["instagram", "graph", "meta"]:
        recorder.plays[name] = play
    known = {
        "ig_id": ACCOUNT, "account_id": ACCOUNT, "instagram_id": ACCOUNT, "instagram_account_id": ACCOUNT, "user_id": ACCOUNT,
        "access_token": TOKEN, "app_secret": meta.APP_SECRET, "verify_token": meta.VERIFY_TOKEN,
    }
    return product.bot("instagram", known)


def update(text):
    now = meta.milliseconds()
    message = {
        "sender": {"id": PERSON}, "recipient": {"id": ACCOUNT}, "timestamp": now,
        "message": {"mid": f"aWdfZG1f{now}", "text": text},
    }
    return {"object": "instagram", "entry": [{"id": ACCOUNT, "time": now, "messaging": [message]}]}


def test_metas_handshake_is_answered(product, bot):
    meta.check_handshake(product, bot)


def test_a_message_that_meta_signed_is_answered(product, recorder, bot):
    text, token = product.question()

    assert meta.post(product, bot, update(f"{text} ü👋")).status_code == 200

    sent = recorder.wait("the reply", lambda call: call.path.endswith("/messages") and token in call.body.decode())
    fields = sent.fields
    assert fields["recipient"] == {"id": PERSON}
    assert "open" in fields["message"]["text"] and "*" not in fields["message"]["text"]
    assert len(fields["message"]["text"].encode()) <= 1000


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
