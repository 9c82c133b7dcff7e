//! A subscriber that keeps all events, each with its fields and the spans in which it happened.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// An event that the subscriber got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its level.
    pub level: Level,
    /// Its target.
    pub target: String,
    /// The entered spans, the outermost first: `request{id=1}:query{}`.
    pub spans: String,
    /// The message and the other fields: `message=hello n=1`.
    pub fields: String,
}

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());

/// Sets the subscriber of this test program, which keeps every event.
///
/// # Panics
///
/// If there is another subscriber.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Keep);
        tracing::subscriber::set_global_default(subscriber).expect("there is no other one");
    });
}

/// Returns the events so far whose fields contain `text`.
#[must_use]
pub fn heard(text: &str) -> Vec<Heard> {
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    let fitting = heard.iter().filter(|event| event.fields.contains(text));
    fitting.cloned().collect()
}

struct Keep;

/// The fields that a span got when it was made.
struct Fields(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keep {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut text = Text::default();
        attributes.record(&mut text);
        let span = context.span(id).expect("it has just been made");
        span.extensions_mut().insert(Fields(text.0));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let scope = context
            .event_scope(event)
            .map(|scope| scope.from_root().collect());
        let scope: Vec<_> = scope.unwrap_or_default();
        let spans: Vec<String> = scope
            .iter()
            .map(|span| {
                let extensions = span.extensions();
                let fields = extensions.get::<Fields>().map_or("", |f| f.0.as_str());
                format!("{}{{{fields}}}", span.name())
            })
            .collect();
        let heard = Heard {
            level: *event.metadata().level(),
            target: event.metadata().target().to_owned(),
            spans: spans.join(":"),
            fields: text.0,
        };
        let mut all = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(heard);
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        let _ = write!(self.0, "{}={value:?}", field.name());
    }
}
