//! Files over HTTP, read from a real database.

use crate::chat::tests::world::{Bot, World};
use chrono::{TimeDelta, Utc};
use domain::BlobId;
use reqwest::{Method, StatusCode, header::HeaderMap};
use sqlx::PgPool;
use uploads::{Addresses, Reference};

const NAME: &str = "Plan für Ada.pdf";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn keep(world: &World, bot: &Bot, content_type: &str, bytes: &[u8]) -> BlobId {
    let mut tx = world.db.tenant(bot.workspace).await.unwrap();
    let kept = store::outbound_files::keep(&mut tx, bot.chatbot, NAME, content_type, bytes, Utc::now());
    let id = kept.await.unwrap().unwrap();
    tx.commit().await.unwrap();
    id
}

fn addresses(world: &World) -> Addresses {
    Addresses::new(world.masters(), "https://bots.example".parse().unwrap())
}

/// The path of a file's address that ends in this many seconds.
fn path(world: &World, bot: &Bot, id: BlobId, seconds: i64) -> String {
    let until = Utc::now() + TimeDelta::seconds(seconds);
    let address = addresses(world).of(bot.workspace, &Reference::new(id, NAME), until);
    address.strip_prefix("https://bots.example").unwrap().to_owned()
}

async fn ask(world: &World, method: Method, path: &str, range: Option<&str>) -> Answer {
    let mut request = world.request(method, path, "");
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let response = request.send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_address_opens_its_file_and_a_browser_runs_nothing_of_it(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let id = keep(&world, &bot, "application/pdf", b"%PDF-1.7 plan").await;
    let path = path(&world, &bot, id, 60);

    let got = ask(&world, Method::GET, &path, None).await;
    let head = ask(&world, Method::HEAD, &path, None).await;

    assert_eq!(
        (got.status.as_u16(), got.body.as_slice()),
        (200, &b"%PDF-1.7 plan"[..])
    );
    assert_eq!(
        (
            head.status.as_u16(),
            head.header("content-length"),
            head.body.len()
        ),
        (200, "13", 0)
    );
    for answer in [&got, &head] {
        assert_eq!(answer.header("content-type"), "application/pdf");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.header("content-security-policy"),
            "sandbox; default-src 'none'"
        );
        assert_eq!(answer.header("accept-ranges"), "bytes");
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment; filename=\"Plan-f-r-Ada.pdf\"")
                && disposition.contains("UTF-8''Plan%20f%C3%BCr%20Ada.pdf"),
            "{disposition}"
        );
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn whatever_is_wrong_with_an_address_is_the_same_404(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (world.bot("Ours").await, world.bot("Theirs").await);
    let id = keep(&world, &ours, "application/pdf", b"%PDF-1.7 ours").await;
    let other = keep(&world, &ours, "application/pdf", b"%PDF-1.7 other").await;
    let foreign = keep(&world, &theirs, "application/pdf", b"%PDF-1.7 theirs").await;
    let good = path(&world, &ours, id, 60);
    let token = good.split('/').nth(4).unwrap();
    // A blob of the workspace that was never uploaded to be sent.
    let mut tx = world.db.tenant(ours.workspace).await.unwrap();
    let inner = store::blobs::insert_own(&mut tx, "application/pdf", b"%PDF-1.7 inner")
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let (workspace, stranger) = (ours.workspace, theirs.workspace);
    let name = "Plan-f-r-Ada.pdf";
    let mut answers = Vec::new();
    for wrong in [
        path(&world, &ours, id, -1),
        path(&world, &ours, inner, 60),
        // Signed, and of another workspace's file.
        path(&world, &ours, foreign, 60),
        format!("/files/{workspace}/{other}/{token}/{name}"),
        format!("/files/{stranger}/{id}/{token}/{name}"),
        format!("/files/{workspace}/{id}/{token}/other.pdf"),
        format!("/files/{workspace}/{id}/AAAA/{name}"),
        format!("/files/x/{id}/{token}/{name}"),
    ] {
        let answer = ask(&world, Method::GET, &wrong, None).await;
        assert_eq!(answer.status, 404, "{wrong}");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    for listing in [
        "/files".to_owned(),
        format!("/files/{workspace}"),
        format!("/files/{workspace}/{id}/"),
    ] {
        assert_eq!(
            ask(&world, Method::GET, &listing, None).await.status,
            404,
            "{listing}"
        );
    }
    assert_eq!(ask(&world, Method::GET, &good, None).await.status, 200);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_part_of_a_file_is_read_across_its_pieces(pool: PgPool) {
    let world = World::new(pool).await;
    let bot = world.bot("Shop").await;
    let piece = store::blobs::PIECE_BYTES;
    let bytes: Vec<u8> = (0..piece * 2 + 5).map(|n| (n % 251) as u8).collect();
    let id = keep(&world, &bot, "video/mp4", &bytes).await;
    let path = path(&world, &bot, id, 60);
    let length = bytes.len();

    for (range, expected) in [
        (format!("bytes={}-{}", piece - 3, piece + 2), piece - 3..piece + 3),
        (format!("bytes={}-", piece * 2 - 1), piece * 2 - 1..length),
        ("bytes=-4".to_owned(), length - 4..length),
        (format!("bytes=0-{length}"), 0..length),
    ] {
        let got = ask(&world, Method::GET, &path, Some(&range)).await;
        assert_eq!(got.status, 206, "{range}");
        let said = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
        assert_eq!(got.header("content-range"), said);
        assert!(got.body == bytes[expected], "{range}");
    }
    let whole = ask(&world, Method::GET, &path, None).await;
    assert!(whole.body == bytes);
    assert_eq!(
        whole.header("content-disposition").split(';').next(),
        Some("inline")
    );
    for whole in ["bytes=0-1,5-6", "lines=1-2", "nonsense"] {
        let got = ask(&world, Method::GET, &path, Some(whole)).await;
        assert_eq!((got.status.as_u16(), got.body.len()), (200, length), "{whole}");
    }
    let beyond = ask(&world, Method::GET, &path, Some(&format!("bytes={length}-"))).await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.header("content-range")),
        (416, format!("bytes */{length}").as_str())
    );
}
