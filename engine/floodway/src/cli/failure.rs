//! Why a command failed, which decides its exit status.

use crate::config::ConfigErrors;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Wrong usage or configuration.
    #[error("{0}")]
    Usage(String),
    /// It went wrong while running.
    #[error("{0}")]
    Running(String),
}

impl Failure {
    /// It went wrong while running, for this reason.
    pub(super) fn running(why: impl ToString) -> Self {
        Self::Running(why.to_string())
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Usage(errors.to_string())
    }
}
