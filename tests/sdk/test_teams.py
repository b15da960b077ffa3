"""Teams, with Microsoft's own library: https://github.com/microsoft/botbuilder-python

Microsoft's library signs nothing: PyJWT signs, the library has to accept the token, and then it is shown to BotSmith.
"""

import asyncio
import datetime
import itertools
import json
import time
from urllib.parse import unquote

import jwt
import pytest
from botbuilder.schema import Activity, ActivityTypes, Attachment, ChannelAccount, ConversationAccount, Mention
from botframework.connector.auth import ChannelValidation, JwtTokenValidation, SimpleCredentialProvider
from cryptography.hazmat.primitives.asymmetric import rsa

from product import PICTURE

APP = "00000000-1111-2222-3333-444444444444"
SECRET = "a~client~secret~value"
TENANT = "72f90000-0000-0000-0000-000000000001"
KEYS = {"known": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BOT = ChannelAccount(id=f"28:{APP}", name="Bot")
MILLISECONDS = itertools.count(int(time.time() * 1000))


@pytest.fixture(scope="module")
def bot(product, recorder):
    def play(call):
        if call.path == "/teams_metadata_url":
            told = {"issuer": "https://api.botframework.com", "jwks_uri": f"{recorder.url}/teams_keys"}
            return 200, told | {"id_token_signing_alg_values_supported": ["RS256"]}
        if call.path == "/teams_keys":
            key = jwt.algorithms.RSAAlgorithm.to_jwk(KEYS["known"].public_key(), as_dict=True)
            return 200, {"keys": [key | {"kid": "known", "use": "sig", "endorsements": ["msteams"]}]}
        if call.path.endswith("/oauth2/v2.0/token"):
            return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "an-access-token"}
        return 201, {"id": str(next(MILLISECONDS))}

    recorder.plays["teams"] = play
    ChannelValidation.open_id_metadata_endpoint = f"{recorder.url}/teams_metadata_url"
    return product.bot("teams", {"app_id": APP, "app_secret": SECRET, "tenant_id": TENANT})


@pytest.fixture
def service(recorder):
    return f"{recorder.url}/teams_service/emea/"


def activity(text, service):
    return Activity(
        type=ActivityTypes.message, id=str(next(MILLISECONDS)), timestamp=datetime.datetime.now(datetime.UTC),
        service_url=service, channel_id="msteams", text=f"<at>Bot</at> {text}", text_format="plain", locale="en-US", recipient=BOT,
        from_property=ChannelAccount(id="29:1XJK", name="Ann", aad_object_id="7faf8ab2-0000-0000-0000-000000000001"),
        conversation=ConversationAccount(
            id="19:abc@thread.tacv2;messageid=1763799000000", conversation_type="channel", tenant_id=TENANT, is_group=True,
        ),
        channel_data={"tenant": {"id": TENANT}},
    )


def wire(activity):
    """As Teams sends it: the library writes one name otherwise, and of entities only their type."""
    body = activity.serialize()
    body["conversation"]["tenantId"] = body["conversation"].pop("tenantID")
    body["entities"] = [Mention(type="mention", mentioned=BOT, text="<at>Bot</at>").serialize()]
    return body


def header(service, key=KEYS["known"], **changes):
    claims = {"iss": "https://api.botframework.com", "aud": APP, "nbf": int(time.time()) - 60, "exp": int(time.time()) + 3600}
    token = jwt.encode(claims | {"serviceurl": service} | changes, key, algorithm="RS256", headers={"kid": "known"})
    return f"Bearer {token}"


def is_genuine(activity, header):
    """What Microsoft's library says."""
    provider = SimpleCredentialProvider(APP, SECRET)
    try:
        return asyncio.run(JwtTokenValidation.authenticate_request(activity, header, provider)).is_authenticated
    except Exception:
        return False


def post(product, bot, activity, header):
    return product.webhook(bot, json.dumps(wire(activity)), {"content-type": "application/json", "authorization": header})


def test_an_activity_whose_token_microsofts_library_accepts_is_answered_with_one_that_it_reads(
    product, recorder, bot, service
):
    text, token = product.question()
    written = activity(text, service)
    proof = header(service)
    assert is_genuine(written, proof)

    assert post(product, bot, written, proof).status_code == 200

    sent = recorder.wait(
        "the reply",
        lambda call: call.path.startswith("/teams_service/emea/v3/conversations/") and token in call.body.decode(),
    )
    assert sent.headers["authorization"] == "Bearer an-access-token"
    path = unquote(sent.path)
    assert path.endswith(f"/{written.conversation.id}/activities/{written.id}"), path
    reply = Activity.deserialize(sent.json)
    assert not reply.additional_properties, reply.additional_properties
    assert (reply.type, reply.text_format, reply.reply_to_id) == ("message", "markdown", written.id)
    assert (reply.from_property.id, reply.recipient.id) == (written.recipient.id, written.from_property.id)
    assert "**open**" in reply.text
    asked = recorder.wait("the call for a token", lambda call: call.path.endswith(f"/{TENANT}/oauth2/v2.0/token"))
    assert asked.form == {
        "grant_type": "client_credentials", "client_id": APP, "client_secret": SECRET, "scope": "https://api.botframework.com/.default",
    }


@pytest.mark.parametrize(
    "forged",
    [
        {"key": FOREIGN},
        {"iss": "https://evil.example"},
        {"aud": "99999999-1111-2222-3333-444444444444"},
        {"exp": int(time.time()) - 600},
        {"nbf": int(time.time()) + 3600},
        {"serviceurl": "https://evil.example/"},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_what_microsofts_library_refuses_is_refused(product, bot, service, forged):
    text, _ = product.question()
    written = activity(text, service)
    proof = header(service, **forged)
    assert not is_genuine(written, proof)

    assert post(product, bot, written, proof).status_code in {401, 403}


def test_an_activity_of_another_tenant_is_refused(product, bot, service):
    text, _ = product.question()
    written = activity(text, service)
    written.conversation.tenant_id = "99990000-0000-0000-0000-000000000001"

    assert post(product, bot, written, header(service)).status_code == 403


def test_a_reply_with_a_picture_is_an_activity_that_microsofts_library_reads(product, recorder, bot, service):
    text, token = product.question()
    written = activity(text, service)
    assert post(product, bot, written, header(service)).status_code == 200
    recorder.wait("the answer", lambda call: call.path.startswith("/teams_service/") and token in call.body.decode())

    token = product.reply(bot)

    # The text and the picture are activities of their own.
    recorder.wait("the text", lambda call: call.path.startswith("/teams_service/") and token in call.body.decode())
    sent = recorder.wait("the picture", lambda call: call.path.startswith("/teams_service/") and PICTURE in call.body.decode())
    reply = Activity.deserialize(sent.json)
    assert not reply.additional_properties, reply.additional_properties
    [picture] = reply.attachments
    assert isinstance(picture, Attachment) and not picture.additional_properties
    assert (picture.content_type, picture.content_url) == ("image/png", PICTURE)
