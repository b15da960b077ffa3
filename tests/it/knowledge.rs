//! Knowledge through the whole product: files and a site become answers with their sources on several channels, a page that
//! changes is read anew alone, and an indexer that is killed over and over leaves every passage there once.

use crate::shared::PATIENCE;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use simulator::twilio::{Inbound, Retries};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use whole_product::{
    alone,
    api::Bot,
    load::contact,
    product::{Mode, Options, Product, phone_number},
    wait,
};

const PDF: &[u8] = include_bytes!("../../crates/extract/tests/files/manual.pdf");
const DOCX: &[u8] = include_bytes!("../../crates/extract/tests/files/handbook.docx");
const HTML: &str = "<!doctype html><html><head><title>Guarantee</title></head><body><nav>Home</nav>
<h1>Guarantee</h1><p>Every kettle is guaranteed for seven years. A broken lid is replaced free of charge.</p></body></html>";

/// A site on this machine whose pages can be changed.
#[derive(Clone, Default)]
struct Site(Arc<Mutex<SiteState>>);

#[derive(Default)]
struct SiteState {
    pages: BTreeMap<String, String>,
    /// Whole pages that were served.
    served: Vec<String>,
}

impl Site {
    fn state(&self) -> std::sync::MutexGuard<'_, SiteState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, path: &str, title: &str, body: &str) {
        let page = format!("<!doctype html><title>{title}</title><body>{body}</body>");
        self.state().pages.insert(path.to_owned(), page);
    }

    /// The whole pages that were served since this was last asked.
    fn served(&self) -> Vec<String> {
        std::mem::take(&mut self.state().served)
    }

    /// Serves it; where.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let site = web::Data::new(self.clone());
        let server =
            HttpServer::new(move || App::new().app_data(site.clone()).default_service(web::to(serve)))
                .workers(1)
                .disable_signals()
                .listen(listener)
                .unwrap()
                .run();
        tokio::spawn(server);
        url
    }
}

async fn serve(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let path = request.path();
    let mut state = site.state();
    if path == "/sitemap.xml" {
        let host = request.connection_info().host().to_owned();
        let urls: String = state
            .pages
            .keys()
            .map(|page| format!("<url><loc>http://{host}{page}</loc></url>"))
            .collect();
        return HttpResponse::Ok()
            .content_type("application/xml")
            .body(format!("<urlset>{urls}</urlset>"));
    }
    let Some(page) = state.pages.get(path).cloned() else {
        return HttpResponse::NotFound().finish();
    };
    let tag = format!(
        "\"{}\"",
        page.len() * 31 + page.bytes().map(usize::from).sum::<usize>()
    );
    let known = request.headers().get("if-none-match");
    if known.and_then(|known| known.to_str().ok()) == Some(&tag) {
        return HttpResponse::NotModified().finish();
    }
    state.served.push(path.to_owned());
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("etag", tag))
        .body(page)
}

async fn product(environment: &[(&str, &str)]) -> Product {
    let settings = [
        ("BOTSMITH__INDEXER__ALLOWED_PRIVATE_CIDRS", "127.0.0.0/8"),
        ("BOTSMITH__INDEXER__PAGE_PAUSE_MILLISECONDS", "0"),
    ];
    Product::start_without_bots(Options {
        mode: Mode::Split {
            gateways: 1,
            workers: 1,
        },
        model: None,
        meaning: true,
        environment: settings
            .iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Options::default()
    })
    .await
    .unwrap()
}

/// Waits until every passage of the chatbot has a vector.
async fn understood(product: &Product, bot: &Bot, patience: Duration) {
    let path = format!("/api/chatbots/{}/knowledge", bot.chatbot_id);
    let done = wait::until("every passage to have a vector", patience, async || {
        let state = product.api().get(&path).await?;
        let complete = state["complete"] == true && state["passages"] != 0;
        Ok(complete.then_some(()))
    });
    done.await.unwrap();
}

/// Asks over the REST API; the reply.
async fn ask(product: &Product, bot: &Bot, key: &str, question: &str) -> Value {
    let url = format!("{}/api/chat/{}/messages", product.gateways()[0], bot.chatbot_id);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(url).bearer_auth(key).json(&json!({"text": question}));
    let answer = request.timeout(PATIENCE).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["reply"].clone()
}

/// Asks by text message; the reply's text.
async fn ask_by_sms(product: &Product, bot: &Bot, number: &str, question: &str) -> String {
    let before = product.twilio().newest();
    let message = Inbound::sms(simulator::demo::ACCOUNT_SID, number, &bot.number, question);
    let delivered = product
        .sender()
        .unwrap()
        .deliver(&bot.chatbot_id, &message, Retries::TWILIO)
        .await;
    assert!(delivered.accepted(), "{delivered:?}");
    let reply = product.twilio().next_to(number, before, PATIENCE).await;
    reply.unwrap().body
}

