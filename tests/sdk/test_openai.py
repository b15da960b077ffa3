"""The model, with OpenAI's own library: https://github.com/openai/openai-python"""

import typing

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming
from pydantic import TypeAdapter

import test_twilio


@pytest.fixture(scope="module")
def client(simulator):
    return openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="any", max_retries=0)


def test_what_a_model_is_asked_is_what_openais_types_allow(product, recorder):
    recorder.plays["twilio"] = test_twilio.play
    credentials = {
        "account_sid": "AC00000000000000000000000000000002", "auth_token": test_twilio.AUTH_TOKEN,
        "phone_number": "+14155550102",
    }
    bot = product.bot("twilio", credentials)
    text, token = product.question()
    message = {
        "AccountSid": credentials["account_sid"], "MessageSid": "SM00000000000000000000000000000099",
        "From": "+14155550199", "To": credentials["phone_number"], "Body": text,
    }
    signature = test_twilio.RequestValidator(test_twilio.AUTH_TOKEN).compute_signature(bot.webhook_url, message)
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}

    assert product.webhook(bot, test_twilio.urlencode(message), headers).status_code == 200

    asked = recorder.wait(
        "the question", lambda call: call.path == "/v1/chat/completions" and token in call.body.decode()
    ).json
    kind = CompletionCreateParamsStreaming if asked["stream"] else CompletionCreateParamsNonStreaming
    unknown = set(asked) - set(typing.get_type_hints(kind))
    assert not unknown, unknown
    TypeAdapter(kind).validate_python(asked)


def test_openais_client_understands_the_simulated_model(client):
    messages = [{"role": "user", "content": "Say this"}]

    answer = client.chat.completions.create(model="simulated", messages=messages)
    pieces = list(client.chat.completions.create(model="simulated", messages=messages, stream=True))

    assert isinstance(answer, ChatCompletion) and answer.usage.total_tokens > 0
    assert all(isinstance(piece, ChatCompletionChunk) for piece in pieces)
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text.strip() == answer.choices[0].message.content.strip() != ""
    assert "simulated" in [model.id for model in client.models.list()]


def test_openais_client_understands_a_refusal_of_the_simulated_model(client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="simulated", messages=[])
