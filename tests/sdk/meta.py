"""What WhatsApp, Messenger and Instagram share: the handshake and the signature."""

import hashlib
import hmac
import json
import time

import httpx
from pywa.utils import webhook_updates_validator

APP_SECRET = "0123456789abcdef0123456789abcdef"
VERIFY_TOKEN = "a-verify-token-0123456789"


def signature(body, secret=APP_SECRET):
    signed = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert webhook_updates_validator(APP_SECRET, body, signed) == (secret == APP_SECRET)
    return signed


def post(product, bot, body, secret=APP_SECRET, sent=None):
    # As Meta writes JSON: what is not ASCII is escaped.
    text = json.dumps(body, ensure_ascii=True).encode()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature(text, secret)}
    return product.webhook(bot, sent or text, headers)


def shake_hands(product, bot, token=VERIFY_TOKEN):
    query = str(httpx.QueryParams({"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}))
    return product.http.get("/" + bot.webhook_url.split("/", 3)[3] + f"?{query}")


def milliseconds():
    return int(time.time() * 1000)


def check_handshake(product, bot):
    answer = shake_hands(product, bot)

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert shake_hands(product, bot, "another").status_code in {401, 403}


def check_forgery(product, bot, body):
    assert post(product, bot, body, secret="fedcba9876543210fedcba9876543210").status_code == 401
    assert post(product, bot, body, sent=json.dumps(body).replace("hours", "house").encode()).status_code == 401
