//! Why a payload, or one of its samples, is not an event.

/// The first reason in this order that holds. Only a payload that is nested too deep may be no JSON beyond that depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// More bytes than [`Config::payload_bytes`](super::Config::payload_bytes).
    #[error("the payload is too large")]
    TooLarge,
    /// Not JSON (RFC 8259), or not UTF-8.
    #[error("the payload is not JSON")]
    NotJson,
    /// More objects and arrays inside one another than [`Config::depth`](super::Config::depth).
    #[error("the payload is nested too deep")]
    TooDeep,
    /// An array of more than [`Config::samples`](super::Config::samples).
    #[error("the payload has too many samples")]
    TooManySamples,
    /// JSON, but no object, nor an array of samples; or a plain value where the topic names no metric.
    #[error("the payload is not an object")]
    NotAnObject,
    /// What stands at [`Config::metrics_at`](super::Config::metrics_at), or on the way there, is not an object.
    #[error("the metrics are not an object")]
    MetricsNotAnObject,
    /// More metrics than [`Config::metrics`](super::Config::metrics).
    #[error("the payload has too many metrics")]
    TooManyMetrics,
}

impl Rejection {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::TooLarge,
        Self::NotJson,
        Self::TooDeep,
        Self::TooManySamples,
        Self::NotAnObject,
        Self::MetricsNotAnObject,
        Self::TooManyMetrics,
    ];

    /// The reason as a label of metrics and logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::TooManySamples => "too_many_samples",
            Self::NotAnObject => "not_an_object",
            Self::MetricsNotAnObject => "metrics_not_an_object",
            Self::TooManyMetrics => "too_many_metrics",
        }
    }
}
