"""Twilio, with its own library: https://github.com/twilio/twilio-python"""

import base64
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse

from product import PICTURE

ACCOUNT = "AC00000000000000000000000000000001"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
NUMBER = "+14155550100"
CONTACT = "+14155550123"


def play(call):
    sid = "SM00000000000000000000000000000001"
    return 201, {"sid": sid, "status": "queued", "num_segments": "1", "error_code": None}


@pytest.fixture(scope="module")
def bot(product, recorder):
    recorder.plays["twilio"] = play
    return product.bot("twilio", {"account_sid": ACCOUNT, "auth_token": AUTH_TOKEN, "phone_number": NUMBER})


def post(product, bot, text, token=AUTH_TOKEN, **changes):
    message = {
        "AccountSid": ACCOUNT, "MessageSid": f"SM{abs(hash(text)):032x}"[:34], "From": CONTACT, "To": NUMBER,
        "Body": text, "NumMedia": "0", "FromCity": "",
    }
    signature = RequestValidator(token).compute_signature(bot.webhook_url, message)
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    return product.webhook(bot, urlencode(message | changes), headers)


class Elsewhere(TwilioHttpClient):
    """The library's HTTP client, with everything sent to another host."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def request(self, method, url, *arguments, **named):
        split = urlsplit(url)
        return super().request(method, self.base + split.path + (f"?{split.query}" if split.query else ""), *arguments, **named)


def test_a_message_that_twilio_signed_is_answered_as_twilios_client_would(product, recorder, bot):
    text, token = product.question()

    answer = post(product, bot, f"{text} é👋 & +")

    assert (answer.status_code, answer.text) == (200, str(MessagingResponse()).replace("<Response />", "<Response></Response>"))
    sent = recorder.wait("the reply", lambda call: call.path.startswith("/twilio_api_url") and token in call.form.get("Body", ""))
    assert base64.b64decode(sent.headers["authorization"].split()[1]).decode() == f"{ACCOUNT}:{AUTH_TOKEN}"
    client = Client(ACCOUNT, AUTH_TOKEN, http_client=Elsewhere(f"{recorder.url}/twilio_as_the_client"))
    form = sent.form
    client.messages.create(to=CONTACT, from_=NUMBER, body=form["Body"], status_callback=form["StatusCallback"])
    by_client = recorder.wait("the client's call", lambda call: call.path.startswith("/twilio_as_the_client"))
    assert by_client.form == form
    assert by_client.path.split("/", 2)[2] == sent.path.split("/", 2)[2]
    assert by_client.headers["content-type"] == sent.headers["content-type"]


def test_a_message_that_somebody_else_signed_or_changed_is_refused(product, bot):
    text, _ = product.question()

    assert post(product, bot, text, token="fedcba9876543210fedcba9876543210").status_code == 401
    assert post(product, bot, text, Body="something else").status_code == 401


def test_a_status_that_twilio_signed_is_taken(product, recorder, bot):
    text, token = product.question()
    post(product, bot, text)
    sent = recorder.wait("the reply", lambda call: token in call.form.get("Body", ""))
    callback = sent.form["StatusCallback"]
    news = {"AccountSid": ACCOUNT, "MessageSid": "SM00000000000000000000000000000001", "MessageStatus": "delivered"}
    signature = RequestValidator(AUTH_TOKEN).compute_signature(callback, news)
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}

    path = urlsplit(callback).path
    answer = product.http.post(path, content=urlencode(news), headers=headers)

    assert answer.status_code == 200, answer.text


def test_twilios_client_understands_the_simulator(simulator):
    client = Client("AC00000000000000000000000000000000", "simulated-auth-token", http_client=Elsewhere(simulator.url))

    sent = client.messages.create(to=CONTACT, from_=NUMBER, body="Hi 👋")

    assert sent.sid.startswith("SM") and sent.status in {"accepted", "queued", "sending", "sent", "delivered"}
    assert client.messages(sent.sid).fetch().body == "Hi 👋"
    assert sent.sid in [message.sid for message in client.messages.list(to=CONTACT, limit=20)]
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to="nobody", from_=NUMBER, body="Hi")
    assert refused.value.code == 21211


def test_a_message_with_a_picture_and_buttons_is_what_twilios_client_would_send(product, recorder, bot):
    token = product.send("twilio", bot, CONTACT, {"Yes": "yes", "No": "no"})

    sent = recorder.wait("the message", lambda call: call.path.startswith("/twilio_api_url") and token in call.form.get("Body", ""))
    client = Client(ACCOUNT, AUTH_TOKEN, http_client=Elsewhere(f"{recorder.url}/twilio_as_the_client"))
    form = sent.form
    assert form["Body"].endswith("\n\n1. Yes\n2. No")
    client.messages.create(
        to=CONTACT, from_=NUMBER, body=form["Body"], media_url=[PICTURE], status_callback=form["StatusCallback"],
    )
    by_client = recorder.wait(
        "the client's call", lambda call: call.path.startswith("/twilio_as_the_client") and token in call.form["Body"]
    )
    assert by_client.form == form
