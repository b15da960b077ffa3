//! What is fetched, and from where.

use super::*;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

async fn fetch(server: &MockServer, address: &str) -> Result<Fetched, MediaError> {
    let client = channel_testkit::client();
    let api: Url = server.uri().parse().unwrap();
    let storage = Storage {
        client: &client,
        api: &api,
        hosts: &["fbsbx.com".to_owned(), "localhost".to_owned()],
        setting: "platforms.meta_media_hosts",
    };
    storage.fetch(address, Some(&"canary-token".into()), 1_000).await
}

async fn answered(answer: ResponseTemplate) -> Result<Fetched, MediaError> {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(answer)
        .mount(&server)
        .await;
    fetch(&server, &format!("{}/m", server.uri())).await
}

#[tokio::test]
async fn a_picture_is_fetched_with_the_token() {
    let server = MockServer::start().await;
    Mock::given(path("/m"))
        .and(header("authorization", "Bearer canary-token"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(b"png".to_vec(), "image/png"))
        .mount(&server)
        .await;

    let fetched = fetch(&server, &format!("{}/m", server.uri())).await.unwrap();

    assert_eq!(
        (fetched.content_type.as_str(), &fetched.bytes[..]),
        ("image/png", &b"png"[..])
    );
}

#[tokio::test]
async fn a_redirect_to_a_listed_host_is_followed_without_the_token() {
    let server = MockServer::start().await;
    let elsewhere = server.uri().replace("127.0.0.1", "localhost");
    Mock::given(path("/m"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", format!("{elsewhere}/n")))
        .mount(&server)
        .await;
    Mock::given(path("/n"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(b"x".to_vec(), "image/png"))
        .mount(&server)
        .await;

    fetch(&server, &format!("{}/m", server.uri())).await.unwrap();

    let requests = server.received_requests().await.unwrap();
    assert!(requests[0].headers.contains_key("authorization"));
    assert!(!requests[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn no_other_host_is_asked_first_or_later() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(
            ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/meta-data"),
        )
        .expect(1)
        .mount(&server)
        .await;
    let port = server.address().port();

    for address in [
        "https://evil.example/m",
        "https://evilfbsbx.com/m",
        "ftp://lookaside.fbsbx.com/m",
        "https://user:pass@lookaside.fbsbx.com/m",
        &format!("http://user@127.0.0.1:{port}/m"),
        "file:///etc/passwd",
        "whatever",
        &format!("http://127.0.0.1:{port}/m"),
    ] {
        let error = fetch(&server, address).await.unwrap_err();

        assert!(
            matches!(error, MediaError::Refused(_)),
            "{address} gave {error:?}"
        );
    }
}

#[tokio::test]
async fn redirects_end() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/m"))
        .expect(6)
        .mount(&server)
        .await;

    let error = fetch(&server, &format!("{}/m", server.uri()))
        .await
        .unwrap_err()
        .to_string();

    assert!(error.contains("too often"), "{error}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_whether_it_says_so_or_not() {
    let honest = answered(ResponseTemplate::new(200).set_body_raw(vec![0; 1_001], "image/png")).await;
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        1_001,
        "x".repeat(1_001)
    );
    let base = channel_testkit::speak_once(&chunked).await;
    let (client, api) = (channel_testkit::client(), base.parse().unwrap());
    let storage = Storage {
        client: &client,
        api: &api,
        hosts: &[],
        setting: "",
    };
    let silent = storage.fetch(&format!("{base}/m"), None, 1_000).await;

    for outcome in [honest, silent] {
        assert!(
            matches!(&outcome, Err(MediaError::Refused(reason)) if reason.contains("larger than 1000")),
            "{outcome:?}"
        );
    }
    assert!(
        answered(ResponseTemplate::new(200).set_body_raw(vec![0; 1_000], "image/png"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn what_may_come_is_told_from_what_will_not() {
    for (status, again) in [
        (401, true),
        (429, true),
        (503, true),
        (404, false),
        (410, false),
        (403, false),
    ] {
        let error = answered(ResponseTemplate::new(status)).await.unwrap_err();

        assert_eq!(
            matches!(error, MediaError::Retry(_)),
            again,
            "{status} gave {error:?}"
        );
    }
}

#[test]
fn an_address_tells_the_files_name_and_its_ending() {
    for (address, name, ending) in [
        (
            "https://a.example/x/Price%20list.PDF?sig=1.png",
            Some("Price list.PDF"),
            "pdf",
        ),
        ("https://a.example/a+b%26c.png", Some("a+b&c.png"), "png"),
        ("https://a.example/raw", Some("raw"), ""),
        ("https://a.example/", None, ""),
        ("no address", None, ""),
    ] {
        assert_eq!(file_name(address).as_deref(), name, "{address}");
        assert_eq!(extension(address), ending, "{address}");
    }
}
