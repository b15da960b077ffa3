//! One endpoint: what is asked of it, what is made of its answers, and every way not to get one.

mod tools;

use super::*;
use crate::{Endpoint, Model, Models, Settings, tests::passage};
use domain::FallbackReason;
use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, header, method, path},
};

const KEY: &str = "sk-very-secret-key";

fn settings() -> Settings {
    serde_json::from_value(json!({
        "time_limit_seconds": 20, "max_tokens": 300, "prompt_tokens": 4000, "allowed_private_cidrs": "127.0.0.0/8"
    }))
    .unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint {
        provider: Provider::OpenAiCompatible,
        base_url: String::new(),
        model: "m-1".to_owned(),
        time_limit_seconds: None,
        context_tokens: None,
    }
}

fn model_at(server: &MockServer) -> Model {
    let endpoint = Endpoint {
        base_url: format!("{}/v1", server.uri()),
        model: "m-1".to_owned(),
        time_limit_seconds: Some(1),
        ..endpoint()
    };
    Models::open(&settings())
        .unwrap()
        .of_chatbot(&endpoint, Some(KEY.into()))
        .unwrap()
}

async fn answers_with(template: ResponseTemplate) -> (MockServer, Model) {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {KEY}")))
        .respond_with(template)
        .mount(&server)
        .await;
    let model = model_at(&server);
    (server, model)
}

fn says(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 9}
    }))
}

async fn ask(model: &Model) -> Result<Answer, ModelError> {
    let passages = [passage("We ship in two days."), passage("Returns are free.")];
    model
        .answer(&Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &passages,
            history: &[],
            question: "How long?",
            toolbox: Default::default(),
            task: Default::default(),
        })
        .await
}

#[tokio::test]
async fn an_answer_comes_with_checked_citations_and_its_cost() {
    let (server, model) = answers_with(says("Two days [1]. Free [2][7].")).await;

    let answer = ask(&model).await.unwrap();

    assert_eq!(answer.text, "Two days [1]. Free [2].");
    assert_eq!(answer.citations, [0, 1]);
    assert_eq!((answer.tokens_in, answer.tokens_out), (Some(120), Some(9)));
    assert_eq!((answer.model.as_str(), answer.fallback), ("m-1", None));
    let sent: serde_json::Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    assert_eq!(
        (&sent["model"], &sent["max_tokens"], &sent["stream"]),
        (&json!("m-1"), &json!(300), &json!(false))
    );
    assert!(
        sent["messages"][1]["content"]
            .as_str()
            .unwrap()
            .contains("We ship in two days.")
    );
}

#[tokio::test]
async fn a_model_that_finds_no_answer_says_so() {
    let (_server, model) = answers_with(says("NO_ANSWER.")).await;

    let answer = ask(&model).await.unwrap();

    assert_eq!(
        (answer.fallback, answer.text.as_str()),
        (Some(FallbackReason::NoKnowledge), "")
    );
}

#[tokio::test]
async fn each_failure_has_its_name() {
    let cases = [
        (ResponseTemplate::new(401), "unauthorized"),
        (ResponseTemplate::new(403), "unauthorized"),
        (
            ResponseTemplate::new(429).insert_header("retry-after", "7"),
            "rate_limited",
        ),
        (ResponseTemplate::new(500), "unavailable"),
        (
            ResponseTemplate::new(503).set_body_string("x".repeat(100_000)),
            "overloaded",
        ),
        (
            ResponseTemplate::new(404).set_body_json(json!({"error": {"message": "no such model"}})),
            "bad_response",
        ),
        (
            ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/"),
            "bad_response",
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "bad_response",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"choices": []})),
            "bad_response",
        ),
        (says("  "), "bad_response"),
        (says("late [1]").set_delay(Duration::from_secs(3)), "timeout"),
        (says(&"x".repeat(LARGEST_BODY)), "bad_response"),
    ];
    for (template, name) in cases {
        let (_server, model) = answers_with(template).await;

        let error = ask(&model).await.unwrap_err();

        assert_eq!(error.name(), name, "{error}");
        if let ModelError::RateLimited { after } = error {
            assert_eq!(after, Some(Duration::from_secs(7)));
        }
    }
}

#[tokio::test]
async fn s20_a_key_that_the_endpoint_repeats_is_in_no_error() {
    let said =
        json!({"error": {"message": format!("Key {KEY} may not\nuse this model. {}", "x".repeat(500))}});
    let (_server, model) = answers_with(ResponseTemplate::new(400).set_body_json(said)).await;

    let error = ask(&model).await.unwrap_err();

    let ModelError::BadResponse { status: 400, detail } = &error else {
        panic!("{error}")
    };
    assert!(detail.as_str().starts_with("Key … may not use this model."));
    assert_eq!(detail.as_str().chars().count(), 200);
    let model = match &model {
        Model::Remote(model) => format!("{model:?}"),
        Model::Extractive => unreachable!(),
    };
    assert!(
        !format!("{error} {error:?} {model}").contains("sk-"),
        "a key was printed"
    );
    assert!(
        !format!("{error:?}").contains("may not"),
        "the endpoint's words were printed"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_away_is_unavailable() {
    let server = MockServer::start().await;
    let model = model_at(&server);
    drop(server);

    // A dropped mock server may be reused by another test, which then answers 404.
    assert!(matches!(
        ask(&model).await.unwrap_err().name(),
        "unavailable" | "bad_response"
    ));
}

#[tokio::test]
async fn a_request_that_crossed_the_end_of_an_idle_connection_is_sent_again_once() {
    let (crossed, always) = (MockServer::start().await, MockServer::start().await);
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(408))
        .up_to_n_times(1)
        .mount(&crossed)
        .await;
    Mock::given(method("POST"))
        .respond_with(says("Two days [1]."))
        .mount(&crossed)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(408))
        .expect(2)
        .mount(&always)
        .await;

    assert_eq!(ask(&model_at(&crossed)).await.unwrap().text, "Two days [1].");
    assert_eq!(ask(&model_at(&always)).await.unwrap_err().name(), "unavailable");
}

