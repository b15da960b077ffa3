//! Cutting a connection in the middle of a request, as networks do.

use actix_web::{HttpRequest, dev::Extensions};
use std::{any::Any, net::Shutdown, os::fd::AsFd};

/// A second handle on the socket of a connection.
struct Socket(std::net::TcpStream);

/// Keeps a handle on each new connection's socket. For `HttpServer::on_connect`.
pub(crate) fn remember(connection: &dyn Any, data: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>()
        && let Ok(descriptor) = stream.as_fd().try_clone_to_owned()
    {
        data.insert(Socket(descriptor.into()));
    }
}

/// Ends the connection that a request came in on, at once and both ways: whatever is answered never leaves.
pub(crate) fn cut(request: &HttpRequest) {
    match request.conn_data::<Socket>() {
        // An error means that the other side has gone already.
        Some(socket) => drop(socket.0.shutdown(Shutdown::Both)),
        None => tracing::error!("no handle on the connection; it cannot be cut"),
    }
}

/// The same for a response that is under way.
pub(crate) fn scissors(request: &HttpRequest) -> impl FnOnce() + 'static {
    let socket = request
        .conn_data::<Socket>()
        .and_then(|socket| socket.0.try_clone().ok());
    move || {
        if let Some(socket) = socket {
            drop(socket.shutdown(Shutdown::Both));
        }
    }
}
