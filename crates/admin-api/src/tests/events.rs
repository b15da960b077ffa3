//! What happens in a workspace is told to its members while their pages are open, and to nobody else.

use super::{As, Shop, World, conversations::talk};
use domain::{ConversationId, Role, WorkspaceId};
use queue::workspace_news::{self, WorkspaceNews};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A stream of events that is being read.
struct Follower {
    response: reqwest::Response,
    read: String,
}

impl Follower {
    async fn of(world: &World, workspace: WorkspaceId, who: &As) -> Self {
        let path = format!("/api/workspaces/{workspace}/events");
        let response = world.request(Method::GET, &path, who).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut follower = Self {
            response,
            read: String::new(),
        };
        assert_eq!(follower.any().await.unwrap().0, "sync");
        follower
    }

    /// The next piece of news with its data; `None`: the stream has ended.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            // That something may have been missed can be told at any time.
            match self.any().await {
                Some((event, _)) if event == "sync" => {}
                other => return other,
            }
        }
    }

    async fn any(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                if let (Some(kind), Some(data)) = (field("event: "), field("data: ")) {
                    return Some((kind, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let piece = tokio::time::timeout(LONG, self.response.chunk())
                .await
                .expect("nothing was told for a long time")
                .unwrap()?;
            self.read.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// Everything up to the news of this conversation, that included.
    async fn until(&mut self, last: ConversationId) -> Vec<(String, Value)> {
        let mut heard = Vec::new();
        loop {
            let event = self.next().await.expect("the stream has ended");
            let is_last = event.1["conversations"] == json!([last]);
            heard.push(event);
            if is_last {
                return heard;
            }
        }
    }
}

fn tell_last(world: &World, workspace: WorkspaceId) -> ConversationId {
    let conversation = ConversationId::new();
    let conversations = vec![conversation];
    workspace_news::tell(
        world.api.queue(),
        workspace,
        &WorkspaceNews::Conversations { conversations },
    );
    conversation
}

/// Everything that an agent can do to a conversation.
async fn work(world: &World, shop: &Shop, conversation: &str) {
    let base = format!("/api/conversations/{conversation}");
    for (path, body) in [
        ("take-over", json!({})),
        ("notes", json!({"text": "canary"})),
        ("replies", json!({"text": "canary"})),
        ("resolve", json!({})),
        ("reopen", json!({})),
        ("hand-back", json!({})),
    ] {
        let answer = world.post(&format!("{base}/{path}"), &shop.owner, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn no_event_shows_a_workspace_anything_of_another_while_both_are_busy(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (world.shop().await, world.shop().await);
    let (our_talk, their_talk) = (talk(&world, &ours).await, talk(&world, &theirs).await);
    let mut we = Follower::of(&world, ours.workspace, &ours.owner).await;
    let mut they = Follower::of(&world, theirs.workspace, &theirs.owner).await;

    let (our_id, their_id) = (
        our_talk.conversation.to_string(),
        their_talk.conversation.to_string(),
    );
    for _ in 0..3 {
        tokio::join!(work(&world, &ours, &our_id), work(&world, &theirs, &their_id),);
    }
    for (shop, source) in [(&ours, ours.chatbot), (&theirs, theirs.chatbot)] {
        let news = WorkspaceNews::Sources {
            chatbot: source.into(),
        };
        workspace_news::tell(world.api.queue(), shop.workspace, &news);
    }
    let we_heard = we.until(tell_last(&world, ours.workspace)).await;
    let they_heard = they.until(tell_last(&world, theirs.workspace)).await;

    for (heard, own, foreign) in [
        (&we_heard, (&our_talk, &ours), (&their_talk, &theirs)),
        (&they_heard, (&their_talk, &theirs), (&our_talk, &ours)),
    ] {
        let told = json!(heard).to_string();
        let own_ids = [own.0.conversation.to_string(), own.1.chatbot.to_string()];
        let foreign_ids = [
            foreign.0.conversation.to_string(),
            foreign.1.chatbot.to_string(),
            foreign.1.workspace.to_string(),
        ];
        assert!(own_ids.iter().all(|id| told.contains(id)), "{told}");
        assert!(!foreign_ids.iter().any(|id| told.contains(id)), "{told}");
        assert!(!told.contains("canary"), "what was written is not told: {told}");
        let of_own = |kind: &str| {
            heard
                .iter()
                .filter(|(event, data)| event == kind && data["conversations"] == json!([own.0.conversation]))
                .count()
        };
        assert_eq!((of_own("messages"), of_own("conversations")), (3, 15), "{told}");
        assert_eq!(heard.len(), 3 + 15 + 1 + 1, "nothing else is told: {told}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_stream_ends_with_the_session_and_with_the_membership(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (signs_out, _) = world.person(shop.workspace, Role::Viewer).await;
    let (is_removed, user) = world.person(shop.workspace, Role::Agent).await;
    let (stays, _) = world.person(shop.workspace, Role::Viewer).await;
    let mut first = Follower::of(&world, shop.workspace, &signs_out).await;
    let mut second = Follower::of(&world, shop.workspace, &is_removed).await;
    let mut third = Follower::of(&world, shop.workspace, &stays).await;

    world.delete("/api/session", &signs_out).await.ok(204);
    world
        .delete(
            &format!("/api/workspaces/{}/members/{user}", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(204);

    assert_eq!(first.next().await, None);
    assert_eq!(second.next().await, None);
    let last = tell_last(&world, shop.workspace);
    assert_eq!(third.until(last).await.len(), 1);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn only_members_follow_a_workspace_and_no_one_with_too_many_pages(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (world.shop().await, world.shop().await);
    let (key, _) = world.key(ours.workspace, Role::Viewer).await;
    let path = format!("/api/workspaces/{}/events", ours.workspace);

    world.get(&path, &theirs.owner).await.problem(404);
    world.get(&path, &As::Nobody).await.problem(401);
    let mut open = Vec::new();
    for _ in 0..30 {
        open.push(Follower::of(&world, ours.workspace, &key).await);
    }

    world.get(&path, &key).await.problem(429);
}
