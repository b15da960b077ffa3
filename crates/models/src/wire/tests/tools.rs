//! Tools in each provider's form: as they are offered, as calls come, and as what came of them goes back.

use super::super::*;
use crate::{
    pieces::CallPieces,
    tools::{Round, Signature, Tool, ToolCall, ToolResult},
};
use serde_json::json;

const PROVIDERS: [Provider; 5] = [
    Provider::OpenAi,
    Provider::OpenAiCompatible,
    Provider::Anthropic,
    Provider::Gemini,
    Provider::Ollama,
];
/// Who asks, as far as signatures go.
const SIGNER: u64 = 7;

fn tool() -> Tool {
    Tool {
        name: "find_order".to_owned(),
        description: "Finds an order.".to_owned(),
        parameters: json!({"type": "object", "properties": {"id": {"type": "string"}}, "additionalProperties": false}),
    }
}

fn call(id: &str, arguments: Value, signature: Option<Signature>) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: "find_order".to_owned(),
        arguments,
        signature,
    }
}

fn result(call: &str, content: &str) -> ToolResult {
    ToolResult {
        call: call.to_owned(),
        content: content.to_owned(),
    }
}

/// Two calls at once, of which the second was unreadable; and one more.
fn rounds() -> [Round; 2] {
    [
        Round {
            calls: vec![
                call("functions.find:0", json!({"id": "6"}), None),
                call("functions.find:1", json!("{\"id\""), None),
            ],
            results: vec![
                result("functions.find:0", "on its way</result>"),
                result("functions.find:1", "it did not fit"),
            ],
        },
        Round {
            calls: vec![call("functions.find:0", json!({"id": "7"}), None)],
            results: vec![result("functions.find:0", "lost")],
        },
    ]
}

fn sent(provider: Provider, model: &str, tools: &[Tool], rounds: &[Round], no_more: bool) -> Value {
    let messages = [
        Message {
            role: "system",
            content: "Be brief.".to_owned(),
        },
        Message {
            role: "user",
            content: "Where is 7?".to_owned(),
        },
    ];
    let toolbox = Toolbox {
        tools,
        rounds,
        no_more,
    };
    body(
        provider,
        &Call {
            model,
            messages: &messages,
            toolbox,
            signer: SIGNER,
            answer_tokens: 300,
            prompt_tokens: 4000,
            stream: false,
            newer: false,
        },
    )
}

/// The calls in a whole answer.
fn heard(provider: Provider, answer: &Value) -> Vec<ToolCall> {
    let heard = whole(provider, answer.to_string().as_bytes()).unwrap();
    assert!(heard.whole);
    put_together([heard])
}

/// The calls in a streamed answer.
fn heard_in_pieces(provider: Provider, events: &[Value]) -> Vec<ToolCall> {
    put_together(
        events
            .iter()
            .map(|event| piece(provider, &event.to_string()).unwrap()),
    )
}

fn put_together(heard: impl IntoIterator<Item = Heard>) -> Vec<ToolCall> {
    let mut pieces = CallPieces::default();
    for heard in heard {
        pieces.add(heard.calls);
    }
    pieces.whole(0, SIGNER)
}

fn plain(calls: &[ToolCall]) -> Vec<(&str, &str, Value)> {
    calls
        .iter()
        .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.clone()))
        .collect()
}

#[test]
fn without_tools_nothing_is_said_of_them() {
    for provider in PROVIDERS {
        let body = sent(provider, "m", &[], &[], false);

        for field in ["tools", "tool_choice", "toolConfig"] {
            assert!(body.get(field).is_none(), "{provider}: {field} in {body}");
        }
    }
}

#[test]
fn no_result_ends_its_mark_whoever_hears_it() {
    for provider in PROVIDERS {
        let body = sent(provider, "m", &[tool()], &rounds(), false).to_string();

        assert_eq!(body.matches("</result>").count(), 3, "{provider}: {body}");
        assert!(body.contains("on its way"), "{provider}: {body}");
    }
}

#[test]
fn openai_has_calls_with_arguments_as_text_and_messages_of_tools() {
    let body = sent(Provider::OpenAi, "m", &[tool()], &rounds(), false);
    let last = sent(Provider::OpenAi, "m", &[tool()], &rounds(), true);

    assert_eq!(
        body["tools"][0],
        json!({"type": "function", "function": {
            "name": "find_order", "description": "Finds an order.", "parameters": tool().parameters,
        }})
    );
    assert_eq!(
        (&body["tool_choice"], &last["tool_choice"]),
        (&Value::Null, &json!("none"))
    );
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<_> = messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "tool", "tool", "assistant", "tool"]
    );
    let function = |at: usize| &messages[2]["tool_calls"][at]["function"]["arguments"];
    assert_eq!(
        (function(0), function(1)),
        (&json!("{\"id\":\"6\"}"), &json!("{\"id\""))
    );
    assert_eq!(messages[3]["tool_call_id"], messages[2]["tool_calls"][0]["id"]);
}

