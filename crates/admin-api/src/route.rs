//! A route: its address and method, who may use it, its description and its handler, declared once.

use crate::{
    AdminApi,
    area::{Area, Rule},
    guard, page,
    problem::Problem,
};
use actix_web::{
    FromRequest, Handler, Responder,
    http::Method,
    middleware::from_fn,
    web::{self, Data, PathConfig, QueryConfig, ServiceConfig},
};
use domain::Role;
use std::{collections::BTreeMap, rc::Rc};
use utoipa::{
    __dev::SchemaReferences,
    openapi::{
        RefOr,
        path::{HttpMethod, Operation},
        schema::Schema,
    },
};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody. These handlers prove for themselves what they need: a password, a one-time token.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in, or has a key.
    Known,
    /// An administrator of the installation.
    Administrator,
    /// Who has this role or a higher one in the workspace of the path's `workspace_id`, `chatbot_id` or
    /// `conversation_id`.
    Member(Role),
}

/// Adds the schemas of a route's types to a list.
type Schemas = fn(&mut Vec<(String, RefOr<Schema>)>);

/// One route.
pub(crate) struct Route {
    pub method: Method,
    pub openapi_method: HttpMethod,
    pub path: String,
    pub access: Access,
    /// Closed to administrators who act as somebody else: see [`Route::in_person`].
    pub in_person: bool,
    /// The file that it is in, and its name there.
    pub subject: &'static str,
    pub name: &'static str,
    pub operation: Operation,
    pub schemas: Schemas,
    serve: Box<dyn Fn() -> actix_web::Route>,
}

impl Route {
    /// The route that `D` describes (`__path_` and the handler's name, made by `utoipa::path`), with its handler.
    pub(crate) fn of<D, F, Args>(access: Access, handler: F) -> Self
    where
        D: utoipa::Path + SchemaReferences,
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let openapi_method = D::methods().into_iter().next().unwrap_or(HttpMethod::Get);
        let method = match openapi_method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
            HttpMethod::Put => Method::PUT,
            HttpMethod::Delete => Method::DELETE,
            HttpMethod::Options => Method::OPTIONS,
            HttpMethod::Head => Method::HEAD,
            HttpMethod::Patch => Method::PATCH,
            HttpMethod::Trace => Method::TRACE,
        };
        // admin_api::integrations::__path_list
        let mut names = std::any::type_name::<D>().rsplit("::");
        let name = names.next().unwrap_or_default().trim_start_matches("__path_");
        let subject = names.next().unwrap_or_default();
        let served = method.clone();
        Self {
            method,
            openapi_method,
            path: D::path(),
            access,
            in_person: false,
            subject,
            name,
            operation: D::operation(),
            schemas: D::schemas,
            serve: Box::new(move || web::method(served.clone()).to(handler.clone())),
        }
    }

    /// What it asks of whoever calls it.
    pub(crate) fn rule(&self) -> Rule {
        Rule {
            access: self.access,
            area: Area::of(self.subject),
            in_person: self.in_person,
        }
    }

    /// Only the person themself: an administrator who acts as them neither learns nor changes what lets somebody in, and
    /// sees no secret.
    pub(crate) fn in_person(mut self) -> Self {
        self.in_person = true;
        self
    }
}

/// Mounts the table: one resource an address, each behind the guard. The first address that fits is taken, so fixed ones
/// stand before those with parameters.
pub(crate) fn mount(api: &AdminApi, config: &mut ServiceConfig) {
    config.app_data(Data::new(api.clone()));
    let table = crate::routes::table();
    let mut addresses: Vec<&str> = Vec::new();
    for route in &table {
        if !addresses.contains(&route.path.as_str()) {
            addresses.push(&route.path);
        }
    }
    for address in addresses {
        let here: Vec<&Route> = table.iter().filter(|route| route.path == address).collect();
        let rules: BTreeMap<String, Rule> = here
            .iter()
            .map(|route| (route.method.to_string(), route.rule()))
            .collect();
        let mut resource = web::resource(address)
            .app_data(PathConfig::default().error_handler(|_, _| Problem::not_found().into()))
            .app_data(QueryConfig::default().error_handler(|error, _| page::unreadable_query(&error).into()));
        for route in here {
            resource = resource.route((route.serve)());
        }
        let (api, rules) = (api.clone(), Rc::new(rules));
        config.service(resource.wrap(from_fn(move |request, next| {
            guard::guard(api.clone(), rules.clone(), request, next)
        })));
    }
}
