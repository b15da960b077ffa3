//! Pages and sites, from a server of our own.

use super::*;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

async fn serve(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn html(body: &str) -> ResponseTemplate {
    let page = format!("<!doctype html><title>Page</title><main>{body}</main>");
    ResponseTemplate::new(200).set_body_raw(page, "text/html; charset=utf-8")
}

fn site(server: &MockServer, whole_site: bool) -> Content {
    Content::Site(Site {
        start: format!("{}/", server.uri()),
        whole_site,
        include: Vec::new(),
        exclude: vec!["/old/*".to_owned()],
        most_pages: 20,
        most_depth: 5,
    })
}

async fn asked(server: &MockServer) -> Vec<String> {
    let mut paths: Vec<String> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request: &Request| request.url.path().to_owned())
        .collect();
    paths.sort();
    paths
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_site_is_read_along_its_links_and_its_sitemap_as_its_robots_allow(pool: PgPool) {
    let server = MockServer::start().await;
    let robots = format!(
        "User-agent: *\nDisallow: /secret\nSitemap: {}/map.xml",
        server.uri()
    );
    serve(
        &server,
        "/robots.txt",
        ResponseTemplate::new(200).set_body_string(robots),
    )
    .await;
    let map = format!("<urlset><url><loc>{}/mapped</loc></url></urlset>", server.uri());
    serve(
        &server,
        "/map.xml",
        ResponseTemplate::new(200).set_body_string(map),
    )
    .await;
    let links = r#"Start. <a href="/a#x">a</a> <a href="a?utm_source=m">again</a> <a href="/secret">s</a>
        <a href="/old/b">old</a> <a href="https://elsewhere.example/">e</a> <a href="/moved">m</a> <a href="/gone">g</a>"#;
    serve(&server, "/", html(links)).await;
    serve(&server, "/a", html("Page a.")).await;
    serve(&server, "/mapped", html("Page of the sitemap.")).await;
    serve(
        &server,
        "/moved",
        ResponseTemplate::new(301).insert_header("location", "/target"),
    )
    .await;
    serve(&server, "/target", html("Where it moved to.")).await;
    serve(&server, "/secret", html("Secret.")).await;
    serve(&server, "/old/b", html("Old.")).await;

    let mut world = World::new(&pool).await;
    let _running = world.run(settings());
    let id = world.add_content(site(&server, true)).await;
    world.tell(id).await;

    let source = world.settled(id).await;
    assert_eq!(
        (source.state, source.pages_due),
        (SourceState::Ready, 0),
        "{source:?}"
    );
    let texts = world.texts().await;
    assert_eq!(texts.len(), 4, "{texts:?}");
    for expected in ["Page a.", "Page of the sitemap.", "Where it moved to."] {
        assert!(texts.iter().any(|text| text == expected), "{texts:?}");
    }
    assert_eq!(
        asked(&server).await,
        [
            "/",
            "/a",
            "/gone",
            "/map.xml",
            "/mapped",
            "/moved",
            "/robots.txt",
            "/target"
        ]
    );
    let mut tx = world.db.tenant(world.workspace).await.unwrap();
    let left_out = store::pages::list(&mut tx, id, Some("left_out"), None, 10)
        .await
        .unwrap();
    let reasons: Vec<_> = left_out
        .iter()
        .map(|page| page.reason.as_deref().unwrap_or_default())
        .collect();
    assert_eq!(reasons.len(), 3);
    for part in ["robots.txt", "has moved to", "404"] {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{reasons:?}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn read_again_a_page_that_has_not_changed_is_not_fetched_and_one_that_has_is_indexed_alone(
    pool: PgPool,
) {
    let server = MockServer::start().await;
    serve(&server, "/robots.txt", ResponseTemplate::new(404)).await;
    serve(&server, "/sitemap.xml", ResponseTemplate::new(404)).await;
    let start = html(r#"Start. <a href="/b">b</a>"#).insert_header("etag", "\"one\"");
    Mock::given(method("GET"))
        .and(path("/"))
        .respond_with(move |request: &Request| {
            if request
                .headers
                .get("if-none-match")
                .is_some_and(|tag| tag == "\"one\"")
            {
                ResponseTemplate::new(304)
            } else {
                start.clone()
            }
        })
        .mount(&server)
        .await;
    let times = std::sync::atomic::AtomicUsize::new(0);
    Mock::given(method("GET"))
        .and(path("/b"))
        .respond_with(move |_: &Request| {
            let time = times.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            html(&format!("Version {time}."))
        })
        .mount(&server)
        .await;
    let mut world = World::new(&pool).await;
    let _running = world.run(settings());
    let id = world.add_content(site(&server, true)).await;
    world.tell(id).await;
    world.settled(id).await;
    let before = chunks::revisions(&world.db, world.workspace, world.chatbot)
        .await
        .unwrap()
        .unwrap();

    let mut tx = world.db.tenant(world.workspace).await.unwrap();
    store::sources::read_again(&mut tx, world.chatbot, id)
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    world.tell(id).await;
    let source = world.settled(id).await;

    assert_eq!(
        (source.state, source.documents),
        (SourceState::Ready, 2),
        "{source:?}"
    );
    assert_eq!(world.texts().await, ["Start. b", "Version 1."]);
    let after = chunks::revisions(&world.db, world.workspace, world.chatbot)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(after.knowledge_version, before.knowledge_version + 1);
    assert_eq!(
        after
            .chunks
            .iter()
            .filter(|chunk| before.chunks.contains(chunk))
            .count(),
        1
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_single_page_is_read_wherever_it_went_and_what_fails_for_a_while_is_fetched_again(pool: PgPool) {
    let server = MockServer::start().await;
    serve(
        &server,
        "/",
        ResponseTemplate::new(302).insert_header("location", "/real"),
    )
    .await;
    Mock::given(path("/real"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    serve(&server, "/real", html(r#"Real. <a href="/other">o</a>"#)).await;
    let mut world = World::new(&pool).await;
    let _running = world.run(Settings {
        poll_seconds: 1,
        ..settings()
    });
    let id = world.add_content(site(&server, false)).await;
    world.tell(id).await;

    assert_eq!(world.settled(id).await.state, SourceState::Ready);
    assert_eq!(world.texts().await, ["Real. o"]);
    assert_eq!(asked(&server).await, ["/", "/", "/real", "/real"]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s7_a_site_inside_our_networks_is_not_asked(pool: PgPool) {
    let server = MockServer::start().await;
    serve(&server, "/", html("Inside.")).await;
    let outside = MockServer::start().await;
    serve(
        &outside,
        "/",
        ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/latest"),
    )
    .await;
    let mut world = World::new(&pool).await;
    let _running = world.run(Settings {
        allowed_private_cidrs: vec![format!("{}/32", outside.address().ip()).parse().unwrap()],
        ..settings()
    });
    let inside = Content::Site(Site {
        start: format!("http://127.0.0.2:{}/", server.address().port()),
        whole_site: false,
        include: Vec::new(),
        exclude: Vec::new(),
        most_pages: 1,
        most_depth: 0,
    });

    for content in [inside, site(&outside, false)] {
        let id = world.add_content(content).await;
        world.tell(id).await;
        let source = world.settled(id).await;
        assert_eq!(source.state, SourceState::Failed);
        assert!(
            source.error.as_deref().unwrap().contains("allowed_private_cidrs"),
            "{source:?}"
        );
    }
    assert!(asked(&server).await.is_empty());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn killed_at_any_point_of_a_site_every_page_is_there_exactly_once(pool: PgPool) {
    let server = MockServer::start().await;
    serve(&server, "/robots.txt", ResponseTemplate::new(404)).await;
    serve(&server, "/sitemap.xml", ResponseTemplate::new(404)).await;
    let links: String = (0..6).map(|n| format!("<a href='/p{n}'>{n}</a> ")).collect();
    serve(&server, "/", html(&format!("Start. {links}"))).await;
    for n in 0..6 {
        serve(&server, &format!("/p{n}"), html(&format!("Page {n}."))).await;
    }
    let mut world = World::new(&pool).await;
    let database = pool.connect_options().to_url_lossy().to_string();
    let id = world.add_content(site(&server, true)).await;
    for crash_point in [
        "site.before_begin",
        "site.after_page_claim",
        "site.before_page_commit",
        "site.after_page_commit",
    ] {
        let database = database.clone();
        tokio::task::spawn_blocking(move || die_at(crash_point, &database))
            .await
            .unwrap();
    }

    let _running = world.run(Settings {
        poll_seconds: 1,
        attempts: 10,
        ..settings()
    });
    loop {
        if world.source(id).await.state == SourceState::Ready {
            break;
        }
        world.news().await;
    }

    let texts = world.texts().await;
    assert_eq!(texts.len(), 7, "{texts:?}");
    assert_eq!(
        texts[..6],
        (0..6).map(|n| format!("Page {n}.")).collect::<Vec<_>>()
    );
}
