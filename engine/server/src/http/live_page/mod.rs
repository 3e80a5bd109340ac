//! The live page, with which people look at streams in a browser. It is served where `http.live_page` is set, holds no data, and
//! opens streams with a token as any other client does.

use std::sync::LazyLock;

use crate::files::{File, Files};

/// All of its files: a path, and the file beside this one.
const FILES: &[File] = &[File::html("/", include_bytes!("index.html"))];

pub(super) static PAGE: LazyLock<Files> = LazyLock::new(|| Files::new(FILES));
