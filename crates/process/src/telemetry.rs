//! Logs, traces and metrics of one process.
//!
//! Invariants: a log line is one line, whatever somebody wrote into it; every span has a trace id, even
//! when traces are not exported; dropping the [`Guard`] sends what is still to be sent.

mod escape;
mod metrics;

pub use self::metrics::{is_allowed as metrics_allowed, render};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use secrecy::SecretString;
use serde::Deserialize;
use std::{io::IsTerminal, time::Duration};
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt,
};

/// How long a stopping process waits for its last traces to be taken.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// The queue's client logs a message that the broker returns with its content, which is somebody's words.
const NEVER: &str = concat!("lapin", "::returned_messages=off");

/// What a process tells about itself, and where.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How a log line looks.
    pub format: Format,
    /// What is logged, as `info` or `info,sqlx=warn,gateway=debug`.
    pub filter: String,
    /// Where traces go over OTLP (HTTP, protobuf), as `http://127.0.0.1:4318`. Empty: nowhere.
    #[serde(default)]
    pub otlp_endpoint: String,
    /// The share of traces that is exported, 0 to 1. A trace that another process began is exported if it says so.
    pub sample_ratio: f64,
    /// What a reader of `/metrics` has to show as `Authorization: Bearer …`. Empty: anyone who reaches the port may read.
    #[serde(default)]
    pub metrics_token: SecretString,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The setting `telemetry.filter` cannot be read.
    #[error("telemetry.filter {given:?} is not a filter such as \"info,sqlx=warn\"")]
    Filter {
        /// What was given.
        given: String,
        /// Why not.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The setting `telemetry.sample_ratio` is out of range.
    #[error("telemetry.sample_ratio {0} is not between 0 and 1")]
    SampleRatio(f64),
    /// The setting `telemetry.otlp_endpoint` cannot be used.
    #[error("telemetry.otlp_endpoint cannot be used")]
    Otlp(#[source] opentelemetry_otlp::ExporterBuildError),
    /// Something else in this process has taken the place already.
    #[error("telemetry is set up already")]
    Twice,
}

/// Keeps telemetry going; sends what is left when dropped, at the end of `main`.
#[must_use = "telemetry ends when the guard is dropped"]
pub struct Guard {
    traces: SdkTracerProvider,
    _metrics: metrics::Upkeep,
}

/// Starts logs, traces and metrics for the role named `service`. Once a process.
pub fn init(service: &str, settings: &Settings) -> Result<Guard, TelemetryError> {
    let filter = EnvFilter::try_new(format!("{},{NEVER}", settings.filter)).map_err(|source| {
        TelemetryError::Filter {
            given: settings.filter.clone(),
            source,
        }
    })?;
    let traces = tracer_provider(service, settings)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(escape::to(
            std::io::stderr,
            std::io::stderr().is_terminal() && settings.format == Format::Pretty,
        ));
    let lines = match settings.format {
        Format::Pretty => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry()
        .with(span_layer(&traces))
        .with(lines.with_filter(filter))
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    let metrics = metrics::install(settings.metrics_token.clone()).map_err(|_| TelemetryError::Twice)?;
    Ok(Guard {
        traces,
        _metrics: metrics,
    })
}

/// Gives every span of ours an identity that travels. What is logged is not its business: a quiet log filter must not cut
/// a trace.
fn span_layer<S>(traces: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + use<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span> + Send + Sync,
{
    tracing_opentelemetry::layer()
        .with_tracer(traces.tracer("botsmith"))
        // So that `set_parent` still works on a span that has been entered, as a function under `#[instrument]` has.
        .with_context_activation(false)
        .with_threads(false)
        .with_location(false)
        .with_filter(LevelFilter::INFO)
}

fn tracer_provider(service: &str, settings: &Settings) -> Result<SdkTracerProvider, TelemetryError> {
    if !(0.0..=1.0).contains(&settings.sample_ratio) {
        return Err(TelemetryError::SampleRatio(settings.sample_ratio));
    }
    let resource = Resource::builder()
        .with_service_name(format!("botsmith-{service}"))
        .build();
    let provider = SdkTracerProvider::builder().with_resource(resource);
    if settings.otlp_endpoint.is_empty() {
        // Identities, but nothing recorded.
        return Ok(provider.with_sampler(Sampler::AlwaysOff).build());
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(traces_address(&settings.otlp_endpoint))
        .with_timeout(Duration::from_secs(5))
        .build()
        .map_err(TelemetryError::Otlp)?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    Ok(provider
        .with_sampler(sampler)
        .with_batch_exporter(exporter)
        .build())
}

/// The collector's base address is what people know; the path below it is fixed.
fn traces_address(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.ends_with("/v1/traces") {
        endpoint.to_owned()
    } else {
        format!("{endpoint}/v1/traces")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // At the very end there is nobody left to tell.
        let _ = self.traces.shutdown_with_timeout(LAST_EXPORT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{current_traceparent, set_parent, traceparent_of};

    fn settings() -> Settings {
        Settings {
            format: Format::Pretty,
            filter: "info".to_owned(),
            otlp_endpoint: String::new(),
            sample_ratio: 1.0,
            metrics_token: SecretString::default(),
        }
    }

    fn trace_of(traceparent: &str) -> &str {
        traceparent.split('-').nth(1).unwrap()
    }

    #[test]
    fn a_trace_crosses_the_queue_although_nothing_is_exported() {
        let provider = tracer_provider("test", &settings()).unwrap();
        let subscriber = tracing_subscriber::registry().with(span_layer(&provider));
        let _current = tracing::subscriber::set_default(subscriber);

        let sent = tracing::info_span!("sender").in_scope(|| {
            let outer = current_traceparent().unwrap();
            let inner = tracing::info_span!("inner").in_scope(|| current_traceparent().unwrap());
            assert_eq!(trace_of(&outer), trace_of(&inner));
            inner
        });
        let receiver = tracing::info_span!("receiver");
        let received = receiver.in_scope(|| {
            set_parent(&tracing::Span::current(), Some(&sent));
            current_traceparent().unwrap()
        });
        let stranger = traceparent_of(&tracing::info_span!("stranger")).unwrap();

        assert_eq!(trace_of(&sent), trace_of(&received));
        assert_ne!(trace_of(&sent), trace_of(&stranger));
        assert_eq!(current_traceparent(), None, "there is no span here");
    }

    #[test]
    fn what_is_no_traceparent_begins_a_trace_of_its_own() {
        let provider = tracer_provider("test", &settings()).unwrap();
        let subscriber = tracing_subscriber::registry().with(span_layer(&provider));
        let _current = tracing::subscriber::set_default(subscriber);
        let span = tracing::info_span!("receiver");

        set_parent(&span, Some("00-nonsense"));

        assert!(traceparent_of(&span).is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_reach_a_collector_before_the_process_ends() {
        let collector = wiremock::MockServer::start().await;
        wiremock::Mock::given(wiremock::matchers::path("/v1/traces"))
            .and(wiremock::matchers::header(
                "content-type",
                "application/x-protobuf",
            ))
            .respond_with(wiremock::ResponseTemplate::new(200))
            .expect(1..)
            .mount(&collector)
            .await;
        let exported = Settings {
            otlp_endpoint: collector.uri(),
            ..settings()
        };
        let provider = tracer_provider("test", &exported).unwrap();
        let subscriber = tracing_subscriber::registry().with(span_layer(&provider));

        tracing::subscriber::with_default(subscriber, || tracing::info_span!("work").in_scope(|| ()));
        tokio::task::spawn_blocking(move || provider.shutdown())
            .await
            .unwrap()
            .unwrap();

        collector.verify().await;
    }

    #[test]
    fn a_share_of_traces_above_all_of_them_is_refused() {
        let refused = tracer_provider(
            "test",
            &Settings {
                sample_ratio: 1.5,
                ..settings()
            },
        );

        assert!(matches!(refused, Err(TelemetryError::SampleRatio(_))));
    }
}