/// Each document of a source with the ids of its passages.
async fn passages(product: &Product, bot: &Bot, source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let base = format!("/api/chatbots/{}/sources/{source}/documents", bot.chatbot_id);
    let mut found = BTreeMap::new();
    for document in product.api().all(&base).await.unwrap() {
        let path = format!("{base}/{}/passages", document["id"].as_str().unwrap());
        let list = product.api().get(&path).await.unwrap();
        let ids = list["items"].as_array().unwrap().iter();
        let ids = ids.map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        found.insert(document["title"].as_str().unwrap().to_owned(), ids);
    }
    found
}

#[test]
fn files_and_a_site_answer_with_their_sources_on_two_channels_and_a_changed_page_is_read_anew_alone() {
    alone(async {
        let site = Site::default();
        site.put(
            "/",
            "Shop",
            "<p>Welcome. <a href='/delivery'>Delivery</a> <a href='/repairs'>Repairs</a></p>",
        );
        site.put(
            "/delivery",
            "Delivery",
            "<p>A parcel to Norway takes nine days and costs 14 euros.</p>",
        );
        site.put(
            "/repairs",
            "Repairs",
            "<p>Repairs are done in the workshop in Bristol within a week.</p>",
        );
        let url = site.start();
        let product = product(&[]).await;
        let api = product.api();
        let bot = api.new_bot("Kettles", &phone_number(0)).await.unwrap();
        let rest = json!({"platform": "rest", "credentials": {}});
        api.post(&format!("/api/integrations/{}", bot.chatbot_id), &rest)
            .await
            .unwrap();
        let keys = format!("/api/workspaces/{}/api-keys", bot.workspace_id);
        let key = api
            .post(&keys, &json!({"name": "program", "role": "agent"}))
            .await
            .unwrap();
        let key = key["key"].as_str().unwrap();
        for (name, bytes) in [
            ("manual.pdf", PDF),
            ("handbook.docx", DOCX),
            ("guarantee.html", HTML.as_bytes()),
        ] {
            let path = format!("/api/chatbots/{}/source-files?name={name}", bot.chatbot_id);
            api.upload(&path, bytes.to_vec()).await.unwrap();
        }
        let sources = format!("/api/chatbots/{}/sources", bot.chatbot_id);
        let added = api
            .post(&sources, &json!({"url": url, "site": {}}))
            .await
            .unwrap();
        let site_source = added["id"].as_str().unwrap();
        api.indexed(&bot, PATIENCE).await.unwrap();
        understood(&product, &bot, PATIENCE).await;

        let person = contact(1);
        for (question, says, title, page) in [
            (
                "How often must I descale the kettle?",
                "every month",
                "manual",
                None,
            ),
            ("How is overtime paid?", "a quarter more", "handbook", None),
            (
                "How long is the kettle guaranteed?",
                "seven years",
                "guarantee",
                None,
            ),
            (
                "How many days does a parcel to Norway take?",
                "nine days",
                "Delivery",
                Some("/delivery"),
            ),
            ("Where are repairs done?", "Bristol", "Repairs", Some("/repairs")),
        ] {
            let reply = ask(&product, &bot, key, question).await;
            let sms = ask_by_sms(&product, &bot, &person, question).await;

            let text = reply["text"].as_str().unwrap_or_default();
            assert!(
                text.contains(says) && sms.contains(says),
                "{question}: {text} / {sms}"
            );
            let address = page.map(|page| format!("{url}{page}"));
            let cited = match &address {
                Some(address) => json!([{"title": title, "url": address}]),
                None => json!([{"title": title}]),
            };
            assert_eq!(reply["citations"], cited, "{question}");
            assert!(sms.contains(title), "{sms} names its source");
            if let Some(address) = &address {
                assert!(sms.contains(address.as_str()), "{sms} says where");
            }
        }
        let search = format!("/api/chatbots/{}/search", bot.chatbot_id);
        let tried = api.post(&search, &json!({"question": "vacation"})).await.unwrap();
        assert_eq!(tried["searched_by"], "words_and_meaning", "{tried}");
        assert!(
            tried["passages"][0]["text"]
                .as_str()
                .unwrap()
                .contains("Days of leave"),
            "found without a common word: {tried}"
        );

        let before = passages(&product, &bot, site_source).await;
        site.served();
        site.put(
            "/delivery",
            "Delivery",
            "<p>A parcel to Norway takes four days and costs 14 euros.</p>",
        );
        api.post(&format!("{sources}/{site_source}/refresh"), &json!({}))
            .await
            .unwrap();
        api.indexed(&bot, PATIENCE).await.unwrap();
        understood(&product, &bot, PATIENCE).await;
        let after = passages(&product, &bot, site_source).await;

        assert_eq!(
            site.served(),
            ["/delivery"],
            "the others were asked whether they have changed"
        );
        for title in ["Shop", "Repairs"] {
            assert_eq!(before[title], after[title], "{title} was left as it was");
        }
        assert!(before["Delivery"].is_disjoint(&after["Delivery"]));
        let reply = ask(&product, &bot, key, "How many days does a parcel to Norway take?").await;
        assert!(reply["text"].as_str().unwrap().contains("four days"), "{reply}");
        product.finish().await.unwrap();
    });
}