#[tokio::test]
async fn a_model_that_wants_the_newer_parameters_gets_them() {
    let server = MockServer::start().await;
    let refusal = json!({"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}});
    Mock::given(body_partial_json(json!({"max_tokens": 300})))
        .respond_with(ResponseTemplate::new(400).set_body_json(refusal))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(body_partial_json(json!({"max_completion_tokens": 1324})))
        .respond_with(says("Two days [1]."))
        .expect(2)
        .mount(&server)
        .await;
    let model = model_at(&server);

    assert_eq!(ask(&model).await.unwrap().text, "Two days [1].");
    assert_eq!(ask(&model).await.unwrap().text, "Two days [1].");
}

#[tokio::test]
async fn when_the_model_fails_the_best_passage_is_quoted() {
    let (_server, model) = answers_with(ResponseTemplate::new(500)).await;
    let passages = [passage("We ship in two days.")];
    let ask = Ask {
        chatbot: "Helper",
        instructions: "",
        passages: &passages,
        history: &[],
        question: "How long?",
        toolbox: Default::default(),
        task: Default::default(),
    };

    let (answer, error) = model.answer_or_quote(&ask).await;

    assert_eq!(answer.text, "We ship in two days. [1]");
    assert_eq!(answer.fallback, Some(FallbackReason::ModelUnavailable));
    assert_eq!(error, Some(ModelError::Unavailable));
}

fn streamed(pieces: &[&str]) -> ResponseTemplate {
    let mut body = String::from(": connected\n\n");
    for piece in pieces {
        body.push_str(&format!(
            "data: {}\n\n",
            json!({"choices": [{"delta": {"content": piece}}]})
        ));
    }
    body.push_str("data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 2}}\n\ndata: [DONE]\n\n");
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

async fn stream(model: &Model) -> Result<Streaming, ModelError> {
    let Model::Remote(model) = model else {
        panic!("not an endpoint")
    };
    let passages = [passage("We ship in two days.")];
    let ask = Ask {
        chatbot: "Helper",
        instructions: "",
        passages: &passages,
        history: &[],
        question: "How long?",
        toolbox: Default::default(),
        task: Default::default(),
    };
    model.stream(&ask).await
}

#[tokio::test]
async fn a_streamed_answer_comes_in_pieces_and_ends_checked() {
    let (_server, model) = answers_with(streamed(&["Two ", "days [1", "] [5]."])).await;

    let mut streaming = stream(&model).await.unwrap();
    let first = streaming.next().await.unwrap();
    let first_after = streaming.first_after();
    let answer = streaming.finish().await.unwrap();

    assert_eq!(first.as_deref(), Some("Two "));
    assert!(first_after.is_some());
    assert_eq!(answer.text, "Two days [1].");
    assert_eq!(
        (answer.citations.as_slice(), answer.tokens_in),
        (&[0][..], Some(5))
    );
}

#[tokio::test]
async fn what_may_be_shown_is_told_while_the_answer_is_written() {
    let (_server, model) = answers_with(streamed(&["Two ", "days [1", "], free."])).await;
    let passages = [passage("We ship in two days.")];
    let ask = Ask {
        chatbot: "Helper",
        instructions: "",
        passages: &passages,
        history: &[],
        question: "How long?",
        toolbox: Default::default(),
        task: Default::default(),
    };
    let mut heard = Vec::new();

    let answer = model
        .answer_aloud(&ask, &mut |text| heard.push(text.to_owned()))
        .await
        .unwrap();

    assert_eq!(heard, ["Two", "Two days", "Two days, free."]);
    assert_eq!(answer.text, "Two days [1], free.");
}

#[tokio::test]
async fn an_endpoint_that_knows_no_streaming_answers_all_the_same() {
    let (_server, model) = answers_with(says("Two days [1].")).await;

    let answer = stream(&model).await.unwrap().finish().await.unwrap();

    assert_eq!(
        (answer.text.as_str(), answer.tokens_in),
        ("Two days [1].", Some(120))
    );
}

#[tokio::test]
async fn a_stream_that_is_cut_off_is_no_answer() {
    let whole = "data: {\"choices\": [{\"delta\": {\"content\": \"Never \"}}]}\n\n";
    let (_server, model) =
        answers_with(ResponseTemplate::new(200).set_body_raw(whole, "text/event-stream")).await;

    assert_eq!(
        stream(&model).await.unwrap().finish().await,
        Err(ModelError::CutOff)
    );
}

#[tokio::test]
async fn s7_a_chatbots_endpoint_cannot_point_inside_and_the_operators_can() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(says("Two days [1]."))
        .mount(&server)
        .await;
    let mut closed = settings();
    closed.allowed_private_cidrs.clear();
    closed.base_url = server.uri();
    closed.model = "m-1".to_owned();
    let models = Models::open(&closed).unwrap();
    let inside = Endpoint {
        base_url: server.uri(),
        ..endpoint()
    };

    assert!(models.check(&inside).is_err() && models.of_chatbot(&inside, None).is_err());
    assert_eq!(ask(&models.of_installation()).await.unwrap().citations, [0]);
}

#[test]
fn without_an_endpoint_passages_are_quoted() {
    assert!(matches!(
        Models::open(&settings()).unwrap().of_installation(),
        Model::Extractive
    ));
}
