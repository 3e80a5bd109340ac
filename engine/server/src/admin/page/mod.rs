//! The files of the operator's page. They hold no data and need no token; what they fetch does.

use crate::files::File;

/// All of them: a path, and the file beside this one.
pub(super) const FILES: &[File] = &[File::html("/", include_bytes!("index.html"))];
