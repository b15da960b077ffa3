//! The few pages that have to be there before any dashboard: the reference of the API, and what one-time links open.
//!
//! Invariant: they load nothing from elsewhere, and no script runs but the ones served here.

use actix_web::{HttpResponse, http::header};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                   base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn asset(content_type: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, CSP))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(content)
}

/// The reference of the API, for reading.
#[utoipa::path(get, path = "/api/docs", responses((status = 200, content_type = "text/html", body = String)))]
pub(crate) async fn docs() -> HttpResponse {
    asset("text/html; charset=utf-8", include_str!("../assets/docs.html"))
}

/// What the reference page runs.
#[utoipa::path(get, path = "/api/docs.js", responses((status = 200, content_type = "text/javascript", body = String)))]
pub(crate) async fn docs_js() -> HttpResponse {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../assets/docs.js"),
    )
}

/// How these pages look.
#[utoipa::path(get, path = "/api/pages.css", responses((status = 200, content_type = "text/css", body = String)))]
pub(crate) async fn pages_css() -> HttpResponse {
    asset("text/css; charset=utf-8", include_str!("../assets/pages.css"))
}

/// What set-up, invitation and password-reset links open.
#[utoipa::path(get, path = "/link", responses((status = 200, content_type = "text/html", body = String)))]
pub(crate) async fn link() -> HttpResponse {
    asset("text/html; charset=utf-8", include_str!("../assets/link.html"))
}

/// What that page runs.
#[utoipa::path(get, path = "/api/link.js", responses((status = 200, content_type = "text/javascript", body = String)))]
pub(crate) async fn link_js() -> HttpResponse {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../assets/link.js"),
    )
}
