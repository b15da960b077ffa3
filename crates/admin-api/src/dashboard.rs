//! The dashboard, at every address that nobody else serves.
//!
//! Invariants:
//! - It stands outside the table of routes and knows nobody: whatever it shows, it asks the API for.
//! - Only a browser that wants to show a page gets it; anything else that is not there is a problem, as before.

use crate::{AdminApi, guard};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    web::Data,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Programs ask here; a page would only confuse them.
const OF_PROGRAMS: [&str; 2] = ["/api", "/v1"];
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The answer to every address that is not in the table.
pub async fn otherwise(api: Data<AdminApi>, request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return guard::not_found(request).await;
    }
    // Browsers ask for it whatever a page says.
    let path = match request.path() {
        "/favicon.ico" => "/icon.svg",
        path => path,
    };
    let mut response = if let Some(file) = ::dashboard::file(path) {
        loaded(file, request.headers())
    } else if is_of_programs(request.path()) || !wants_page(request.headers()) {
        return guard::not_found(request).await;
    } else {
        page()
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if api.settings().public_url.scheme() == "https" {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    response
}

fn is_of_programs(path: &str) -> bool {
    OF_PROGRAMS.iter().any(|of_programs| {
        path.strip_prefix(of_programs)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn wants_page(headers: &HeaderMap) -> bool {
    says(headers, header::ACCEPT, "text/html")
}

/// Whether one of a header's values is this, whatever its weight.
fn says(headers: &HeaderMap, name: header::HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|value| value.trim() == wanted)
        })
}

/// Styles that its scripts make need the nonce, which is another one every time.
fn page() -> HttpResponse {
    let nonce = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; img-src 'self' data:; \
         font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(::dashboard::page(&nonce))
}

fn loaded(file: &'static ::dashboard::File, asked: &HeaderMap) -> HttpResponse {
    let keep = if file.is_named_by_content() {
        FOR_EVER
    } else {
        "no-cache"
    };
    let known = says(asked, header::IF_NONE_MATCH, file.tag);
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::CACHE_CONTROL, keep))
        .insert_header((header::ETAG, file.tag))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ));
    if known {
        return response.finish();
    }
    response.content_type(file.content_type());
    match file.packed {
        Some(packed) if says(asked, header::ACCEPT_ENCODING, "gzip") => response
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .body(packed),
        _ => response.body(file.content),
    }
}
