//! `GET /api/chat/openapi.json`: the chat API, described for programs.

use actix_web::HttpResponse;

const DOCUMENT: &str = include_str!("openapi.json");

/// The document.
pub async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("access-control-allow-origin", "*"))
        .body(DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The mounted addresses stand in `mod.rs` only.
    #[test]
    fn every_address_is_described_and_nothing_else_is() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();

        let described: BTreeSet<&str> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let source = include_str!("mod.rs");
        let mounted: BTreeSet<&str> = source
            .split('"')
            .filter(|text| text.starts_with("/api/chat/") || text.starts_with("/v1/"))
            .collect();
        assert_eq!(described, mounted);
    }
}
