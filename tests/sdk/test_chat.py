"""Our own API: with OpenAI's libraries for Python and for Node, unchanged, and pushed answers with Standard Webhooks' own
library: https://github.com/openai/openai-python, https://github.com/openai/openai-node,
https://github.com/standard-webhooks/standard-webhooks"""

import json
import os
import subprocess
import time

import jwt
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from standardwebhooks import Webhook, WebhookVerificationError

from product import ROOT

# What the owner's server signs with.
IDENTITY_SECRET = "an-identity-secret-0123456789abcdef"


class Program:
    """A chatbot on the REST platform, and what a program of its owner's knows."""

    def __init__(self, product, recorder) -> None:
        self.product = product
        self.bot = product.bot("rest", {})
        body = {"platform": "rest", "credentials": {"reply_url": f"{recorder.url}/hook_of_{self.bot.id}", "signing_secret": ""}}
        recorder.plays["hook"] = lambda call: (204, b"")
        product.post(f"/api/integrations/{self.bot.id}", body)
        # A secret of our own choice, as the made-up one was shown to whoever saved first.
        self.signing_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        body["credentials"] |= {"signing_secret": self.signing_secret, "identity_secret": IDENTITY_SECRET}
        product.post(f"/api/integrations/{self.bot.id}", body)
        key = {"name": "program", "role": "agent"}
        self.key = product.post(f"/api/workspaces/{self.bot.workspace}/api-keys", key)["key"]


@pytest.fixture(scope="module")
def program(product, recorder):
    return Program(product, recorder)


@pytest.fixture(scope="module")
def client(program):
    return openai.OpenAI(base_url=f"{program.product.url}/v1", api_key=program.key, max_retries=0)


def test_a_chatbot_answers_openais_client(product, program, client):
    question, token = product.question()

    answer = client.chat.completions.create(model=program.bot.id, messages=[{"role": "user", "content": question}])

    assert isinstance(answer, ChatCompletion)
    assert token in answer.choices[0].message.content and "[1]" not in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_a_chatbot_answers_openais_client_in_pieces(product, program, client):
    question, token = product.question()
    messages = [
        {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": question},
    ]

    pieces = list(
        client.chat.completions.create(
            model=program.bot.id, messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )

    assert all(isinstance(piece, ChatCompletionChunk) for piece in pieces)
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert token in text and text.startswith("We are **open**")
    assert pieces[-1].usage.total_tokens > 0


def test_openais_client_reads_a_streamed_message_with_its_own_helper(product, program, client):
    question, token = product.question()

    with client.chat.completions.stream(model=program.bot.id, messages=[{"role": "user", "content": question}]) as stream:
        final = stream.get_final_completion()

    assert token in final.choices[0].message.content


def test_openais_client_lists_chatbots_and_understands_refusals(program, client):
    assert [model.id for model in client.models.list()] == [program.bot.id]
    assert client.models.retrieve(program.bot.id).owned_by == "botsmith"
    messages = [{"role": "user", "content": "Hello"}]
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4", messages=messages)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=program.bot.id, messages=[])
    stranger = openai.OpenAI(base_url=str(client.base_url), api_key="bsk_unknown", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(model=program.bot.id, messages=messages)


NODE = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const ask = { model: process.env.MODEL, messages: [{ role: "user", content: process.env.QUESTION }] };
const whole = await client.chat.completions.create(ask);
let pieces = "", usage = null;
for await (const piece of await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
  pieces += piece.choices[0]?.delta?.content ?? "";
  usage = piece.usage ?? usage;
}
const models = [];
for await (const model of await client.models.list()) models.push(model.id);
const refusal = async (call) => { try { await call(); return null; } catch (error) { return error.constructor.name; } };
const stranger = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "bsk_unknown", maxRetries: 0 });
const refused = [
  await refusal(() => client.chat.completions.create({ ...ask, model: "gpt-4" })),
  await refusal(() => client.chat.completions.create({ ...ask, messages: [] })),
  await refusal(() => stranger.chat.completions.create(ask)),
];
console.log(JSON.stringify({ whole: whole.choices[0].message.content, pieces, usage, models, refused }));
"""


def test_openais_client_for_node_understands_us(product, program):
    question, token = product.question()
    # Beside the client that run.sh has installed.
    script = ROOT / "target/sdk/node/ask.mjs"
    script.write_text(NODE)
    environment = os.environ | {
        "BASE_URL": f"{product.url}/v1", "API_KEY": program.key, "MODEL": program.bot.id, "QUESTION": question,
    }

    ran = subprocess.run(["node", str(script)], env=environment, capture_output=True, text=True, timeout=60)

    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert token in answer["whole"] and answer["pieces"] == answer["whole"]
    assert answer["usage"]["total_tokens"] > 0
    assert answer["models"] == [program.bot.id]
    assert answer["refused"] == ["NotFoundError", "BadRequestError", "AuthenticationError"]


def test_a_pushed_answer_is_what_standard_webhooks_accepts(product, program, recorder):
    question, token = product.question()
    headers = {"authorization": f"Bearer {program.key}"}
    body = {"text": question, "user": "ada", "conversation": "c1", "wait": "none"}

    accepted = product.http.post(f"/api/chat/{program.bot.id}/messages", json=body, headers=headers)

    assert accepted.status_code == 202, accepted.text
    call = recorder.wait("the answer", lambda call: call.path.startswith("/hook_") and token in call.body.decode())
    message = Webhook(program.signing_secret).verify(call.body, call.headers)
    assert message["type"] == "message.created"
    assert message["data"]["user"] == "ada" and message["data"]["conversation"] == "c1"
    with pytest.raises(WebhookVerificationError):
        Webhook(program.signing_secret).verify(call.body + b" ", call.headers)


def say_as(product, program, text, identity):
    headers = {"authorization": f"Bearer {program.key}"}
    body = {"text": text, "identity": identity, "conversation": "c2", "wait": "none"}
    return product.http.post(f"/api/chat/{program.bot.id}/messages", json=body, headers=headers)


def test_somebody_whom_pyjwt_vouches_for_is_who_the_answer_is_for(product, program, recorder):
    text, token = product.question()
    identity = jwt.encode({"sub": "grace", "name": "Grace", "exp": int(time.time()) + 600}, IDENTITY_SECRET, algorithm="HS256")

    accepted = say_as(product, program, text, identity)

    assert accepted.status_code == 202, accepted.text
    call = recorder.wait("the answer", lambda call: call.path.startswith("/hook_") and token in call.body.decode())
    assert Webhook(program.signing_secret).verify(call.body, call.headers)["data"]["user"] == "grace"


@pytest.mark.parametrize(
    ("changes", "secret", "algorithm"),
    [
        ({"exp": int(time.time()) - 600}, IDENTITY_SECRET, "HS256"),
        ({}, "another-identity-secret-0123456789abcdef", "HS256"),
        ({}, IDENTITY_SECRET, "HS384"),
        ({}, None, "none"),
    ],
    ids=["over", "forged", "another-algorithm", "unsigned"],
)
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_an_identity_that_the_owner_did_not_sign_so_is_refused(product, program, changes, secret, algorithm):
    identity = jwt.encode({"sub": "grace", "exp": int(time.time()) + 600} | changes, secret, algorithm=algorithm)

    assert say_as(product, program, "Hello", identity).status_code == 401
