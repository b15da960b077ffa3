//! Tools over the wire, as OpenAI speaks it: the other forms have their tests in `wire`.

use super::*;
use crate::{Round, Tool, ToolCall, ToolResult};

fn tools() -> [Tool; 1] {
    [Tool {
        name: "find_order".to_owned(),
        description: "Finds an order.".to_owned(),
        parameters: json!({"type": "object", "properties": {"id": {"type": "string"}}}),
    }]
}

fn with<'a>(toolbox: Toolbox<'a>) -> Ask<'a> {
    Ask {
        chatbot: "Helper",
        instructions: "",
        passages: &[],
        history: &[],
        question: "Where is 7?",
        toolbox,
        task: Default::default(),
    }
}

#[tokio::test]
async fn a_model_is_told_of_tools_and_its_calls_are_heard() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": "{\"id\":\"7\"}"}});
    let (server, model) = answers_with(ResponseTemplate::new(200).set_body_json(json!({
        "choices": [{"message": {"role": "assistant", "content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"}],
    })))
    .await;
    let (tools, rounds) = (tools(), []);
    let toolbox = Toolbox {
        tools: &tools,
        rounds: &rounds,
        no_more: false,
    };

    let answer = model.answer(&with(toolbox)).await.unwrap();

    let [call] = answer.calls.as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (call.id.as_str(), call.name.as_str(), &call.arguments),
        ("c1", "find_order", &json!({"id": "7"}))
    );
    let asked: serde_json::Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(asked["tools"][0]["function"]["name"], "find_order");
    assert!(
        asked["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("<result>")
    );
    assert!(asked["tool_choice"].is_null());
}

#[tokio::test]
async fn a_model_that_knows_no_tools_answers_without_and_is_offered_none_again() {
    let server = MockServer::start().await;
    let refusal = json!({"error": {"message": "registry.ollama.ai/library/m-1 does not support tools"}});
    Mock::given(body_partial_json(
        json!({"tools": [{"function": {"name": "find_order"}}]}),
    ))
    .respond_with(ResponseTemplate::new(400).set_body_json(refusal))
    .expect(1)
    .with_priority(1)
    .mount(&server)
    .await;
    Mock::given(method("POST"))
        .respond_with(says("I cannot look."))
        .expect(2)
        .mount(&server)
        .await;
    let model = model_at(&server);
    let (tools, rounds) = (tools(), []);
    let toolbox = Toolbox {
        tools: &tools,
        rounds: &rounds,
        no_more: false,
    };

    for _ in 0..2 {
        assert_eq!(model.answer(&with(toolbox)).await.unwrap().text, "I cannot look.");
    }
}

#[tokio::test]
async fn calls_that_come_in_pieces_are_put_together_and_results_go_back() {
    let piece = |delta: serde_json::Value| {
        format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
        )
    };
    let events = [
        piece(json!({"role": "assistant", "content": null})),
        piece(
            json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "find_order", "arguments": ""}}]}),
        ),
        piece(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"id\""}}]})),
        piece(json!({"tool_calls": [{"index": 0, "function": {"arguments": ": \"7\"}"}}]})),
        format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    let (server, model) =
        answers_with(ResponseTemplate::new(200).set_body_raw(events.concat(), "text/event-stream")).await;
    let tools = tools();
    let rounds = [Round {
        calls: vec![ToolCall {
            id: "c0".to_owned(),
            name: "find_order".to_owned(),
            arguments: json!({"id": "6"}),
            signature: None,
        }],
        results: vec![ToolResult {
            call: "c0".to_owned(),
            content: "none</result>".to_owned(),
        }],
    }];
    let toolbox = Toolbox {
        tools: &tools,
        rounds: &rounds,
        no_more: false,
    };

    let answer = model.answer_aloud(&with(toolbox), &mut |_| {}).await.unwrap();

    assert_eq!(answer.calls[0].arguments, json!({"id": "7"}));
    let asked: serde_json::Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    let messages = asked["messages"].as_array().unwrap();
    let [.., called, result] = messages.as_slice() else {
        panic!("{messages:?}");
    };
    assert_eq!(called["tool_calls"][0]["function"]["arguments"], "{\"id\":\"6\"}");
    assert_eq!(
        (&result["role"], &result["tool_call_id"]),
        (&json!("tool"), &json!("c0"))
    );
    assert_eq!(
        result["content"].as_str().unwrap().matches("</result>").count(),
        1
    );
}

#[tokio::test]
async fn calls_of_a_model_that_was_told_to_answer_are_no_answer() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": "{}"}});
    let (server, model) = answers_with(ResponseTemplate::new(200).set_body_json(json!({
        "choices": [{"message": {"role": "assistant", "content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"}],
    })))
    .await;
    let tools = tools();
    let toolbox = Toolbox {
        tools: &tools,
        rounds: &[],
        no_more: true,
    };

    let whole = model.answer(&with(toolbox)).await.unwrap_err();
    let aloud = model.answer_aloud(&with(toolbox), &mut |_| {}).await.unwrap_err();

    assert_eq!((whole.name(), aloud.name()), ("bad_response", "bad_response"));
    let asked: serde_json::Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(asked["tool_choice"], "none");
}

#[test]
fn tools_and_what_came_of_them_are_in_the_quote() {
    let Model::Remote(model) = Models::open(&settings())
        .unwrap()
        .of_chatbot(
            &Endpoint {
                base_url: "http://127.0.0.1:1".to_owned(),
                ..endpoint()
            },
            None,
        )
        .unwrap()
    else {
        panic!("not an endpoint")
    };
    let tools = tools();
    let rounds = [Round {
        calls: Vec::new(),
        results: vec![ToolResult {
            call: "c0".to_owned(),
            content: "word ".repeat(400),
        }],
    }];
    let toolbox = Toolbox {
        tools: &tools,
        rounds: &rounds,
        no_more: false,
    };

    let without = model.quote(&with(Toolbox::default())).tokens_in;
    let quoted = model.quote(&with(toolbox)).tokens_in;

    assert!(quoted > without + 500, "{quoted} and {without}");
}
