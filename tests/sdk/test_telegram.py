"""Telegram, with the library that most bots are written with: https://github.com/python-telegram-bot/python-telegram-bot

The Bot API signs nothing: it repeats the secret that it was given.
"""

import datetime
import inspect
import itertools
import json

import pytest
import telegram

from product import PICTURE

BOT_TOKEN = "1000000002:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
WEBHOOK_SECRET = "a_webhook_secret-0123456789"
NUMBERS = itertools.count(41)


def play(call):
    method = call.path.rsplit("/", 1)[-1]
    user = {"id": 1_000_000_002, "is_bot": True, "first_name": "Bot", "username": "acme_help_bot"}
    if method == "getMe":
        return 200, {"ok": True, "result": user}
    if method.startswith("send") and method != "sendChatAction":
        chat = {"id": 5_550_001, "type": "private"}
        return 200, {"ok": True, "result": {"message_id": 900, "date": 1_763_800_000, "chat": chat, "from": user}}
    return 200, {"ok": True, "result": True}


@pytest.fixture(scope="module")
def bot(product, recorder):
    recorder.plays["telegram"] = play
    return product.bot("telegram", {"bot_token": BOT_TOKEN, "webhook_secret": WEBHOOK_SECRET})


def update(text):
    number, now = next(NUMBERS), datetime.datetime.now(datetime.UTC)
    ann = telegram.User(id=5_550_001, first_name="Ann", is_bot=False, language_code="en")
    chat = telegram.Chat(id=5_550_001, type=telegram.constants.ChatType.PRIVATE, first_name="Ann")
    message = telegram.Message(message_id=number, date=now, chat=chat, from_user=ann, text=text)
    return telegram.Update(update_id=900_000_000 + number, message=message).to_json()


def post(product, bot, body, secret=WEBHOOK_SECRET):
    headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": secret}
    return product.webhook(bot, body, headers)


def test_an_update_that_the_library_wrote_is_answered_with_what_the_library_knows(product, recorder, bot):
    text, token = product.question()

    answer = post(product, bot, update(text))

    # A body with a method would be a call.
    assert answer.status_code == 200 and (not answer.content or "method" not in answer.json())
    sent = recorder.wait("the reply", lambda call: call.path.endswith("/sendMessage") and token in call.body.decode())
    assert sent.path.endswith(f"/bot{BOT_TOKEN}/sendMessage")
    fields = sent.fields
    unknown = set(fields) - set(inspect.signature(telegram.Bot.send_message).parameters)
    assert not unknown, f"the library knows no {unknown}"
    assert int(fields["chat_id"]) == 5_550_001
    if fields.get("entities"):
        given = fields["entities"]
        entities = telegram.MessageEntity.de_list(json.loads(given) if isinstance(given, str) else given, None)
        shown = telegram.Message(
            message_id=1, date=datetime.datetime.now(datetime.UTC), chat=telegram.Chat(id=1, type="private"),
            text=fields["text"], entities=entities,
        )
        assert "open" in shown.parse_entities([telegram.MessageEntity.BOLD]).values()
    else:
        marks = {"HTML": "<b>open</b>", "MarkdownV2": "*open*"}
        assert marks[fields["parse_mode"]] in fields["text"]


def test_an_update_without_the_secret_is_refused(product, bot):
    text, _ = product.question()

    for secret in ["", "another", WEBHOOK_SECRET[:-1], WEBHOOK_SECRET.upper()]:
        assert post(product, bot, update(text), secret).status_code == 401, secret


def test_a_message_with_a_picture_and_buttons_is_one_that_the_library_knows(product, recorder, bot):
    question, asked = product.question()

    token = product.send("telegram", bot, "5550001", {"Hours": question, "No": "no"})

    sent = recorder.wait("the message", lambda call: "/telegram_api_url/" in call.path and token in call.body.decode())
    assert sent.path.endswith("/sendPhoto")
    fields = sent.fields
    unknown = set(fields) - set(inspect.signature(telegram.Bot.send_photo).parameters)
    assert not unknown, f"the library knows no {unknown}"
    assert fields["photo"] == PICTURE
    keyboard = telegram.InlineKeyboardMarkup.de_json(fields["reply_markup"], None)
    buttons = [button for row in keyboard.inline_keyboard for button in row]
    assert not keyboard.api_kwargs and not any(button.api_kwargs for button in buttons)
    assert [button.text for button in buttons] == ["Hours", "No"]
    assert all(len(button.callback_data.encode()) <= telegram.constants.InlineKeyboardButtonLimit.MAX_CALLBACK_DATA for button in buttons)
    assert post(product, bot, press(buttons[0])).status_code == 200
    recorder.wait("the answer to the button", lambda call: call.path.endswith("/sendMessage") and asked in call.body.decode())
    recorder.wait("the end of its waiting", lambda call: call.path.endswith("/answerCallbackQuery") and "a-query" in call.body.decode())


def press(button):
    number, now = next(NUMBERS), datetime.datetime.now(datetime.UTC)
    ann = telegram.User(id=5_550_001, first_name="Ann", is_bot=False, language_code="en")
    chat = telegram.Chat(id=5_550_001, type=telegram.constants.ChatType.PRIVATE, first_name="Ann")
    message = telegram.Message(message_id=900, date=now, chat=chat, text="We are open")
    query = telegram.CallbackQuery(
        id=f"a-query-{number}", from_user=ann, chat_instance="1", message=message, data=button.callback_data,
    )
    return telegram.Update(update_id=900_000_000 + number, callback_query=query).to_json()