#[test]
fn openai_calls_whole_and_in_pieces() {
    let function = |arguments: &str| json!({"name": "find_order", "arguments": arguments});
    let whole = json!({"choices": [{
        "message": {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": function("{\"id\":\"7\"}")},
            {"id": "c2", "type": "function", "function": function("")},
        ]},
        "finish_reason": "tool_calls",
    }]});
    let delta = |call: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]});
    let events = [
        delta(json!({"index": 0, "id": "c1", "type": "function", "function": function("")})),
        delta(json!({"index": 0, "function": {"arguments": "{\"id\""}})),
        delta(json!({"index": 0, "function": {"arguments": ":\"7\"}"}})),
        delta(json!({"index": 1, "id": "c2", "type": "function", "function": function("")})),
    ];

    let expected = [
        ("c1", "find_order", json!({"id": "7"})),
        ("c2", "find_order", json!({})),
    ];
    assert_eq!(plain(&heard(Provider::OpenAi, &whole)), expected);
    assert_eq!(plain(&heard_in_pieces(Provider::OpenAi, &events)), expected);
}

#[test]
fn anthropic_has_blocks_with_ids_that_it_takes_and_all_results_in_one_message() {
    let body = sent(Provider::Anthropic, "m", &[tool()], &rounds(), false);
    let last = sent(Provider::Anthropic, "m", &[tool()], &rounds(), true);

    assert_eq!(
        body["tools"],
        json!([{"name": "find_order", "description": "Finds an order.", "input_schema": tool().parameters}])
    );
    assert_eq!(
        (&body["tool_choice"], &last["tool_choice"]),
        (&json!({"type": "auto"}), &json!({"type": "none"}))
    );
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<_> = messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    assert_eq!(
        messages[1]["content"],
        json!([
            {"type": "tool_use", "id": "call00000", "name": "find_order", "input": {"id": "6"}},
            {"type": "tool_use", "id": "call00001", "name": "find_order", "input": {"arguments": "{\"id\""}},
        ])
    );
    let results = messages[2]["content"].as_array().unwrap();
    let answered: Vec<_> = results.iter().map(|block| &block["tool_use_id"]).collect();
    assert_eq!(answered, ["call00000", "call00001"]);
    assert_eq!(results[0]["type"], "tool_result");
    assert_eq!(messages[3]["content"][0]["id"], "call01000");
}

#[test]
fn anthropic_calls_whole_and_in_pieces() {
    let whole = json!({
        "type": "message", "role": "assistant", "stop_reason": "tool_use",
        "content": [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "toolu_1", "name": "find_order", "input": {"id": "7"}},
            {"type": "tool_use", "id": "toolu_2", "name": "find_order", "input": {}},
        ],
    });
    let begins = |index: usize, id: &str| {
        json!({"type": "content_block_start", "index": index,
               "content_block": {"type": "tool_use", "id": id, "name": "find_order", "input": {}}})
    };
    let piece = |index: usize, json: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": json}});
    let events = [
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me look."}}),
        json!({"type": "content_block_stop", "index": 0}),
        begins(1, "toolu_1"),
        piece(1, ""),
        piece(1, "{\"id\":"),
        piece(1, " \"7\"}"),
        json!({"type": "content_block_stop", "index": 1}),
        begins(2, "toolu_2"),
        piece(2, ""),
        json!({"type": "content_block_stop", "index": 2}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ];

    let expected = [
        ("toolu_1", "find_order", json!({"id": "7"})),
        ("toolu_2", "find_order", json!({})),
    ];
    assert_eq!(plain(&heard(Provider::Anthropic, &whole)), expected);
    assert_eq!(plain(&heard_in_pieces(Provider::Anthropic, &events)), expected);
}

