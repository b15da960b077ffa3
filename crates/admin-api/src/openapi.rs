//! The description of the API, from the same table that serves it.

use crate::{
    AdminApi,
    problem::{self, ProblemBody},
    route::{Access, Route},
};
use actix_web::{
    HttpResponse,
    http::{Method, header},
    web::Data,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
        Response, ResponseBuilder,
        path::{ParameterBuilder, ParameterIn, Paths},
        schema::{ObjectBuilder, Schema, Type},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
        server::ServerBuilder,
        tag::TagBuilder,
    },
};

const ABOUT: &str = "Build chatbots from your own knowledge and connect them to chat platforms.\n\n\
Sign in for a session cookie, or send `Authorization: Bearer <API key>`. A request with a session cookie that changes \
something must come from the installation's own address or carry the header `x-requested-with`.\n\n\
Lists come in pages: give `next` of one page as `after` for the following one. Errors are problem+json (RFC 9457) and \
name the request's id. Every POST takes an `Idempotency-Key`: a repeat within 24 hours hears the first answer.\n\n\
Speaking to a chatbot is described in `/api/chat/openapi.json`.";

/// The document, as JSON.
pub(crate) fn json(routes: &[Route]) -> Result<String, serde_json::Error> {
    document(routes).to_json()
}

pub(crate) fn document(routes: &[Route]) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    let mut subjects: Vec<&str> = Vec::new();
    for route in routes {
        (route.schemas)(&mut schemas);
        if !subjects.contains(&route.subject) {
            subjects.push(route.subject);
        }
        paths.add_path_operation(&route.path, vec![route.openapi_method.clone()], describe(route));
    }
    schemas.push((ProblemBody::name().into_owned(), ProblemBody::schema()));

    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::sessions::COOKIE))),
        )
        .security_scheme("api_key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("BotSmith")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .tags(Some(
            subjects
                .into_iter()
                .map(|subject| TagBuilder::new().name(subject).build()),
        ))
        .paths(paths)
        .components(Some(components))
        .build()
}

fn describe(route: &Route) -> utoipa::openapi::path::Operation {
    let mut operation = route.operation.clone();
    operation.operation_id = Some(format!("{}_{}", route.subject, route.name));
    operation.tags = Some(vec![route.subject.to_owned()]);
    let (security, who) = match route.access {
        Access::Public => (Vec::new(), "Open to everybody.".to_owned()),
        Access::SignedIn => (vec!["session"], "Needs somebody who is signed in.".to_owned()),
        Access::Known => (
            vec!["session", "api_key"],
            "Needs somebody who is signed in, or an API key.".to_owned(),
        ),
        Access::Administrator => (
            vec!["session"],
            "Needs an administrator of the installation.".to_owned(),
        ),
        Access::Member(role) => (
            vec!["session", "api_key"],
            format!("Needs the role `{role}` in the workspace."),
        ),
    };
    let none: [String; 0] = [];
    operation.security = Some(
        security
            .into_iter()
            .map(|scheme| SecurityRequirement::new(scheme, none.clone()))
            .collect(),
    );
    operation.description = Some(match operation.description.filter(|text| !text.is_empty()) {
        Some(text) => format!("{text}\n\n{who}"),
        None => who,
    });
    if route.method == Method::POST && route.access != Access::Public {
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("Makes it safe to send the request again."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
            .build();
        operation.parameters.get_or_insert_default().push(RefOr::T(key));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = match status.as_str() {
                "201" => "Made.",
                "202" => "Stored, and on its way.",
                "204" => "Done.",
                _ => "As asked for.",
            }
            .to_owned();
        }
    }
    operation
        .responses
        .responses
        .insert("default".to_owned(), RefOr::T(problem_response()));
    operation
}

fn problem_response() -> Response {
    let reference = Ref::from_schema_name(ProblemBody::name());
    ResponseBuilder::new()
        .description("What went wrong, and what to do about it.")
        .content(
            problem::MEDIA_TYPE,
            ContentBuilder::new().schema(Some(reference)).build(),
        )
        .build()
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn openapi_json(api: Data<AdminApi>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(api.openapi().to_owned())
}
