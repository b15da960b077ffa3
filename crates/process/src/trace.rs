//! Carries a trace across the queue, in the W3C form that HTTP uses: `00-<trace>-<span>-<flags>`.
//!
//! Trace identifiers exist whether or not traces are exported anywhere, so that one message can be followed through the
//! logs of every role.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::collections::HashMap;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

/// What to send along so that the receiver's work belongs to the current span's trace. `None` without telemetry, or
/// outside of any span.
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&tracing::Span::current())
}

/// What to send along so that the receiver's work belongs to this span's trace.
pub fn traceparent_of(span: &tracing::Span) -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Makes the span part of the trace that came with a message or request. Has to be called before the span has children
/// or is asked for its own [`current_traceparent`]; what cannot be read starts a trace of its own.
pub fn set_parent(span: &tracing::Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent else { return };
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    if let Err(error) = span.set_parent(context) {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "the trace is not continued"
        );
    }
}