const DOCUMENTS: usize = 2_000;
const KILLED_EVERY: Duration = Duration::from_secs(3);

#[test]
fn an_indexer_that_is_killed_every_three_seconds_leaves_every_passage_of_2000_documents_there_once() {
    alone(async {
        let site = Site::default();
        site.put("/", "Start", "<p>Where everything begins.</p>");
        for n in 1..DOCUMENTS {
            let body = format!("<p>Drawer {n} holds the part with the number {}.</p>", n * 7919);
            site.put(&format!("/drawer-{n}"), &format!("Drawer {n}"), &body);
        }
        let url = site.start();
        let lease = [
            // What a dead one held is taken before the next one dies, and holds up no others.
            ("BOTSMITH__INDEXER__LEASE_SECONDS", "2"),
            ("BOTSMITH__INDEXER__PAGES_AT_ONCE", "16"),
            // The site is ours, and need not be spared.
            ("BOTSMITH__INDEXER__PAGE_PAUSE_MILLISECONDS", "0"),
            ("BOTSMITH__INDEXER__PARALLEL", "4"),
            ("BOTSMITH__INDEXER__POLL_SECONDS", "1"),
            ("BOTSMITH__INDEXER__ATTEMPTS", "50"),
        ];
        let product = product(&lease).await;
        let api = product.api();
        let bot = api.new_bot("Drawers", &phone_number(0)).await.unwrap();
        let sources = format!("/api/chatbots/{}/sources", bot.chatbot_id);
        let site_rules = json!({"url": url, "site": {"most_pages": DOCUMENTS}});
        let added = api.post(&sources, &site_rules).await.unwrap();
        let source = format!("{sources}/{}", added["id"].as_str().unwrap());

        let indexer = product.role("indexer").unwrap();
        let began = Instant::now();
        let mut killed = 0;
        let state = loop {
            tokio::time::sleep(KILLED_EVERY).await;
            let state = api.get(&source).await.unwrap();
            if state["state"] == "ready" && state["passages_with_meaning"] == state["passages"] {
                break state;
            }
            assert!(
                began.elapsed() < Duration::from_secs(900),
                "it comes to no end: {state}"
            );
            let starts = indexer.starts();
            indexer.kill().unwrap();
            killed += 1;
            if killed % 10 == 0 {
                println!(
                    "killed {killed} times: {} passages, {} of them with a vector",
                    state["passages"], state["passages_with_meaning"]
                );
            }
            indexer.started_again(starts, PATIENCE).await.unwrap();
        };

        println!(
            "{DOCUMENTS} documents in {:.0} s, killed {killed} times",
            began.elapsed().as_secs_f64()
        );
        assert!(killed >= 5, "it was killed {killed} times only");
        for count in ["documents", "passages", "passages_with_meaning", "pages"] {
            assert_eq!(state[count], DOCUMENTS, "{count}: {state}");
        }
        let documents = api.all(&format!("{source}/documents")).await.unwrap();
        let titles: BTreeSet<&str> = documents.iter().map(|d| d["title"].as_str().unwrap()).collect();
        assert_eq!((documents.len(), titles.len()), (DOCUMENTS, DOCUMENTS));
        assert!(documents.iter().all(|document| document["passages"] == 1));
        let search = format!("/api/chatbots/{}/search", bot.chatbot_id);
        let question = json!({"question": format!("Where is part number {}?", 777 * 7919)});
        let found = api.post(&search, &question).await.unwrap();
        assert_eq!(found["passages"][0]["title"], "Drawer 777", "{found}");
        assert_eq!(found["searched_by"], "words_and_meaning");
        product.finish().await.unwrap();
    });
}
