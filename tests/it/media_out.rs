//! A file that an agent uploads reaches a person on a platform that fetches it, and a visitor's browser, byte by byte:
//! through the whole product, in roles.

use crate::shared::{PATIENCE, Visitor};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use whole_product::{alone, product::PUBLIC_URL, wait};

/// A picture by its first bytes, and longer than one piece of what is stored.
fn picture() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend((0..1_500_000_u32).map(|n| (n % 251) as u8));
    bytes
}

async fn read(request: RequestBuilder) -> (u16, Value) {
    let response = request.timeout(PATIENCE).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

#[test]
fn an_uploaded_file_is_fetched_by_the_platform_and_shown_to_the_visitor() {
    alone(async {
        let visitor = Visitor::new().await.unwrap();
        let (product, bot) = (visitor.product, &visitor.bot);
        let http = Client::builder().no_proxy().build().unwrap();
        let web = json!({"platform": "web", "credentials": {"allowed_origins": PUBLIC_URL}});
        let integrations = format!("/api/integrations/{}", bot.chatbot_id);
        product.api().post(&integrations, &web).await.unwrap();
        let keys = format!("/api/workspaces/{}/api-keys", bot.workspace_id);
        let key = json!({"name": "program", "role": "agent"});
        let key = product.api().post(&keys, &key).await.unwrap()["key"]
            .as_str()
            .unwrap()
            .to_owned();
        let ask =
            |method, url: &str, path: String| http.request(method, format!("{url}{path}")).bearer_auth(&key);
        let (api, gateway) = (product.api().url(), product.gateways()[0].as_str());
        let bytes = picture();

        let files = format!("/api/chatbots/{}/files?name=menu.png", bot.chatbot_id);
        let (status, file) = read(ask(Method::POST, api, files).body(bytes.clone())).await;
        assert_eq!(
            (status, &file["content_type"]),
            (201, &json!("image/png")),
            "{file}"
        );
        let media = json!([{ "file": file["id"] }]);
        let send = format!("/api/twilio/{}/send", bot.chatbot_id);
        let body = json!({"to": visitor.number, "text": "Our menu", "media": media});
        let (status, sent) = read(ask(Method::POST, api, send).json(&body)).await;
        assert_eq!(status, 202, "{sent}");

        // The platform is told an address, and fetches it over our public one.
        let message = wait::until("the message at Twilio", PATIENCE, async || {
            let mut sent = product.twilio().sent().into_iter();
            Ok(sent.find(|message| message.to == visitor.number))
        })
        .await
        .unwrap();
        let [address] = message.media.as_slice() else {
            panic!("{} media", message.media.len());
        };
        let path = address.strip_prefix(PUBLIC_URL).unwrap().to_owned();
        assert!(
            path.starts_with("/files/") && path.ends_with("/menu.png"),
            "{path}"
        );
        let got = http.get(format!("{gateway}{path}")).send().await.unwrap();
        assert_eq!(
            (got.status().as_u16(), &got.headers()["content-type"]),
            (200, &"image/png".parse().unwrap())
        );
        assert!(got.bytes().await.unwrap() == bytes, "other bytes arrived");
        let range = http
            .get(format!("{gateway}{path}"))
            .header("range", "bytes=1048570-1048585");
        let part = range.send().await.unwrap();
        assert_eq!(part.status(), 206);
        assert!(part.bytes().await.unwrap() == bytes[1_048_570..1_048_586]);
        let token = path.split('/').nth(4).unwrap();
        let forged = path.replace(token, &token.to_lowercase());
        let forged = http.get(format!("{gateway}{forged}")).send().await.unwrap();
        assert_eq!(forged.status(), 404);

        // A visitor of the owner's page sees it where the agent answers them.
        let sessions = format!("{gateway}/api/chat/{}/sessions", bot.chatbot_id);
        let begun = http.post(sessions).header("origin", PUBLIC_URL).json(&json!({}));
        let (status, session) = read(begun).await;
        assert_eq!(status, 201, "{session}");
        let token = session["token"].as_str().unwrap();
        let messages = format!("{gateway}/api/chat/{}/messages", bot.chatbot_id);
        let asked = http
            .post(&messages)
            .bearer_auth(token)
            .json(&json!({"text": "The menu?"}));
        assert!(read(asked.header("origin", PUBLIC_URL)).await.0 < 300);
        let list = format!("/api/workspaces/{}/conversations?platform=web", bot.workspace_id);
        let conversations = product.api().get(&list).await.unwrap();
        let conversation = conversations["items"][0]["id"].as_str().unwrap();
        let reply = format!("/api/conversations/{conversation}/replies");
        let (status, sent) =
            read(ask(Method::POST, api, reply).json(&json!({"text": "Here", "media": media}))).await;
        assert_eq!(status, 202, "{sent}");
        let (_, list) = read(
            http.get(&messages)
                .bearer_auth(token)
                .header("origin", PUBLIC_URL),
        )
        .await;
        let item = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["text"] == "Here");
        let medium = &item.unwrap()["media"][0];
        assert_eq!(
            (&medium["name"], &medium["content_type"]),
            (&json!("menu.png"), &json!("image/png"))
        );
        let shown = medium["url"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap();
        let shown = http.get(format!("{gateway}{shown}")).send().await.unwrap();
        assert!(shown.bytes().await.unwrap() == bytes, "other bytes are shown");

        // No address is left anywhere that it could be read later.
        for role in product.roles() {
            let log = format!("{}{}", role.stderr(), role.stdout());
            assert!(
                !log.contains("/files/") && !log.contains(path.split('/').nth(4).unwrap()),
                "{}",
                role.name()
            );
        }
    });
}
