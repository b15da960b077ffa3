//! Lists the account's templates. See "WhatsApp Business Management API, Message templates".

use crate::{WhatsApp, credentials::Credentials};
use channel::{CheckError, Template};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Pages of a hundred that are read at most.
const MAX_PAGES: usize = 100;

#[derive(Deserialize)]
struct Page {
    data: Vec<Listed>,
    paging: Option<Paging>,
}

/// `next` is an address with the access token in it, so only the cursor is used.
#[derive(Deserialize)]
struct Paging {
    cursors: Option<Cursors>,
    next: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Cursors {
    after: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    language: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    r#type: String,
    text: Option<String>,
}

pub(crate) async fn list(
    whatsapp: &WhatsApp,
    credentials: &Credentials,
) -> Result<Vec<Template>, CheckError> {
    let graph = whatsapp.graph(credentials)?;
    let path = format!("{}/message_templates", credentials.waba_id);
    let (mut templates, mut after) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let mut request = graph.get(
            &path,
            &[
                ("fields", "name,language,status,category,components"),
                ("limit", "100"),
            ],
        );
        if let Some(after) = &after {
            request = request.query(&[("after", after)]);
        }
        let page: Page = graph.ask(request).await?;
        templates.extend(page.data.into_iter().map(template));
        after = page
            .paging
            .filter(|paging| paging.next.is_some())
            .and_then(|paging| paging.cursors?.after);
        if after.is_none() {
            break;
        }
    }
    Ok(templates)
}

fn template(listed: Listed) -> Template {
    let text = listed
        .components
        .into_iter()
        .find(|component| component.r#type.eq_ignore_ascii_case("body"))
        .and_then(|body| body.text)
        .unwrap_or_default();
    Template {
        name: listed.name,
        language: listed.language,
        state: listed.status.to_lowercase(),
        category: listed.category.to_lowercase(),
        parameters: places(&text),
        text,
    }
}

/// How many places there are to fill in: `{{1}}`, or `{{name}}`, each once.
fn places(text: &str) -> usize {
    let places: BTreeSet<&str> = text
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(place, _)| place.trim())
        .collect();
    places.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeWhatsApp, WABA};
    use serde_json::json;
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{path, query_param, query_param_is_missing},
    };

    #[tokio::test]
    async fn all_pages_are_read_by_cursor() {
        let fake = FakeWhatsApp::start().await;
        let at = || path(format!("/v25.0/{WABA}/message_templates"));
        Mock::given(at())
            .and(query_param_is_missing("after"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "data": [{"name": "order_ready", "language": "en_US", "status": "APPROVED", "category": "UTILITY", "id": "1",
                    "components": [{"type": "HEADER", "format": "TEXT", "text": "Order"},
                        {"type": "BODY", "text": "Hi {{1}}, order {{2}} is ready, {{1}}."}]}],
                "paging": {"cursors": {"before": "a", "after": "b"}, "next": "https://graph.facebook.com/?access_token=x"},
            })))
            .mount(&fake.server)
            .await;
        Mock::given(at())
            .and(query_param("after", "b"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "data": [{"name": "hello", "language": "de", "status": "REJECTED", "category": "MARKETING"}],
                "paging": {"cursors": {"before": "b", "after": "c"}},
            })))
            .mount(&fake.server)
            .await;

        let templates = list(&fake.whatsapp(), &fake::credentials()).await.unwrap();

        assert_eq!(templates.len(), 2);
        assert_eq!(
            templates[0],
            Template {
                name: "order_ready".to_owned(),
                language: "en_US".to_owned(),
                state: "approved".to_owned(),
                category: "utility".to_owned(),
                text: "Hi {{1}}, order {{2}} is ready, {{1}}.".to_owned(),
                parameters: 2,
            }
        );
        assert_eq!(
            (templates[1].state.as_str(), templates[1].parameters),
            ("rejected", 0)
        );
    }

    #[test]
    fn places_are_counted_once() {
        for (text, count) in [
            ("", 0),
            ("{{1}} {{2}}{{3}}", 3),
            ("{{name}} {{ name }}", 1),
            ("{{1", 0),
        ] {
            assert_eq!(places(text), count, "{text}");
        }
    }
}