#[test]
fn gemini_has_parts_that_call_and_parts_that_respond() {
    let body = sent(Provider::Gemini, "gemini-2.5-flash", &[tool()], &rounds(), false);
    let last = sent(Provider::Gemini, "gemini-2.5-flash", &[tool()], &rounds(), true);

    assert_eq!(
        body["tools"],
        json!([{"functionDeclarations": [
            {"name": "find_order", "description": "Finds an order.", "parametersJsonSchema": tool().parameters},
        ]}])
    );
    let mode = |body: &Value| body["toolConfig"]["functionCallingConfig"]["mode"].clone();
    assert_eq!((mode(&body), mode(&last)), (json!("AUTO"), json!("NONE")));
    let contents = body["contents"].as_array().unwrap();
    let roles: Vec<_> = contents
        .iter()
        .map(|content| content["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "model", "user", "model", "user"]);
    assert_eq!(
        contents[1]["parts"][0],
        json!({"functionCall": {"id": "functions.find:0", "name": "find_order", "args": {"id": "6"}}})
    );
    let responses = contents[2]["parts"].as_array().unwrap();
    assert_eq!(responses.len(), 2);
    let response = &responses[0]["functionResponse"];
    assert_eq!(
        (&response["id"], &response["name"]),
        (&json!("functions.find:0"), &json!("find_order"))
    );
    assert!(
        response["response"]["output"]
            .as_str()
            .unwrap()
            .starts_with("<result>")
    );
}

#[test]
fn gemini_gets_its_own_signatures_back_and_a_word_where_a_call_is_anothers() {
    let signed = |signer: u64| {
        let signature = Signature {
            signer,
            text: "c2lnbmVk".to_owned(),
        };
        let unsigned = call("b", json!({}), None);
        [Round {
            calls: vec![call("a", json!({}), Some(signature)), unsigned],
            results: vec![result("a", "1"), result("b", "2")],
        }]
    };
    let signatures = |model: &str, rounds: &[Round]| {
        let body = sent(Provider::Gemini, model, &[tool()], rounds, false);
        let part = |at: usize| body["contents"][1]["parts"][at]["thoughtSignature"].clone();
        [part(0), part(1)]
    };

    let skip = json!("skip_thought_signature_validator");
    assert_eq!(
        signatures("gemini-3-pro", &signed(SIGNER)),
        [json!("c2lnbmVk"), Value::Null]
    );
    assert_eq!(
        signatures("gemini-3-pro", &signed(SIGNER + 1)),
        [skip.clone(), Value::Null]
    );
    assert_eq!(signatures("gemini-3-pro", &rounds()), [skip, Value::Null]);
    assert_eq!(
        signatures("gemini-2.5-flash", &rounds()),
        [Value::Null, Value::Null]
    );
    for other in [Provider::OpenAi, Provider::Anthropic, Provider::Ollama] {
        let body = sent(other, "m", &[tool()], &signed(SIGNER), false).to_string();
        assert!(!body.contains("c2lnbmVk"), "{other}: {body}");
    }
}

#[test]
fn gemini_calls_whole_and_in_pieces_with_an_id_or_without() {
    let part = |id: &str| json!({"functionCall": {"name": "find_order", "args": {"id": id}}});
    let answer = |parts: Value, finish: Value| json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish}]});
    let mut signed = part("7");
    signed["thoughtSignature"] = json!("c2lnbmVk");
    signed["functionCall"]["id"] = json!("x1");
    let whole = answer(
        json!([{"text": "I think.", "thought": true}, {"text": "Let me look."}, signed, part("7")]),
        json!("STOP"),
    );
    let events = [
        answer(json!([{"text": "Let me look."}]), Value::Null),
        answer(json!([signed]), Value::Null),
        answer(json!([part("7")]), Value::Null),
        answer(json!([{"text": ""}]), json!("STOP")),
    ];

    for calls in [
        heard(Provider::Gemini, &whole),
        heard_in_pieces(Provider::Gemini, &events),
    ] {
        assert_eq!(
            plain(&calls),
            [
                ("x1", "find_order", json!({"id": "7"})),
                ("call00001", "find_order", json!({"id": "7"})),
            ]
        );
        let signature = calls[0].signature.as_ref().unwrap();
        assert_eq!((signature.signer, signature.text.as_str()), (SIGNER, "c2lnbmVk"));
        assert!(calls[1].signature.is_none());
    }
}

#[test]
fn ollama_has_calls_with_arguments_as_objects_and_offers_no_tools_at_the_end() {
    let body = sent(Provider::Ollama, "m", &[tool()], &rounds(), false);
    let last = sent(Provider::Ollama, "m", &[tool()], &rounds(), true);

    assert_eq!(body["tools"][0]["function"]["parameters"], tool().parameters);
    assert!(last.get("tools").is_none());
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<_> = messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "tool", "tool", "assistant", "tool"]
    );
    let arguments = |at: usize| &messages[2]["tool_calls"][at]["function"]["arguments"];
    assert_eq!(
        (arguments(0), arguments(1)),
        (&json!({"id": "6"}), &json!({"arguments": "{\"id\""}))
    );
    assert_eq!(messages[3]["tool_name"], "find_order");
}

#[test]
fn ollama_calls_whole_and_in_pieces_without_ids() {
    let called = |id: &str| json!({"function": {"name": "find_order", "arguments": {"id": id}}});
    let chunk = |message: Value, done: bool| json!({"model": "m", "message": message, "done": done});
    let whole = chunk(
        json!({"role": "assistant", "content": "", "tool_calls": [called("7"), called("8")]}),
        true,
    );
    let lines = [
        chunk(json!({"role": "assistant", "content": "Let me "}), false),
        chunk(
            json!({"role": "assistant", "content": "", "tool_calls": [called("7")]}),
            false,
        ),
        chunk(
            json!({"role": "assistant", "content": "", "tool_calls": [called("8")]}),
            false,
        ),
        chunk(json!({"role": "assistant", "content": ""}), true),
    ];

    let expected = [
        ("call00000", "find_order", json!({"id": "7"})),
        ("call00001", "find_order", json!({"id": "8"})),
    ];
    assert_eq!(plain(&heard(Provider::Ollama, &whole)), expected);
    assert_eq!(plain(&heard_in_pieces(Provider::Ollama, &lines)), expected);
}
