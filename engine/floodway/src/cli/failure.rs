//! Why a command failed, which decides its exit status.

use crate::config::ConfigErrors;

/// Why a command failed.
pub(super) enum Failure {
    /// Wrong usage or configuration.
    Usage(String),
    /// It went wrong while running.
    Running(String),
}

impl Failure {
    /// It went wrong while running, for this reason.
    pub(super) fn running(why: impl ToString) -> Self {
        Self::Running(why.to_string())
    }

    pub(super) fn into_text(self) -> String {
        match self {
            Self::Usage(why) | Self::Running(why) => why,
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Usage(errors.to_string())
    }
}
